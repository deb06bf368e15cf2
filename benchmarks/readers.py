"""How fast the readers are against ``json.loads`` on the same lines, and that memory stays flat.

    python benchmarks/readers.py [--megabytes 100] [--format alpaca ...] [--convert 1000000]

Generates a file of each format with texts of realistic length, times a plain loop of ``json.loads``
over its lines (of Parquet and of tables, over the same rows as JSON Lines) and the reader, best of
three by processor time, turn and turn about; then reads once more in a process of its own for the
peak of memory. ``with ids`` also asks every example for its id, which no reader needs.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow
import pyarrow.parquet

from didact.components import find
from didact.convert import convert

WORDS = (
    *("the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with"),
    *("be", "by", "on", "not", "he", "his", "at", "are"),
)


def text(rng: random.Random, words: int) -> str:
    """Some words; one text in eight has letters beyond ASCII, one in four several lines."""
    chosen = rng.choices(WORDS, k=words)
    if rng.random() < 0.125:
        chosen[words // 2] = "naïve “café”"
    return ("\n" if rng.random() < 0.25 else " ").join((" ".join(chosen[:8]), " ".join(chosen[8:])))


def turns(rng: random.Random, count: int) -> list[str]:
    return [
        text(rng, rng.randint(8, 40) if n % 2 == 0 else rng.randint(30, 250)) for n in range(count)
    ]


def message(rng: random.Random, number: str, depth: int, rank: int | None) -> dict[str, object]:
    asks = depth % 2 == 0
    replies = [message(rng, f"{number}.{n}", depth + 1, n if asks else None)
               for n in range(0 if depth > 2 else 1 + (asks and rng.random() < 0.6))]  # fmt: skip
    labels = {
        name: {"value": rng.random(), "count": 3} for name in ("quality", "toxicity", "humor")
    }
    return {
        "message_id": number, "text": turns(rng, 2)[not asks], "lang": "en", "rank": rank,
        "role": "prompter" if asks else "assistant", "review_result": True, "deleted": False,
        "synthetic": False, "labels": labels, "replies": replies,
    }  # fmt: skip


def rows(name: str) -> Iterator[dict[str, object]]:
    """Rows of a format without end."""
    rng = random.Random(name)
    number = 0
    while True:
        number += 1
        ask, answer, again, more = turns(rng, 4)
        given = text(rng, 60) if number % 3 == 0 else ""
        speak = [{"from": ("human", "gpt")[n % 2], "value": said}
                 for n, said in enumerate((ask, answer, again, more))]  # fmt: skip
        chat = [{"role": ("user", "assistant")[n % 2], "content": said}
                for n, said in enumerate((ask, answer, again, more))]  # fmt: skip
        tree = message(rng, str(number), 0, None) if name == "oasst" else None
        yield {
            "alpaca": {"instruction": ask, "input": given, "output": answer},
            "jsonl": {"instruction": ask, "input": given, "output": answer, "source": "made"},
            "jsonl-chat": {"messages": chat},
            "parquet": {"instruction": ask, "input": given, "output": answer},
            "dolly": {"instruction": ask, "context": given, "response": answer,
                      "category": "open_qa"},
            "openorca": {"id": f"flan.{number}", "system_prompt": "Think step by step.",
                         "question": ask, "response": answer},
            "evol": {"instruction": ask, "output": answer},
            "lima": {"conversations": [ask, answer], "source": "made"},
            "hh": {"chosen": f"\n\nHuman: {ask}\n\nAssistant: {answer}",
                   "rejected": f"\n\nHuman: {ask}\n\nAssistant: {more}"},
            "sharegpt": {"id": str(number), "conversations": speak},
            "sharegpt-html": {"id": str(number), "conversations": [
                {**turn, "value": page(rng, turn["value"])} for turn in speak]},
            "flan-tsv": {"question": ask, "answer": again, "rationale": answer},
            "superni": {"Task": f"task{number}_made", "Definition": [ask], "Positive Examples": [
                {"input": again, "output": "yes", "explanation": ask}] * 2, "Negative Examples": [],
                "Instances": [{"id": f"{number}-{n}", "input": f"{more} {n}", "output": ["yes"]}
                              for n in range(40)]},
            "flan": {"inputs": ask, "targets": answer, "task": "made"},
            "documents": {"id": str(number), "title": "A title", "text": f"{answer} {more}"},
            "self-instruct-seeds": {"id": f"seed_task_{number}", "name": "made", "instruction": ask,
                                    "instances": [{"input": given, "output": answer}],
                                    "is_classification": False},
            "oasst": {"message_tree_id": str(number), "tree_state": "ready_for_export",
                      "prompt": tree},
        }[name]  # fmt: skip


FORMATS = (
    "alpaca", "documents", "dolly", "evol", "flan", "flan-tsv", "hh", "jsonl", "jsonl-chat", "lima",
    "oasst", "openorca", "parquet", "self-instruct-seeds", "sharegpt", "sharegpt-html", "superni",
)  # fmt: skip
SOURCES = {"jsonl-chat": "jsonl", "flan-tsv": "flan", "sharegpt-html": "sharegpt"}
"""Of formats that are no source's name."""


def page(rng: random.Random, said: str) -> str:
    """What ShareGPT's pages hold of an answer: paragraphs, lists, code, and boxes around them."""
    first, *rest = said.split("\n")
    items = "".join(f"<li>{part}</li>" for part in said.split(" ")[:12:4])
    code = f"<pre><code>pythonCopy codeprint({rng.randint(1, 9)})\n</code></pre>"
    more = "".join(f"<p>{part}</p>" for part in rest)
    return (
        f'<div class="markdown prose"><p>{first} <strong>{said[:9]}</strong></p>{more}'
        f"<ul>{items}</ul>{code}</div>"
    )


def write(name: str, path: Path, size: int) -> None:
    """Lines of about so many bytes."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows(name):
            written += file.write(json.dumps(row, ensure_ascii=False) + "\n")
            if written > size:
                return


def loads(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
            count += 1
    return count


def read(name: str, path: Path, *, ids: bool = False) -> int:
    count = 0
    for example in find("sources", SOURCES.get(name, name))(path=path).read():
        count += 1
        if ids:
            _ = example.id
    return count


def array_of(path: Path) -> Path:
    """The same rows as one array on one line, as Alpaca was published."""
    out = path.with_suffix(".json")
    with path.open("rb") as source, out.open("wb") as target:
        for n, line in enumerate(source):
            target.write((b"," if n else b"[") + line.rstrip())
        target.write(b"]")
    return out


def table_of(path: Path) -> Path:
    """The same rows as tab-separated columns, as FLAN's reasoning sets were published."""
    out = path.with_suffix(".tsv")
    with path.open(encoding="utf-8") as source, out.open("w", encoding="utf-8") as target:
        for line in source:
            cells = (cell.replace("\n", "\\n") for cell in json.loads(line).values())
            target.write("\t".join(cells) + "\n")
    return out


def parquet_of(path: Path) -> Path:
    out = path.with_suffix(".parquet")
    with path.open(encoding="utf-8") as file:
        table = pyarrow.Table.from_pylist([json.loads(line) for line in file])
    pyarrow.parquet.write_table(table, out, compression="zstd", row_group_size=8192)
    return out


def best(work: list[Callable[[], int]], times: int) -> list[float]:
    """The best seconds of each, taken turn and turn about."""
    found = [float("inf")] * len(work)
    for _ in range(times):
        for n, one in enumerate(work):
            start = time.process_time()
            one()
            found[n] = min(found[n], time.process_time() - start)
    return found


def rss() -> float:
    """The peak of this process's own memory, in MiB; what it was started from does not count."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak(path: Path, name: str) -> float:
    """The peak of memory of a process that only reads, in MiB."""
    command = [sys.executable, __file__, "--peak", str(path), "--format", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def table(names: list[str], megabytes: int, times: int) -> None:
    size = megabytes * 1_000_000
    print("| format | rows | json.loads, s | reader, s | ratio | with ids | peak RSS, MiB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / f"{name}.jsonl"
            write(name, path, size)
            files = [(name, path)]
            if name == "alpaca":
                files.append(("alpaca, one array", array_of(path)))
            if name == "parquet":
                files = [(name, parquet_of(path))]
            if name == "flan-tsv":
                files = [(name, table_of(path))]
            for label, file in files:
                work = [partial(loads, path), partial(read, name, file)]
                plain, ours, ids = best([*work, partial(read, name, file, ids=True)], times)
                memory = peak(file, name)
                print(
                    f"| {label} | {loads(path):,} | {plain:.2f} | {ours:.2f} | {plain / ours:.2f}"
                    f" | {plain / ids:.2f} | {memory:.0f} |",
                    flush=True,
                )
                if file != path:
                    file.unlink()
            path.unlink()


def million(count: int) -> None:
    """Convert so many rows and tell the peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for n, row in zip(range(count), rows("alpaca"), strict=False):
                file.write(json.dumps({**row, "n": n}, ensure_ascii=False) + "\n")
        for target in ("sharegpt", "parquet", "oasst"):
            start = time.perf_counter()
            done = convert(path, Path(folder) / "out", to=target)
            seconds = time.perf_counter() - start
            memory = rss()
            size = path.stat().st_size / 1e6
            print(
                f"{done.carried:,} rows ({size:.0f} MB) to {target}: {seconds:.0f} s,"
                f" peak RSS {memory:.0f} MiB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--convert", type=int, metavar="ROWS")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak:
        read(asked.format[0], asked.peak)
        print(rss())
    elif asked.convert:
        million(asked.convert)
    else:
        table(asked.format or list(FORMATS), asked.megabytes, asked.times)


if __name__ == "__main__":
    main()
