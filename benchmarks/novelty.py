"""The novelty decision against its peers, side by side in one run: prints ratios.

    python benchmarks/novelty.py [--size 54000]

Instructions come one after another; each is compared with all that were kept, and joins them when
its largest ROUGE-L F does not pass 0.7. Measured, tokenising included:

- ours, from an empty index, one call for each text and one call for each 256;
- rapidfuzz: ``cdist`` of 256 candidates at a time with the pool, two workers, pairs near the border
  decided again by the reference's expression (without that it decides some of them wrongly);
- the original's cost for one candidate on a pool of the final size: ``rouge_score`` in a plain
  loop with the pool split into words beforehand (its fastest form), and through ``Pool(4)`` as
  published. Over the stream a candidate meets a smaller pool: the mean size is put in.

Then every decision of the two is compared, and ours with ``rouge_score`` itself: on every pair that
``cdist`` puts near the border, on every pair that caused a drop, and on a sample of whole pools.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import Pool
from typing import NamedTuple, TypeVar

import numpy as np
from instructions import stream
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Indel
from rouge_score import rouge_scorer

from didact.text.novelty_index import Neighbour, NoveltyIndex
from didact.text.words import latin_words

THRESHOLD = 0.7
BATCH = 256
NEAR_BORDER = 1e-6

Result = TypeVar("Result")


class Peer(NamedTuple):
    keep: list[bool]
    border: list[tuple[int, int]]
    """Pairs of texts within rounding of the threshold."""


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def ours_single(texts: Sequence[str]) -> list[Neighbour | None]:
    index = NoveltyIndex(THRESHOLD)
    return [index.offer(text) for text in texts]


def ours_batched(texts: Sequence[str]) -> list[Neighbour | None]:
    index = NoveltyIndex(THRESHOLD)
    found: list[Neighbour | None] = []
    for start in range(0, len(texts), BATCH):
        found += index.offer_all(texts[start : start + BATCH])
    return found


def rouge_f(a: str, b: str) -> float:
    """F by the reference's expression, the subsequence counted by rapidfuzz."""
    common = Indel.distance(a, b)
    common = (len(a) + len(b) - common) // 2
    if not common:
        return 0.0
    precision, recall = common / len(b), common / len(a)
    return 2 * precision * recall / (precision + recall)


def with_rapidfuzz(texts: Sequence[str]) -> Peer:
    numbers: dict[str, str] = {}
    compare = partial(
        process.cdist, scorer=Indel.normalized_similarity, workers=2, dtype=np.float64
    )
    pool: list[str] = []
    position: list[int] = []
    peer = Peer([], [])
    for start in range(0, len(texts), BATCH):
        batch = [
            "".join([numbers.setdefault(w, _letter(len(numbers))) for w in latin_words(text)])
            for text in texts[start : start + BATCH]
        ]
        before = len(pool)
        outer = compare(batch, pool) if pool else np.zeros((len(batch), 0))
        inner = compare(batch, batch)
        for row, text in enumerate(batch):
            joined = [at - start for at in position[before:]]
            scores = np.concatenate([outer[row], inner[row, joined]])
            keep = not text or _keeps(scores, text, pool, position, start + row, peer.border)
            peer.keep.append(keep)
            if keep:
                pool.append(text)
                position.append(start + row)
    return peer


def _letter(number: int) -> str:
    return chr(number + 1 if number < 0xD000 else number + 0x1001)


def _keeps(
    scores: NDArray[np.float64],
    text: str,
    pool: Sequence[str],
    position: Sequence[int],
    at: int,
    border: list[tuple[int, int]],
) -> bool:
    near = np.flatnonzero(np.abs(scores - THRESHOLD) < NEAR_BORDER)
    # Two empty texts are equal to rapidfuzz and score nothing with the reference.
    border.extend((at, position[i]) for i in near)
    if (scores > THRESHOLD + NEAR_BORDER).any():
        return False
    return not any(rouge_f(text, pool[i]) > THRESHOLD for i in near)


def original_costs(texts: Sequence[str], kept: Sequence[int], candidates: int) -> dict[str, float]:
    """Seconds for one candidate on the whole pool, by the way it is compared."""
    rng = random.Random(0)
    chosen = [texts[rng.randrange(len(texts))] for _ in range(candidates)]
    pool = [texts[i] for i in kept]
    words = [latin_words(text) for text in pool]
    _, loop = timed(lambda: [_loop(text, words) for text in chosen])
    _, pooled = timed(lambda: _pool(chosen[0], pool))
    return {"loop, words split beforehand": loop / candidates, "Pool(4) as published": pooled}


def _loop(text: str, pool: Sequence[Sequence[str]]) -> float:
    words = latin_words(text)
    score = rouge_scorer._score_lcs  # pyright: ignore[reportPrivateUsage]
    return max(score(words, other).fmeasure for other in pool)


def _pool(text: str, pool: Sequence[str]) -> float:
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    with Pool(4) as workers:
        scores = workers.map(partial(scorer.score, text), pool)
    return max(score["rougeL"].fmeasure for score in scores)


def differences(
    texts: Sequence[str], found: Sequence[Neighbour | None], peer: Peer, samples: int
) -> dict[str, tuple[int, int]]:
    """Decisions that differ, and how many were compared, by what they were compared with."""
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)

    def reference(a: int, b: int) -> float:
        return scorer.score(texts[b], texts[a])["rougeL"].fmeasure

    kept = [i for i, neighbour in enumerate(found) if neighbour is None]
    drops = [(i, n) for i, n in enumerate(found) if n is not None]
    border = 0
    for a, b in peer.border:
        pairwise = NoveltyIndex(THRESHOLD)
        pairwise.add(texts[b])
        border += (pairwise.nearest(texts[a]) is not None) != (reference(a, b) > THRESHOLD)
    sampled = random.Random(1).sample(range(len(texts)), samples)
    words = [latin_words(text) for text in texts]
    wrong = 0
    for i in sampled:
        best = max((_loop(texts[i], [words[k]]) for k in kept if k < i), default=0.0)
        neighbour = found[i]
        wrong += (best > THRESHOLD) != (neighbour is not None)
        wrong += neighbour is not None and neighbour.score != best
    return {
        "rapidfuzz, every decision": (
            sum(k != (n is None) for k, n in zip(peer.keep, found, strict=True)),
            len(texts),
        ),
        "rouge_score, every pair at the border": (border, len(peer.border)),
        "rouge_score, the score of every drop": (
            sum(reference(i, kept[n.position]) != n.score for i, n in drops),
            len(drops),
        ),
        "rouge_score, candidates against their whole pool": (wrong, samples),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=54_000, help="instructions in the stream")
    parser.add_argument("--repeats", type=int, default=3, help="runs of ours; the median counts")
    parser.add_argument("--candidates", type=int, default=3, help="timed with rouge_score")
    parser.add_argument("--samples", type=int, default=10, help="checked against whole pools")
    options = parser.parse_args()

    texts, real = stream(options.size)
    print(f"{len(texts)} instructions, {real} of them real")
    _, first = timed(lambda: ours_single(texts[:1]))
    print(f"first use in this process (compiled code loaded or made): {first:.2f} s")
    single, batched = [], []
    found: list[Neighbour | None] = []
    for _ in range(options.repeats):
        found, seconds = timed(lambda: ours_single(texts))
        single.append(seconds)
        together, seconds = timed(lambda: ours_batched(texts))
        batched.append(seconds)
        assert together == found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    peer, rapidfuzz_seconds = timed(lambda: with_rapidfuzz(texts))

    kept = [i for i, neighbour in enumerate(found) if neighbour is None]
    originals = original_costs(texts, kept, options.candidates)
    # The pool a candidate meets is smaller than the final one: its mean size over the stream.
    mean_pool = float(np.mean(np.cumsum([n is None for n in found]))) / len(kept)
    ours, one = float(np.median(batched)), float(np.median(single))
    print(f"kept {len(kept)}; a candidate meets {mean_pool:.2f} of that pool on average")
    print(f"ours, 256 texts a call    {ours:9.2f} s  ({min(batched):.2f}-{max(batched):.2f})")
    print(f"ours, one text a call     {one:9.2f} s  ({min(single):.2f}-{max(single):.2f})")
    print(f"rapidfuzz cdist           {rapidfuzz_seconds:9.2f} s")
    print(f"ratio to rapidfuzz: {rapidfuzz_seconds / ours:.1f} (one text a call: "
          f"{rapidfuzz_seconds / one:.1f}); the bar is 25")  # fmt: skip
    for name, seconds in originals.items():
        ratio = seconds * mean_pool / (ours / len(texts))
        print(f"original, {name}: {1e3 * seconds:.0f} ms a candidate on the final pool, "
              f"ratio {ratio:,.0f}; the bar is 10,000")  # fmt: skip
    for name, (wrong, compared) in differences(texts, found, peer, options.samples).items():
        print(f"decisions different from {name}: {wrong} of {compared}")
    print(f"peak memory of ours, with the texts: {peak:.2f} GiB; the bar is 1")


if __name__ == "__main__":
    main()
