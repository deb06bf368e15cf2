"""Resampling many columns at once, and the interval that a set of resampled values gives.

The bootstrap (Efron 1979) with the same draw of items for every model, so that what is compared
stays paired. The percentile interval is too narrow for few items; its ends are moved out to where
Student's interval would have them for a mean (T. Hesterberg, "What Teachers Should Know About the
Bootstrap", 2015, arXiv 1411.5279, expanded percentile), which changes nothing for many.

Items that are alike in every column are drawn together by one multinomial: scores of 0 and 1 for
five models are 32 kinds of item, however many items there are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from didact.stats.bootstrap import Interval
from didact.stats.student import expanded_tail

__all__ = ["Numbers", "column_intervals", "draw_weights", "expanded", "resampled_means"]

Numbers: TypeAlias = NDArray[np.float64]

_CELLS = 1 << 22
"""Draws times items held in memory at once."""

_FEW = 8
"""An item in so many is a new kind: below that, drawing kinds is the faster way."""


def draw_weights(
    items: int,
    draws: int,
    rng: np.random.Generator,
    *,
    clusters: Sequence[Hashable] | None = None,
) -> Iterator[Numbers]:
    """How often each item is in each draw: blocks of rows, one row for a draw.

    With ``clusters`` whole clusters are drawn, items inside them stay.
    """
    if clusters is not None:
        names = {name: n for n, name in enumerate(dict.fromkeys(clusters))}
        owner = np.array([names[name] for name in clusters])
        for block in draw_weights(len(names), draws, rng):
            yield block[:, owner]
        return
    kind = np.uint16 if items <= np.iinfo(np.uint16).max else np.uint32
    rows = max(1, _CELLS // items)
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        picks = rng.integers(items, size=(size, items), dtype=kind).astype(np.int64)
        picks += np.arange(size)[:, None] * items
        yield np.bincount(picks.ravel(), minlength=size * items).reshape(size, items).astype(float)


def resampled_means(columns: ArrayLike, draws: int, rng: np.random.Generator) -> Numbers:
    """The mean of every column (items by columns) in every draw: draws by columns."""
    data = np.asarray(columns, dtype=np.float64)
    if data.ndim != 2 or not len(data) or not np.isfinite(data).all():
        raise ValueError("resampling needs finite columns with at least one item")
    kinds, counts = np.unique(data, axis=0, return_counts=True)
    if len(kinds) * _FEW <= len(data):
        drawn = rng.multinomial(len(data), counts / len(data), size=draws)
        return drawn @ kinds / len(data)
    blocks = [block @ data for block in draw_weights(len(data), draws, rng)]
    return np.concatenate(blocks) / len(data)


def expanded(estimate: float, draws: ArrayLike, *, units: int, level: float = 0.95) -> Interval:
    """The interval of an estimate from its values in all draws of ``units`` independent items.

    Draws without a value (NaN) are left out.
    """
    values = np.asarray(draws, dtype=np.float64)
    values = values[~np.isnan(values)]
    tail = expanded_tail(units, level)
    if units < 2 or not len(values):
        return Interval(estimate, float("-inf"), float("inf"))
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high))


def column_intervals(
    columns: ArrayLike, *, seed: int, draws: int = 10_000, level: float = 0.95
) -> list[Interval]:
    """The mean of every column with its interval, all from the same draws of items."""
    data = np.asarray(columns, dtype=np.float64)
    means = resampled_means(data, draws, np.random.default_rng(seed))
    return [
        expanded(float(mean), means[:, n], units=len(data), level=level)
        for n, mean in enumerate(data.mean(axis=0))
    ]
