"""Keep the examples with the best scores: a fixed number, or a share of what comes in.

The last step of most published selections: AlpaGasus keeps 9,229 of 52,002, Cherry and
Superfiltering the top 5 to 15 in 100 (of a fixed 52,002 in the code of Superfiltering, whatever the
data; of what there is here). The score is one that a recipe left in ``meta``, or that an earlier
filter gave (``score: NAME``). An example without a score is left out for that reason: it is not the
worst.

A share of what was kept is smaller again, so a second pass keeps less; a count keeps the same.

Cost: no call of a model; 40 bytes of memory an example, 80 for the scores of earlier filters.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite, isnan, nan
from typing import ClassVar

import numpy as np

from didact.records import Example, Verdict
from didact.stats.portions import check_portion, portion
from didact.stats.selecting import among_highest

__all__ = ["Top"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """Keep the examples with the best scores."""

    version: ClassVar[str] = "1"
    selects: ClassVar[bool] = True

    score: str = "score"
    """A key of `meta` that holds a number, or the name of an earlier filter that gave one."""
    count: int | None = None
    """How many to keep; or give `share`."""
    share: float | None = None
    """How much of what comes in to keep, above 0 and at most 1."""
    lowest: bool = False
    """Keep the lowest scores instead: the third control beside `random` and `longest`."""

    _heard: dict[str, Mapping[str, float | None]] = field(
        init=False,
        repr=False,
        compare=False,
        default_factory=dict[str, "Mapping[str, float | None]"],
    )

    def __post_init__(self) -> None:
        check_portion(count=self.count, share=self.share)

    def hear(self, scores: Mapping[str, Mapping[str, float | None]]) -> None:
        """The scores of the filters before this one: filter to id to score."""
        self._heard.clear()
        self._heard.update(scores)

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order; all are read before the first."""
        scores = array("d")
        for example in examples:
            score = self._score(example)
            scores.append(nan if score is None else score)
        ranked = np.frombuffer(scores, np.float64) * (-1.0 if self.lowest else 1.0)
        kept = among_highest(ranked, portion(len(scores), count=self.count, share=self.share))
        last = float(ranked[kept].min()) if kept.any() else None
        limit = None if last is None else (-last if self.lowest else last)
        for keep, score in zip(kept.tobytes(), scores, strict=True):
            if keep:
                yield Verdict(keep=True, score=score)
            elif isnan(score):
                yield Verdict(keep=False, reason="unscored", evidence={"score": self.score})
            else:
                evidence = {"last_kept": limit}
                yield Verdict(
                    keep=False, reason="not among the best", score=score, evidence=evidence
                )

    def _score(self, example: Example) -> float | None:
        if self.score in self._heard:
            return self._heard[self.score].get(example.id)
        value = example.meta.get(self.score)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return None
        return float(value)
