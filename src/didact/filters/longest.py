"""Keep the examples with the longest answers: the second control of every selection.

Zhao et al., "Long Is More for Alignment" (2024, arXiv 2402.04833): the thousand longest answers of
Alpaca train a better model than sets that a strong judge selected, and judges like length. A
selection that does not beat this one may only have found long answers.

Words are what spaces separate, and single characters in scripts without spaces; of equals the first
is kept. Cost: no call of a model; 40 bytes of memory an example.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from didact.records import Example, Verdict
from didact.stats.portions import check_portion, portion
from didact.stats.selecting import among_highest
from didact.text.parts import Part, part_of
from didact.text.words import count_words

__all__ = ["Longest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Longest:
    """Keep the examples with the longest answers."""

    version: ClassVar[str] = "1"
    selects: ClassVar[bool] = True

    count: int | None = None
    """How many to keep; or give `share`."""
    share: float | None = None
    """How much of what comes in to keep, above 0 and at most 1."""
    part: Part = "output"
    """What is measured: `instruction`, `input`, `prompt`, `output`, or `example`, all of it."""

    def __post_init__(self) -> None:
        check_portion(count=self.count, share=self.share)

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order; all are read before the first."""
        counted = array("d")
        for example in examples:
            counted.append(count_words(part_of(example, self.part)))
        words = np.frombuffer(counted, np.float64)
        kept = among_highest(words, portion(len(words), count=self.count, share=self.share))
        shortest = float(words[kept].min()) if kept.any() else None
        for keep, number in zip(kept.tobytes(), counted, strict=True):
            if keep:
                yield Verdict(keep=True, score=number)
            else:
                evidence = {"shortest_kept": shortest}
                yield Verdict(keep=False, reason="shorter", score=number, evidence=evidence)
