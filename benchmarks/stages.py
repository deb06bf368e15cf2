"""What every stage does a second on one core, in one table: the figures that a plan is made of.

    OMP_NUM_THREADS=1 python benchmarks/stages.py [--rows 20000] [--asked 300] [--json FILE]

Rates are per second of processor time (not of the clock), so that a machine busy with other work
gives the same table, though memory and caches that others use still count against it. Everything
runs in this process on one thread; what is compiled is compiled before. The rows are instructions
of the real data where it is at hand (``DIDACT_DATA``), each with an answer of two more. Models
are the embedded one (4.1 million parameters), in float32, on tasks of the microworld: a real one
is slower by the ratio of the parameters, and runs on a GPU.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

from instructions import stream
from replay import Asking, Instant

from didact import tables
from didact.calls import CallLog
from didact.components import find
from didact.context import Context
from didact.judging import plain
from didact.models.embedded import Embedded
from didact.models.scorer import Scorer
from didact.records import Example, Origin, Request, Sampling, Verdict
from didact.scale.asking import named, verdicts_of
from didact.scale.shards import Shards
from didact.scale.working import work

CHECKED = (
    "length", "parsable", "language", "pii", "refusal", "repetition", "toxicity",
    "exact-duplicate", "near-duplicate", "novelty", "contamination",
)  # fmt: skip
TEACHER_REPLY = 600
"""Characters of a reply of whom the log keeps."""


class Rate(NamedTuple):
    stage: str
    of: str
    """What is counted."""
    second: float
    """Of it, a second of one core."""
    note: str = ""


def measured(count: int, doing: Callable[[], object], *, repeat: int = 3) -> float:
    """Things a second of processor time, the median of some times."""
    rates: list[float] = []
    for _ in range(repeat):
        start = time.process_time()
        doing()
        rates.append(count / (time.process_time() - start))
    return statistics.median(rates)


def examples(count: int) -> list[Example]:
    texts, _ = stream(count)
    origin = Origin(recipe="stages")
    return [
        Example.single(text, f"{texts[number - 1]} {texts[number - 2]}", origin=origin)
        for number, text in enumerate(texts)
    ]


def reading(rows: Sequence[Example], folder: Path) -> list[Rate]:
    lines, table = folder / "rows.jsonl", folder / "rows.parquet"
    tables.write_jsonl(lines, rows)
    tables.EXAMPLES.write(table, rows)
    verdicts = [(row.id, "length", Verdict(keep=True, score=1.0)) for row in rows]
    source = find("sources", "jsonl")(path=lines)
    size = lines.stat().st_size / len(rows)
    found = [
        ("read JSON Lines", lambda: list(source.read()), f"{size:.0f} bytes a row"),
        ("read Parquet", lambda: list(tables.EXAMPLES.read(table)), "the run's own examples"),
        ("ids of rows", lambda: [replace(row).id for row in rows], ""),
        ("write examples", lambda: tables.EXAMPLES.write(folder / "o.parquet", rows), "Parquet"),
        (
            "write verdicts",
            lambda: tables.VERDICTS.write(folder / "v.parquet", verdicts),
            "Parquet",
        ),
    ]
    return [Rate(name, "rows", measured(len(rows), doing), note) for name, doing, note in found]


def judging(rows: Sequence[Example]) -> list[Rate]:
    found: list[Rate] = []
    tests = list(find("sources", "microworld")(count=1000).read())
    for name in CHECKED:
        settings: dict[str, Any] = {"words": ("damn", "hell")} if name == "toxicity" else {}

        def judge(
            some: Sequence[Example] = rows, name: str = name, settings: Any = settings
        ) -> int:
            component = find("filters", name)(**settings)
            if hasattr(component, "protect"):
                component.protect(tests)
            return sum(1 for _ in plain(component, some))

        judge(rows[:200])
        grows = name in ("near-duplicate", "novelty")
        note = f"among the {len(rows):,} before it; slower with more" if grows else ""
        found.append(Rate(f"filter {name}", "rows", measured(len(rows), judge), note))
    shard = json.dumps(
        {"kind": "filters", "use": "length", "settings": {}, "rows": [r.to_json() for r in rows]}
    )
    note = "JSON, the check of length, JSON"
    checked = measured(len(rows), lambda: work("check", shard))
    note_driver = "one filter: JSON out, verdicts in; what one driver can keep workers busy with"
    driven = measured(len(rows), lambda: asyncio.run(_driven(rows)))
    return [
        *found,
        Rate("a worker's check", "rows", checked, note),
        Rate("drive workers", "rows", driven, note_driver),
    ]


class _Done:
    """Workers that have done every shard before it comes."""

    workers = 64

    def __init__(self, rows: int) -> None:
        self._rows = rows
        verdict = {"keep": True, "reason": "", "score": 12.0, "evidence": {}}
        self._result = json.dumps({"rows": [verdict] * rows})

    async def run(self, work: str, shard: str) -> str:  # noqa: ARG002
        return self._result

    def close(self) -> None:
        pass


async def _driven(rows: Sequence[Example], size: int = 64) -> None:
    shards = Shards(_Done(size), rows=size, tell=lambda *_: None)
    entry = named(find("filters", "length")(), "filters")
    assert entry is not None
    async for _ in verdicts_of(entry, rows[: len(rows) // size * size], shards, check=_slow):
        pass


def _slow(_: Example) -> Verdict:
    """What is worth sending: it takes the clock's time, not the processor's."""
    time.sleep(0.002)
    return Verdict(keep=True, score=12.0)


def asking(calls: int, folder: Path) -> list[Rate]:
    """The call log under ``ctx.ask`` and ``ctx.map``, a model that answers at once."""
    asker = Asking(calls, 3 * TEACHER_REPLY)

    def ask(path: Path) -> None:
        log = CallLog.open(path, write=True)
        ctx = Context({"teacher": Instant(TEACHER_REPLY)}, log=log)

        async def every() -> None:
            async for _ in asker.run(ctx, ()):
                pass

        asyncio.run(every())
        log.close()

    path = folder / "calls.db"
    logged = measured(calls, lambda: ask(path), repeat=1)
    size = path.stat().st_size / calls
    note = f"{size:,.0f} bytes a call, prompt of {3 * TEACHER_REPLY:,} and reply of {TEACHER_REPLY}"
    replayed = measured(calls, lambda: ask(path))
    return [Rate("log a call", "calls", logged, note), Rate("replay a call", "calls", replayed)]


def modelling(count: int, folder: Path) -> list[Rate]:
    """What a model does: generation, the scores of IFD and perplexity, a training."""
    import torch

    torch.set_num_threads(1)
    rows = list(find("sources", "microworld")(count=count).read())
    embedded = Embedded()
    requests = [
        Request(messages=row.messages[:1], sampling=Sampling(max_tokens=32)) for row in rows
    ]

    async def answered() -> int:
        replies = await asyncio.gather(*(embedded.ask(request) for request in requests))
        return sum(reply.usage.completion for reply in replies)

    asyncio.run(answered())
    start = time.process_time()
    tokens = asyncio.run(answered())
    seconds = time.process_time() - start
    found = [Rate("embedded generation", "new tokens", tokens / seconds, f"{count} at once")]
    for name in ("ifd", "perplexity"):
        scorer = Scorer(path=str(Embedded.directory()), device="cpu", dtype="float32")

        async def score(name: str = name, scorer: Scorer = scorer) -> None:
            component = find("filters", name)()
            ctx = Context({"scorer": scorer})
            if hasattr(component, "sift"):
                async for _ in component.sift(ctx, rows):
                    pass
            else:
                async for _ in ctx.map(lambda row: component.check(ctx, row), rows):
                    pass

        # A scorer answers what it answered before from its memory, so there is one time only.
        rate = measured(len(rows), lambda score=score: asyncio.run(score()), repeat=1)
        found.append(Rate(f"filter {name}", "rows", rate, "embedded model"))
    trainer = find("trainers", "sft")(epochs=1.0, dtype="float32")
    start = time.process_time()
    out = folder / "trained"
    out.mkdir()
    trainer.train(Context({}, stage="train"), rows, Embedded.directory(), out)
    seconds = time.process_time() - start
    steps = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    tokens = sum(step["tokens"] for step in steps)
    note = "embedded model, float32, all weights, start and proofs included"
    return [*found, Rate("train sft", "tokens", tokens / seconds, note)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--asked", type=int, default=300, help="rows for what models do")
    parser.add_argument("--json", type=Path, help="where the table goes as JSON")
    options = parser.parse_args()
    rows = examples(options.rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = [*reading(rows, folder), *judging(rows), *asking(options.calls, folder)]
        found += modelling(options.asked, folder)
    print("| stage | of | a second, one core | |\n|---|---|---|---|")
    for rate in found:
        print(f"| {rate.stage} | {rate.of} | {rate.second:,.0f} | {rate.note} |")
    if options.json:
        options.json.write_text(json.dumps([rate._asdict() for rate in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
