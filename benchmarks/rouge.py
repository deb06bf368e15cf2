"""ROUGE-L with stemming over 10,000 pairs of texts, beside the reference package.

    python benchmarks/rouge.py [--pairs 10000] [--data DIR]

Pairs are made of 4,000 words with the frequencies that words have, references of 30 words in the
middle and predictions of 45; with the recorded data at hand, the outputs of AlpacaEval's models
against its reference too. The reference package (``rouge_score``, Google) is given a part of the
pairs and its time multiplied; every score that both give is compared. The bar is 20 times.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer

from didact.text.rouge import rouge_l

Pair = tuple[str, str]
PART = 400


def made(count: int) -> list[Pair]:
    """Pairs that share some of their words."""
    rng = random.Random(0)
    stems = ["".join(rng.choices("abcdefghilmnoprstu", k=rng.randint(2, 7))) for _ in range(1500)]
    ends = ("", "s", "ed", "ing", "ly", "ation", "ness", "er")
    vocabulary = [f"{rng.choice(stems)}{rng.choice(ends)}" for _ in range(4000)]
    weights = [1 / (rank + 2) for rank in range(len(vocabulary))]

    def text(middle: float) -> str:
        return " ".join(
            rng.choices(vocabulary, weights, k=int(rng.lognormvariate(middle, 0.8)) + 1)
        )

    return [(text(3.8), text(3.4)) for _ in range(count)]


def recorded(folder: Path, count: int) -> list[Pair]:
    """Outputs of the models of AlpacaEval, and those of its reference."""
    outputs = folder / "alpaca_eval" / "outputs"
    reference = {row["instruction"]: row["output"] for row in rows(outputs / REFERENCE)}
    pairs = [
        (row["output"], reference[row["instruction"]])
        for path in sorted(outputs.glob("*.jsonl.gz"))
        if path.name != REFERENCE
        for row in rows(path)
        if row["instruction"] in reference
    ]
    return random.Random(0).sample(pairs, min(count, len(pairs)))


REFERENCE = "text_davinci_003.jsonl.gz"


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def measure(name: str, pairs: Sequence[Pair]) -> None:
    # A first few, so that neither pays for what is set up once.
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    for prediction, target in pairs[:20]:
        scorer.score(target, prediction)
        rouge_l(prediction, target, stem=True)
    start = time.perf_counter()
    ours = [rouge_l(prediction, target, stem=True).f for prediction, target in pairs]
    own = time.perf_counter() - start
    part = pairs[:: max(1, len(pairs) // PART)]
    start = time.perf_counter()
    theirs = [scorer.score(target, prediction)["rougeL"].fmeasure for prediction, target in part]
    other = (time.perf_counter() - start) * len(pairs) / len(part)
    same = theirs == ours[:: max(1, len(pairs) // PART)]
    print(
        f"{name:10} {len(pairs):,} pairs: {own:.2f} s, the reference {other:.0f} s (from"
        f" {len(part)}): {other / own:.0f} times; scores {'equal' if same else 'DIFFER'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--data", type=Path, default=None)
    options = parser.parse_args()
    measure("made", made(options.pairs))
    if options.data:
        measure("recorded", recorded(options.data, options.pairs))


if __name__ == "__main__":
    main()
