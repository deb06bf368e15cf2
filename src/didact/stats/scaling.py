"""How a score grows with the number of examples: the coefficient that data sets are compared by.

Instruction backtranslation (Li et al. 2023, arXiv 2308.06259) fits ``w = alpha * log(N) + C`` to
the win rate w of one model tuned on N examples of a data set, and compares alphas. The paper does
not state the base of its logarithm; ours is the natural one, and the result says so. No I/O.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import linear_regression
from typing import NamedTuple

__all__ = ["LogFit", "fit_log"]


class LogFit(NamedTuple):
    """``alpha * ln(N) + constant``."""

    alpha: float
    """What a score gains where the data grows e times."""
    constant: float
    base: float = math.e
    """Of the logarithm."""

    def at(self, examples: float) -> float:
        """The score that so many examples would give."""
        return self.alpha * math.log(examples) + self.constant

    def in_base(self, base: float) -> LogFit:
        """The same line with the logarithm of another base."""
        return LogFit(self.alpha * math.log(base) / math.log(self.base), self.constant, base)


def fit_log(points: Iterable[tuple[float, float]]) -> LogFit:
    """The line of least squares through (examples, score); ValueError for fewer than two sizes."""
    given = list(points)
    if any(size <= 0 for size, _ in given):
        raise ValueError("a number of examples must be above 0")
    if len({size for size, _ in given}) < 2:
        raise ValueError("a line needs two numbers of examples or more")
    logs = [math.log(size) for size, _ in given]
    line = linear_regression(logs, [score for _, score in given])
    return LogFit(line.slope, line.intercept)
