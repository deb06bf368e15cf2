"""Novelty of a million short instructions into a growing pool: time, memory, how it grows.

    python benchmarks/million.py [--sizes 50000,250000,1000000]

The instructions are those of the other benchmarks: all real ones, and where they do not suffice
spliced ones (``instructions.stream``). Each size runs in a process of its own, so that its peak is
its own: splitting into words alone, then the growing pool, 256 texts a call, from which that time
is taken off. Printed are seconds, the peak above what the texts take, and the exponent between
sizes (2 is a plain loop). On a sample, decisions are compared with a loop of ``rouge_l`` over
everything kept before.
"""

from __future__ import annotations

import argparse
import math
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import memory
from instructions import stream

from didact.text.novelty_index import NoveltyIndex
from didact.text.rouge import rouge_l_words
from didact.text.words import latin_words

THRESHOLD = 0.7
BATCH = 256


class Outcome(NamedTuple):
    kept: int
    tokenising: float
    seconds: float
    """After tokenising."""
    cpu: float
    memory: float
    """GiB."""
    checked: int
    wrong: int


def measure(texts: Sequence[str], candidates: int) -> Outcome:
    NoveltyIndex(THRESHOLD).offer("a b c")
    before = memory.start()
    start, cpu = time.perf_counter(), time.process_time()
    for text in texts:
        latin_words(text)
    tokenising, words_cpu = time.perf_counter() - start, time.process_time() - cpu
    # Splitting again in each call, so that the words of a million texts are never held together.
    start, cpu = time.perf_counter(), time.process_time()
    index = NoveltyIndex(THRESHOLD)
    keep: list[bool] = []
    for at in range(0, len(texts), BATCH):
        keep += [near is None for near in index.offer_all(texts[at : at + BATCH])]
    seconds = time.perf_counter() - start - tokenising
    cpu = time.process_time() - cpu - words_cpu
    most = memory.peak() - before
    wrong = 0
    sample = random.Random(0).sample(range(len(texts)), min(candidates, len(texts)))
    for place in sample:
        words = latin_words(texts[place])
        near = any(
            rouge_l_words(words, latin_words(texts[other])).f > THRESHOLD
            for other in range(place)
            if keep[other]
        )
        wrong += near == keep[place]
    return Outcome(sum(keep), tokenising, seconds, cpu, most, len(sample), wrong)


def in_own_process(texts: Sequence[str], candidates: int, folder: Path) -> Outcome:
    file = folder / "texts.pickle"
    file.write_bytes(pickle.dumps(texts))
    command = [sys.executable, __file__, "--file", str(file), "--candidates", str(candidates)]
    subprocess.run(command, check=True)
    return pickle.loads(file.with_suffix(".out").read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="50000,250000,1000000")
    parser.add_argument("--candidates", type=int, default=5, help="compared with the whole pool")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        texts = pickle.loads(options.file.read_bytes())
        outcome = measure(texts, options.candidates)
        options.file.with_suffix(".out").write_bytes(pickle.dumps(outcome))
        return
    sizes = [int(size) for size in options.sizes.split(",")]
    texts, real = stream(max(sizes))
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{real:,} real instructions, the rest spliced; {words:.1f} words on average")
    print(f"{'size':>9}{'kept':>9}{'tokenise':>10}{'novelty':>9}{'CPU':>9}{'GiB':>7}{'exponent':>10}"
          f"{'wrong':>8}")  # fmt: skip
    last: tuple[int, Outcome] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            found = in_own_process(texts[:size], options.candidates, Path(folder))
            grown = ""
            if last is not None:
                grown = f"{math.log(found.cpu / last[1].cpu) / math.log(size / last[0]):.2f}"
            print(f"{size:>9,}{found.kept:>9,}{found.tokenising:>10.2f}{found.seconds:>9.2f}"
                  f"{found.cpu:>9.2f}{found.memory:>7.2f}{grown:>10}"
                  f"{f'{found.wrong} of {found.checked}':>8}", flush=True)  # fmt: skip
            last = size, found
    print("bar: a million in under 90 s after tokenising and under 3 GiB")


if __name__ == "__main__":
    main()
