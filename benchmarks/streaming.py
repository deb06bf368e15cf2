"""The generate and filter stages at 100,000, 1,000,000 and 10,000,000 rows: speed and peak memory.

    python benchmarks/streaming.py [--rows 100000 1000000] [--workers 2] [--keep FOLDER]

Rows are made (a task of some ten words and an answer of some twenty; one in fifty says the same as
an earlier one, one in fifty is too short, refuses, or goes round in circles). Each stage runs in a
process of its own, whose peak of memory is what the kernel says; ``--workers`` gives the checks to
as many processes (``scale: local``) and adds the peak of the largest of them. Ten million rows need
about 5 GB of disk.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from didact import pipeline
from didact.components import find
from didact.config import Generation, RunConfig, Scale
from didact.records import Example, Origin

WORDS = (
    *("amber", "barrel", "candle", "delta", "engine", "forest", "garden", "harbour", "island"),
    *("jacket", "kettle", "ladder", "market", "needle", "orchard", "pencil", "quarry", "river"),
    *("saddle", "tunnel", "valley", "window", "yellow", "bridge", "copper", "meadow", "winter"),
)
ORIGIN = Origin(recipe="made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Rows that follow from their number."""

    rows: int

    def read(self) -> Iterator[Example]:
        """All of them."""
        for number in range(self.rows):
            yield row(number)


def row(number: int) -> Example:
    """One in fifty is a repetition in other letters, one in fifty has something wrong with it."""
    kind = number % 100
    if kind in (7, 57) and number > 100:
        first = row(number - 50 if kind == 57 else number - 6)
        return Example.single(first.instruction.upper(), first.output, origin=ORIGIN)
    rng = random.Random(number)
    words = rng.choices(WORDS, k=24)
    instruction = f"Write of {' '.join(words[:7])} in {number} words."
    output = f"The {' '.join(words[7:])}."
    if kind == 21:
        output = "I'm sorry, but I cannot help with that."
    elif kind == 71:
        output = "round and " * 9
    return Example.single(
        instruction, output, origin=ORIGIN, meta={"dataset": "made", "n": number % 1000}
    )


def config(rows: int, workers: int) -> RunConfig:
    filters = [find("filters", name)() for name in ("length", "parsable", "repetition", "refusal")]
    return RunConfig(
        name="streaming",
        generate=(Generation(use=Made(rows=rows)),),
        filter=(*filters, find("filters", "exact-duplicate")()),
        scale=Scale(use="local", workers=workers, rows=1024) if workers else None,
    )


def stage(name: str, rows: int, folder: Path, workers: int) -> None:
    begin = time.perf_counter()
    make = {"generate": pipeline.generate, "filter": pipeline.filter}[name]
    done = make(config(rows, workers if name == "filter" else 0), folder)
    seconds, own = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    peak = own.ru_maxrss / 2**20
    told = f"{rows:>11,} rows  {name:<9}{seconds:>8.1f} s {rows / seconds:>9,.0f} rows/s"
    cpu = own.ru_utime + own.ru_stime
    told += f"  {cpu / rows * 1e6:5.1f} us of processor a row  peak {peak:.2f} GiB"
    if workers and name == "filter":
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        told += f", of a worker {most:.2f} GiB"
    print(f"{told}  {done.kept:,} kept", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where the runs are made, and stay")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        stage(given.stage, given.rows[0], given.keep, given.workers)
        return
    for rows in given.rows:
        folder = Path(tempfile.mkdtemp(prefix="streaming")) if given.keep is None else given.keep
        run = folder / f"{rows}"
        for name in ("generate", "filter"):
            here = [sys.executable, __file__, "--stage", name, "--rows", str(rows)]
            subprocess.run([*here, "--keep", str(run), "--workers", str(given.workers)], check=True)
        if given.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
