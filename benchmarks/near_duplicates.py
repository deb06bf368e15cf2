"""Near-duplicates against their peers, side by side in one run: time, memory, recall, precision.

    python benchmarks/near_duplicates.py [--size 100000] [--below 0.7] [--peers ours,rensa]

Instructions come one after another; each is compared with all that were kept, and joins them when
none has a Jaccard similarity of its words at or above the threshold. Every method runs in a process
of its own, which is given the same file; time includes splitting into words, memory is the peak of
the process above that of one that only reads the file.

- ours: the exact index, 256 texts a call;
- rensa: MinHash of 128 in 16 bands, one text after another; ``rensa32``: in 32 bands, and what
  meets compared exactly, as our filter does for long texts;
- datasketch: MinHashLSH of 128 with its own choice of bands.

Recall is the share of the texts to be dropped that were: a text that a method kept although one of
those it kept before is near is a miss. Precision is the share of its drops that have one. Both are
found by the exact index, which is checked against sets in a plain loop on a sample.
"""

from __future__ import annotations

import argparse
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import memory
from instructions import stream

from didact.text.jaccard_index import JaccardIndex
from didact.text.words import all_words

BATCH = 256


class Outcome(NamedTuple):
    keep: list[bool]
    seconds: float
    cpu: float
    memory: float
    """GiB of the process above that of reading the file."""


def ours(texts: Sequence[str], below: float) -> list[bool]:
    index = JaccardIndex(below)
    keep: list[bool] = []
    for start in range(0, len(texts), BATCH):
        keep += [near is None for near in index.offer_all(texts[start : start + BATCH])]
    return keep


def rensa16(texts: Sequence[str], below: float) -> list[bool]:
    return _rensa(texts, below, bands=16, verify=False)


def rensa32(texts: Sequence[str], below: float) -> list[bool]:
    return _rensa(texts, below, bands=32, verify=True)


def _rensa(texts: Sequence[str], below: float, *, bands: int, verify: bool) -> list[bool]:
    import rensa

    lsh = rensa.RMinHashLSH(threshold=below, num_perm=128, num_bands=bands)
    keep: list[bool] = []
    for number, text in enumerate(texts):
        words = all_words(text)
        mark = rensa.RMinHash(num_perm=128, seed=42)
        mark.update(words)
        met = lsh.query(mark) if words else []
        if verify and met:
            found = set(words)
            met = [at for at in met if _similarity(found, set(all_words(texts[at]))) >= below]
        keep.append(not met)
        if not met:
            lsh.insert(number, mark)
    return keep


def datasketch(texts: Sequence[str], below: float) -> list[bool]:
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=below, num_perm=128)
    keep: list[bool] = []
    for number, text in enumerate(texts):
        mark = MinHash(num_perm=128)
        words = all_words(text)
        mark.update_batch([word.encode("utf-8", "surrogatepass") for word in words])
        near = bool(words) and bool(lsh.query(mark))
        keep.append(not near)
        if not near:
            lsh.insert(number, mark, check_duplication=False)
    return keep


METHODS: dict[str, Callable[[Sequence[str], float], list[bool]]] = {
    "ours": ours,
    "rensa": rensa16,
    "rensa32": rensa32,
    "datasketch": datasketch,
}


def _similarity(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a and b else 0.0


def work(name: str, file: Path, below: float, out: Path) -> None:
    """One method in a process of its own."""
    texts = pickle.loads(file.read_bytes())
    # What is compiled or loaded at the first call is told apart.
    METHODS[name](["a b c", "a b c"], below)
    before = memory.start()
    start, cpu = time.perf_counter(), time.process_time()
    keep = METHODS[name](texts, below)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    most = memory.peak() - before
    out.write_bytes(pickle.dumps(Outcome(keep, seconds, cpu, most)))


def measured(name: str, file: Path, below: float) -> Outcome:
    out = file.with_suffix(f".{name}")
    command = [sys.executable, __file__, "--work", name, "--file", file, "--below", str(below)]
    subprocess.run([*map(str, command), "--out", str(out)], check=True)
    return pickle.loads(out.read_bytes())


def quality(texts: Sequence[str], keep: Sequence[bool], below: float) -> tuple[float, float]:
    """Recall and precision of the drops, each held against what the method itself kept before."""
    index = JaccardIndex(below)
    right = missed = 0
    start = 0
    # Stretches of kept texts at once; a dropped one is only looked up.
    while start < len(texts):
        stop = start
        while stop < len(texts) and keep[stop] == keep[start] and stop - start < BATCH:
            stop += 1
        if keep[start]:
            near = index.offer_all(texts[start:stop], hold=True)
            missed += sum(found is not None for found in near)
        else:
            near = index.nearest_all(texts[start:stop])
            right += sum(found is not None for found in near)
        start = stop
    dropped = sum(not one for one in keep)
    return right / max(right + missed, 1), right / max(dropped, 1)


def checked(texts: Sequence[str], below: float, size: int) -> int:
    """Decisions of the exact index that differ from those of a plain loop over sets."""
    sample = random.Random(1).sample(texts, min(size, len(texts)))
    held: list[set[str]] = []
    wrong = 0
    for text, keep in zip(sample, ours(sample, below), strict=True):
        found = set(all_words(text))
        near = any(_similarity(found, other) >= below for other in held)
        wrong += near == keep
        if not near:
            held.append(found)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=100_000, help="instructions in the stream")
    parser.add_argument("--below", type=float, default=0.7, help="the threshold")
    parser.add_argument("--peers", default=",".join(METHODS), help="which of them, and ours")
    parser.add_argument("--repeats", type=int, default=1, help="the fastest of so many counts")
    parser.add_argument("--check", type=int, default=3_000, help="texts of the plain loop")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.file, options.below, options.out)
        return
    texts, real = stream(options.size)
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts):,} instructions, {real:,} of them real, {words:.1f} words on average")
    print(f"decisions different from a plain loop over sets on {options.check:,} of them:",
          checked(texts, options.below, options.check))  # fmt: skip
    outcomes: dict[str, Outcome] = {}
    print(
        f"{'method':<12}{'seconds':>9}{'CPU':>9}{'GiB':>7}{'dropped':>9}{'recall':>8}{'precision':>10}"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.pickle"
        file.write_bytes(pickle.dumps(texts))
        for name in options.peers.split(","):
            runs = [measured(name, file, options.below) for _ in range(options.repeats)]
            best = min(runs, key=lambda run: run.cpu)
            outcomes[name] = best
            recall, precision = quality(texts, best.keep, options.below)
            dropped = sum(not one for one in best.keep)
            print(f"{name:<12}{best.seconds:>9.2f}{best.cpu:>9.2f}{best.memory:>7.2f}"
                  f"{dropped:>9,}{recall:>8.4f}{precision:>10.4f}", flush=True)  # fmt: skip
    for name, bar in (("datasketch", "at least 5 at 100k"), ("rensa", "at least 0.33 at 1M")):
        if name in outcomes and "ours" in outcomes:
            ratio = outcomes[name].cpu / outcomes["ours"].cpu
            wall = outcomes[name].seconds / outcomes["ours"].seconds
            print(f"{name} / ours: {ratio:.2f} in CPU time, {wall:.2f} on the clock; bar {bar}")


if __name__ == "__main__":
    main()
