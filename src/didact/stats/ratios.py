"""One total as a part of another on the same items, with an interval by resampling both together.

The percentile bootstrap of the ratio, its ends moved out for few (`didact.stats.resampling`), whole
clusters drawn. Where what is divided by may be 0 there is no ratio to tell. No I/O.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from didact.stats.bootstrap import Interval
from didact.stats.resampling import draw_weights, expanded

__all__ = ["part_of"]


def part_of(
    part: Sequence[float],
    whole: Sequence[float],
    *,
    seed: int,
    clusters: Sequence[Hashable] | None = None,
    draws: int = 2_000,
) -> Interval | None:
    """The sum of ``part`` in percent of that of ``whole``; None where that may be 0."""
    data = np.column_stack([np.asarray(part, dtype=np.float64), np.asarray(whole, float)])
    units = len(data) if clusters is None else len(set(clusters))
    drawn = draw_weights(len(data), draws, np.random.default_rng(seed), clusters=clusters)
    sums = np.concatenate([weights @ data for weights in drawn])
    total = data.sum(axis=0)
    sure = expanded(float(total[1]), sums[:, 1], units=units)
    if units < 2 or sure.low <= 0 <= sure.high:
        return None
    ratios = sums[:, 0] / np.where(sums[:, 1] == 0, np.nan, sums[:, 1])
    return expanded(100 * float(total[0] / total[1]), 100 * ratios, units=units)
