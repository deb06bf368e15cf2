"""How a score grows with the number of examples: the coefficient that data sets are compared by.

Instruction backtranslation (Li et al. 2023, arXiv 2308.06259) fits ``w = alpha * log(N) + C`` to
the win rate w of one model tuned on N examples of a data set, and compares alphas. The paper does
not state the base of its logarithm; ours is the natural one, and the result says so.

With several trainings of each size the line is fitted to every seed on every item by itself, which
is the same sum in another order: alpha is the mean of a table of seeds by items, and its interval
covers new seeds and new items. What it does not cover is that the truth may be no line: `off` says
how far the means are from it. No I/O.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import linear_regression
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from didact.stats.bootstrap import Interval, bootstrap
from didact.stats.seeds import across_seeds

__all__ = ["LogFit", "Scaling", "fit_log", "mean_of_table", "scaling"]


class LogFit(NamedTuple):
    """``alpha * ln(N) + constant``."""

    alpha: float
    """What a score gains where the data grows e times."""
    constant: float
    base: float = math.e
    """Of the logarithm."""

    def at(self, examples: float) -> float:
        """The score that so many examples would give."""
        return self.alpha * math.log(examples, self.base) + self.constant

    def in_base(self, base: float) -> LogFit:
        """The same line with the logarithm of another base."""
        return LogFit(self.alpha * math.log(base) / math.log(self.base), self.constant, base)


class Scaling(NamedTuple):
    """The line through the means of all sizes, natural logarithm, and how sure it is."""

    alpha: Interval
    constant: Interval
    off: float
    """The farthest that the mean of a size is from the line."""


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


def scaling(sizes: Sequence[float], tables: ArrayLike, *, seed: int = 0) -> Scaling:
    """The fit of scores in a block of sizes by seeds by items, every cell filled.

    With one seed the interval covers new items alone.
    """
    block = np.asarray(tables, dtype=np.float64)
    if block.ndim != 3 or len(block) != len(sizes) or not np.isfinite(block).all():
        raise ValueError("needs a full block of sizes by seeds by items")
    means = block.mean(axis=(1, 2))
    line = fit_log(zip(sizes, means.tolist(), strict=True))
    logs = np.log(np.asarray(sizes, dtype=np.float64))
    slope = (logs - logs.mean()) / float(((logs - logs.mean()) ** 2).sum())
    level = 1 / len(logs) - slope * float(logs.mean())
    alphas, constants = (np.tensordot(weights, block, axes=1) for weights in (slope, level))
    off = max(abs(mean - line.at(n)) for n, mean in zip(sizes, means.tolist(), strict=True))
    return Scaling(mean_of_table(alphas, seed=seed), mean_of_table(constants, seed=seed), off)


def mean_of_table(table: ArrayLike, *, seed: int = 0) -> Interval:
    """The mean of seeds by items: for new seeds too where there are two or more that differ."""
    data = np.asarray(table, dtype=np.float64)
    if min(data.shape) >= 2 and (data != data[0]).any():
        return across_seeds(data).score
    return bootstrap(data[0].tolist(), seed=seed)
