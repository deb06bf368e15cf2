"""Novelty without skipping anything: the report of a Self-Instruct run, brute force, rouge_score.

    python benchmarks/exactness.py [--size 52000] [--pairs 2000000]

Instructions come 256 at a time. The index decides each; then each is compared with everything that
was kept before it, for its ten nearest and its mean similarity, as the paper's run logs them. That
comparison skips nothing, so the two must agree: a text is dropped exactly where the largest of all
its similarities is above the threshold, and for the neighbour that has it. Last, similarities are
computed again by ``rouge_score`` itself: of the pairs in the reports, and of pairs drawn at random.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from multiprocessing import Pool
from typing import NamedTuple

from instructions import stream
from rouge_score import rouge_scorer, tokenizers

from didact.text.novelty_index import Neighbour, NoveltyIndex, Surroundings

THRESHOLD = 0.7
BATCH = 256
K = 10


class Reported(NamedTuple):
    index: NoveltyIndex
    found: list[Neighbour | None]
    around: list[Surroundings]
    kept: list[int]
    deciding: float
    comparing: float


def report(texts: Sequence[str]) -> Reported:
    index = NoveltyIndex(THRESHOLD)
    index.around(["a"], [0])
    made = Reported(index, [], [], [], 0.0, 0.0)
    deciding = comparing = 0.0
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        began = time.perf_counter()
        found = index.offer_all(batch)
        decided = time.perf_counter()
        counts = []
        for place, near in enumerate(found, start):
            counts.append(len(made.kept))
            if near is None:
                made.kept.append(place)
        made.around.extend(index.around(batch, counts, K))
        deciding += decided - began
        comparing += time.perf_counter() - decided
        made.found.extend(found)
    return made._replace(deciding=deciding, comparing=comparing)


def wrong_decisions(made: Reported) -> int:
    """Decisions, or neighbours of what was dropped, that brute force would have made otherwise."""
    wrong = 0
    for found, around in zip(made.found, made.around, strict=True):
        best = around.nearest[0] if around.nearest else None
        wrong += found != (best if best is not None and best.score > THRESHOLD else None)
    return wrong


def pairs(made: Reported, texts: Sequence[str], count: int) -> list[tuple[int, int, float]]:
    """Those of the reports, and others at random, each with the similarity the index gives."""
    chosen = [
        (place, made.kept[near.position], near.score)
        for place, around in enumerate(made.around)
        for near in around.nearest
    ]
    rng = random.Random(2)
    chosen = rng.sample(chosen, min(count // 2, len(chosen)))
    while len(chosen) < count:
        place = rng.randrange(len(texts))
        scores = made.index.scores(texts[place])
        positions = rng.choices(range(len(scores)), k=min(1_000, count - len(chosen)))
        chosen += [(place, made.kept[at], float(scores[at])) for at in positions]
    return chosen


_words: list[list[str]] = []


def _reference(part: list[tuple[int, int, float]]) -> list[float]:
    score = rouge_scorer._score_lcs  # pyright: ignore[reportPrivateUsage]
    return [score(_words[other], _words[text]).fmeasure for text, other, _ in part]


def different(texts: Sequence[str], chosen: list[tuple[int, int, float]]) -> int:
    """Similarities that are not the double that rouge_score gives."""
    tokenizer = tokenizers.DefaultTokenizer(use_stemmer=False)
    _words.extend(tokenizer.tokenize(text) for text in texts)
    parts = [chosen[start : start + 2_000] for start in range(0, len(chosen), 2_000)]
    wrong = 0
    with Pool(2) as workers:
        for part, wanted in zip(parts, workers.imap(_reference, parts), strict=True):
            wrong += sum(one[2] != other for one, other in zip(part, wanted, strict=True))
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=52_000, help="instructions in the stream")
    parser.add_argument("--pairs", type=int, default=2_000_000, help="compared with rouge_score")
    options = parser.parse_args()
    texts, real = stream(options.size)
    made = report(texts)
    print(f"{len(texts):,} instructions, {real:,} of them real; kept {len(made.kept):,}")
    print(f"decided in {made.deciding:.2f} s; ten nearest and mean over the pool of each in "
          f"{made.comparing:.2f} s; the bar for both is 90 s", flush=True)  # fmt: skip
    print(f"decisions and neighbours different from brute force: {wrong_decisions(made)} "
          f"of {len(texts):,}", flush=True)  # fmt: skip
    chosen = pairs(made, texts, options.pairs)
    print(f"similarities different from rouge_score: {different(texts, chosen)} of {len(chosen):,}")


if __name__ == "__main__":
    main()
