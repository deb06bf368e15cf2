"""Scores of several training seeds on the same items: an interval that covers new seeds too.

Every seed answers every item, so a mean varies with the items, with the seeds, and with both
together. A bootstrap over three seeds cannot say how much seeds vary (three values have ten
resamples); the variance components of the two-way table can (F. Satterthwaite, "An Approximate
Distribution of Estimates of Variance Components", 1946), with the few degrees of freedom they have.
Paired comparisons are intervals of differences: give the table of differences.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from didact.stats.bootstrap import Interval
from didact.stats.student import student_quantile

__all__ = ["AcrossSeeds", "across_seeds", "paired_across_seeds"]


class AcrossSeeds(NamedTuple):
    """A mean over seeds and items, and what it varies with."""

    score: Interval
    seed_sd: float
    """Standard deviation between seeds, beyond what the items explain."""
    item_sd: float
    """Standard deviation between items, alike for all seeds."""
    df: float
    """Degrees of freedom of the interval: below 5 more seeds help more than more items."""


def across_seeds(table: ArrayLike, *, level: float = 0.95) -> AcrossSeeds:
    """The mean of a table of seeds by items, for new seeds and new items."""
    data = np.asarray(table, dtype=np.float64)
    if data.ndim != 2 or min(data.shape) < 2 or not np.isfinite(data).all():
        raise ValueError("needs a full table of at least two seeds by two items")
    seeds, items = data.shape
    mean = float(data.mean())
    rows, columns = data.mean(axis=1), data.mean(axis=0)
    of_seeds = items * float(((rows - mean) ** 2).sum()) / (seeds - 1)
    of_items = seeds * float(((columns - mean) ** 2).sum()) / (items - 1)
    rest = data - rows[:, None] - columns + mean
    of_rest = float((rest**2).sum()) / ((seeds - 1) * (items - 1))
    # A component below 0 is 0: then the rest alone tells how much the mean varies by it.
    excess_seeds, excess_items = max(0.0, of_seeds - of_rest), max(0.0, of_items - of_rest)
    total = (excess_seeds + excess_items + of_rest) / (seeds * items)
    parts = [
        (of_seeds if excess_seeds else 0.0, seeds - 1),
        (of_items if excess_items else 0.0, items - 1),
        (of_rest * (1 - (excess_seeds > 0) - (excess_items > 0)), (seeds - 1) * (items - 1)),
    ]
    spread = sum(value**2 / df for value, df in parts) / (seeds * items) ** 2
    df = max(1.0, total**2 / spread) if spread > 0 else float(items - 1)
    half = student_quantile((1 + level) / 2, df) * sqrt(total)
    return AcrossSeeds(
        score=Interval(mean, mean - half, mean + half),
        seed_sd=sqrt(excess_seeds / items),
        item_sd=sqrt(excess_items / seeds),
        df=df,
    )


def paired_across_seeds(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> AcrossSeeds:
    """The mean of ``a - b``, both seeds by items with seeds and items in the same order."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"tables of one shape are paired, not {first.shape} and {second.shape}")
    return across_seeds(first - second, level=level)
