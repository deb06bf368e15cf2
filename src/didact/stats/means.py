"""The mean of the scores of items and its interval: the one that every page gives it.

Right or wrong, item by item, is a share: the interval of Wilson (1927). Where items come in
families it is taken for as many items as would tell as much alone, by how much families differ
(after E. Korn and B. Graubard 1998, "Confidence intervals for proportions with small expected
number of positive counts", who have the exact binomial one), with Student's quantile: resampled
families hold the truth 79 times in 100 where few answers are right. Other scores are resampled
(`didact.stats.bootstrap`), whole families where there are such. Scores that are all the same,
resampled, would claim certainty: the share of others that may still come could be anywhere on the
scale.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didact.stats.bootstrap import Interval, bootstrap, paired_bootstrap, wilson
from didact.stats.student import student_quantile

__all__ = ["all_alike", "gain_interval", "mean_interval", "share_of_families"]

Numbers: TypeAlias = NDArray[np.float64]

_OF_EACH = 4
"""Degrees of freedom for each family that has the rarer outcome: 94 to 98 of 100 hold the truth
where 2 to 15 % are right and families differ much, 91 to 98 with those of all families."""

_MANY = 5_000
"""Units above which means are normal to the third digit, and resampling only takes time."""


def mean_interval(
    values: Sequence[float],
    *,
    low: float,
    top: float,
    seed: int,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 10_000,
) -> Interval:
    """The mean of scores from ``low`` to ``top``, and its 95 % interval.

    Of one cluster alone, items are drawn.
    """
    groups: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters or range(len(values)), strict=True):
        groups.setdefault(cluster, []).append(value)
    if len(groups) == 1:
        clusters, groups = None, {n: [value] for n, value in enumerate(values)}
    if len(set(values)) == 1:
        return all_alike(values[0], len(groups), low=low, top=top)
    if not set(values) <= {low, top}:
        if len(groups) <= _MANY:
            return bootstrap(values, seed=seed, clusters=clusters, resamples=resamples)
        sums = np.array([sum(group) for group in groups.values()])
        sizes = np.array([len(group) for group in groups.values()], dtype=np.float64)
        mean, spread, df = _mean_of_families(sums, sizes)
        half = student_quantile(0.975, df) * sqrt(spread)
        return Interval(mean, mean - half, mean + half)
    if clusters is None:
        share = wilson(sum(value == top for value in values), len(values))
    else:
        right = [(sum(v == top for v in group), len(group)) for group in groups.values()]
        share = share_of_families([n for n, _ in right], [n for _, n in right])
    return Interval(*(low + bound * (top - low) for bound in share))


def gain_interval(
    mine: Sequence[float],
    theirs: Sequence[float],
    *,
    low: float,
    top: float,
    seed: int,
    clusters: Sequence[Hashable] | None = None,
) -> Interval:
    """The mean of ``mine - theirs``, item by item, and its 95 % interval; of one cluster, items."""
    units = len(mine) if clusters is None else len(set(clusters))
    if units == 1:
        units, clusters = len(mine), None
    differences = [a - b for a, b in zip(mine, theirs, strict=True)]
    if len(set(differences)) == 1 and {*mine, *theirs} <= {low, top}:
        return all_alike(differences[0], units, low=low - top, top=top - low)
    return paired_bootstrap(mine, theirs, seed=seed, clusters=clusters)


def share_of_families(right: ArrayLike, items: ArrayLike) -> Interval:
    """The share of items that are right, from how many are in each family: for new families."""
    good, size = np.asarray(right, dtype=np.float64), np.asarray(items, dtype=np.float64)
    total = float(size.sum())
    share, spread, df = _mean_of_families(good, size)
    # Families that are alike tell no more than their items do.
    alone = min(total, share * (1 - share) / spread) if spread else total
    # Few families with the rarer outcome say little of how families differ.
    few = min(int((good > 0).sum()), int((good < size).sum()))
    return wilson(share * alone, alone, df=max(1, min(df, _OF_EACH * few)))


def _mean_of_families(sums: Numbers, sizes: Numbers) -> tuple[float, float, int]:
    """The mean over all items, its variance for new families, and the degrees of freedom."""
    count, total = len(sizes), float(sizes.sum())
    mean = float(sums.sum()) / total
    off = float(((sums - mean * sizes) ** 2).sum()) / total**2
    return mean, off * count / (count - 1), count - 1


def all_alike(value: float, units: int, *, low: float, top: float) -> Interval:
    """Of so many units that all have this value; one says nothing of others."""
    rare = wilson(0, units).high if units > 1 else 1.0
    low, top = min(low, value), max(top, value)
    return Interval(value, value - rare * (value - low), value + rare * (top - value))
