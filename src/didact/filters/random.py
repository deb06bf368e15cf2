"""Keep a random sample: the control that every selection is to be measured against.

AlpaGasus, Cherry and DEITA all report one; a filter that does not beat it bought nothing. The lot
of an example is drawn from its content and the seed, so the sample is the same in whatever order
the examples come, and a larger sample holds a smaller one.

Cost: no call of a model; 40 bytes of memory an example.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from didact.records import Example, Verdict
from didact.stats.portions import check_portion, drawn, portion

__all__ = ["Random"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """Keep a random sample of the examples."""

    version: ClassVar[str] = "1"
    selects: ClassVar[bool] = True

    count: int | None = None
    """How many to keep; or give `share`."""
    share: float | None = None
    """How much of what comes in to keep, above 0 and at most 1."""
    seed: int = 0
    """Another number draws another sample."""

    def __post_init__(self) -> None:
        check_portion(count=self.count, share=self.share)

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order; all are read before the first."""
        order = drawn((example.id for example in examples), seed=self.seed)
        number = portion(len(order), count=self.count, share=self.share)
        kept = np.zeros(len(order), np.bool_)
        kept[order[:number]] = True
        for keep in kept.tobytes():
            if keep:
                yield Verdict(keep=True)
            else:
                evidence = {"kept": number, "of": len(kept), "seed": self.seed}
                yield Verdict(keep=False, reason="not drawn", evidence=evidence)
