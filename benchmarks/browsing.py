"""Do the pages stay quick over a million examples? Index once, then ask each page of a real server.

    python benchmarks/browsing.py --examples 1000000 --out work-runs/browsing

Bars: the first byte of any page within 200 ms, a search within 500 ms, memory under 500 MB (the
server's and the builder's high-water marks), on two cores. Texts are words drawn by Zipf's law from
a vocabulary of 30,000, 75 words an example, so that some words stand in every example and some in
ten. Each address is asked five times after one to warm up; the slowest counts.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from didact import rows, tables
from didact.records import Example, Origin, Verdict
from didact.store import Run
from didact.web.index import is_fresh

RECIPES = ("self-instruct", "alpaca", "dolly", "evol-instruct")
REASONS = ("too similar", "too long", "refused")


def make(path: Path, count: int) -> None:
    """A run of so many examples, a filter's verdict and score on each."""
    rng = np.random.default_rng(0)
    words = [f"w{n:05d}" if n > 20 else f"the{n}" for n in range(30_000)]
    chances = 1 / np.arange(1, len(words) + 1)
    chances /= chances.sum()
    ids: list[str] = []

    def examples():
        for start in range(0, count, 10_000):
            drawn = rng.choice(len(words), size=(10_000, 75), p=chances)
            for n in range(start, min(start + 10_000, count)):
                text = [words[w] for w in drawn[n - start]]
                example = Example.single(
                    f"Task {n}: {' '.join(text[:15])}",
                    " ".join(text[15 : 16 + n % 60]),
                    origin=Origin(recipe=RECIPES[n % 7 % 4]),
                    meta={"dataset": f"set {n % 11}"},
                )
                ids.append(example.id)
                yield example

    write(path, count, examples(), ids)


def make_second(path: Path, first: Path, count: int) -> None:
    """A run of the first half of another, every seventh example answered otherwise."""
    ids: list[str] = []

    def examples():
        for group in rows.groups(first / "generate" / "examples.parquet"):
            for row in group:
                if len(ids) == count:
                    return
                example = tables.EXAMPLES.from_row(row)
                if len(ids) % 7 == 0:
                    last = replace(example.messages[-1], content=f"{example.output} indeed")
                    example = replace(example, messages=(*example.messages[:-1], last))
                ids.append(example.id)
                yield example

    write(path, count, examples(), ids)


def write(path: Path, count: int, examples: Iterator[Example], ids: list[str]) -> None:
    scores = np.random.default_rng(count).random(count)
    with Run.create(path) as run:
        run.write_config(f"name: {path.name}\ngenerate: []\nfilter: []\n")
        with run.writing("generate") as folder:
            folder.write(tables.EXAMPLES, examples)
            run.finish(folder, _stage("generate", count, count))
        with run.writing("filter") as folder:
            verdicts = (
                (
                    example_id,
                    "novelty",
                    Verdict(
                        keep=n % 10 != 0,
                        reason=REASONS[n // 10 % 100 % 3] if n % 10 == 0 else "",
                        score=float(scores[n]),
                    ),
                )
                for n, example_id in enumerate(ids)
            )
            folder.write(tables.VERDICTS, verdicts)
            folder.write(tables.KEPT, [])
            run.finish(folder, _stage("filter", count, count - count // 10))


def _stage(name: str, read: int, kept: int) -> dict[str, object]:
    calls = dict.fromkeys(("made", "replayed", "failed", "prompt_tokens", "completion_tokens"), 0)
    return {
        **{"stage": name, "fingerprint": "0", "calls": {**calls, "seconds": 0.0}, "seconds": 1.0},
        **{"read": read, "kept": kept, "dropped": {}, "failures": 0, "models": {}},
    }


def peak(process: int) -> float:
    """The high-water mark of a process, in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def build(path: Path) -> None:
    """The index, in a process of its own: seconds and memory."""
    (path / "browse.db").unlink(missing_ok=True)
    code = (
        "import sys, pathlib; from didact.web.index import build_index;"
        "seen = []; build_index(pathlib.Path(sys.argv[1]), lambda d, t: seen.append((d, t)));"
        "print(len(seen)); sys.stdin.read()"
    )
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        told = int(process.stdout.readline())
        seconds = time.perf_counter() - start
        size = (path / "browse.db").stat().st_size / 1e6
        print(
            f"index     {seconds:.0f} s, {peak(process.pid):.0f} MB of memory, {size:.0f} MB on"
            f" disk, progress told {told} times"
        )
        process.kill()


def asked(port: int, address: str) -> tuple[float, float, str]:
    """Seconds to the first byte and to the last, and the page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    start = time.perf_counter()
    connection.request("GET", address)
    response = connection.getresponse()
    first = time.perf_counter() - start
    body = response.read().decode("utf-8")
    last = time.perf_counter() - start
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{address}: {response.status}\n{body[:1000]}")
    return first, last, body


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="use the indexes that are there")
    parser.add_argument("--out", type=Path, default=Path("work-runs/browsing"))
    options = parser.parse_args()
    for name in ("one", "two"):
        if not (options.out / name / "filter" / "stage.json").exists():
            start = time.perf_counter()
            if name == "one":
                make(options.out / name, options.examples)
            else:
                make_second(options.out / name, options.out / "one", options.examples // 2)
            print(f"made      {name} in {time.perf_counter() - start:.0f} s", flush=True)
        if not (options.keep and is_fresh(options.out / name)):
            build(options.out / name)
    command = [sys.executable, "-c", "from didact.cli import main; main()", "open"]
    with subprocess.Popen(
        [*command, str(options.out)], stdout=subprocess.PIPE, env={**os.environ}
    ) as server:
        port = int(server.stdout.readline().decode().split(":")[2].strip("/\n"))
        try:
            measure(port)
            print(f"memory    {peak(server.pid):.0f} MB of the server after all of it")
        finally:
            server.send_signal(signal.SIGINT)


def measure(port: int) -> None:
    base = "/runs/one"
    _, _, listed = asked(port, f"{base}/examples?after=500000")
    some = re.search(r"examples/([0-9a-f]{32})", listed)[1]
    why = quote("novelty: refused")
    pages = {
        "/": "runs",
        base: "a run",
        f"{base}/examples": "examples",
        f"{base}/examples?after=990000": "examples, far down",
        f"{base}/examples?verdict=dropped&recipe=dolly&after=900000": "two filters",
        f"{base}/examples?why={why}": "a reason",
        f"{base}/examples/{some}": "an example",
        f"{base}/examples/{some}.json": "an example as JSON",
        f"{base}/rate": "studies",
    }
    start = time.perf_counter()
    while 'http-equiv="refresh"' in asked(port, "/compare?a=one&b=two")[2]:
        if time.perf_counter() - start > 300:
            raise SystemExit("the comparison takes more than five minutes")
        time.sleep(0.2)
    print(f"compared  in {time.perf_counter() - start:.0f} s", flush=True)
    both = "/compare?a=one&b=two"
    pages |= {
        both: "two runs side by side",
        f"{both}&show=same&after=400000": "what they share, far down",
        f"{both}&show=only-a": "what only one has",
        f"{base}/examples/{some}/similar": "similar examples",
    }
    searches = {
        "?q=the0": "a word of every example",
        "?q=w00500": "a common word",
        "?q=w29000": "a rare word",
        "?q=the0+the1+w00500": "three words",
        '?q="the0+the1"': "a phrase",
        "?q=w001*": "the beginning of a word",
        "?q=the0&verdict=dropped&recipe=alpaca&source=set+3": "a word of all, three filters",
        "?verdict=kept&recipe=alpaca&source=set+3": "three filters",
        "?shortest=55&longest=58": "by length",
        "?score=novelty&low=0.99999": "by score, few",
        "?score=novelty&low=0.5&shortest=60&verdict=dropped&source=set+5": "score, length, filters",
        "?q=w00500&score=novelty&low=0.999": "a word and a score",
        "?q=Task+999999": "one example of all",
    }
    for label, table, bar in (
        ("page", pages, 200),
        ("search", {f"{base}/examples{q}": name for q, name in searches.items()}, 500),
    ):
        slowest = 0.0
        for address, name in table.items():
            asked(port, address)
            times = [asked(port, address)[:2] for _ in range(5)]
            first, last = (1000 * max(column) for column in zip(*times, strict=True))
            slowest = max(slowest, first if label == "page" else last)
            print(f"{label:<8}  {name:<32} first byte {first:4.0f} ms, whole {last:4.0f} ms")
        print(f"{label:<8}  slowest {slowest:.0f} ms; bar {bar} ms", flush=True)


if __name__ == "__main__":
    main()
