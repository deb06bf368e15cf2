"""How far raters agree beyond chance, each number with its interval.

Two raters: Cohen's kappa (J. Cohen 1960, with weights 1968). As many raters for every item: Fleiss'
kappa (J. Fleiss 1971). Any number of raters and any gaps: Krippendorff's alpha (K. Krippendorff,
"Computing Krippendorff's Alpha-Reliability", 2011) for categories, ranks or numbers. 1 is perfect,
0 what chance gives, below 0 worse than chance. Intervals come from resampling the items: raters are
taken as given. A resample in which everyone always says the same has no number and is left out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from didact.stats.bootstrap import Interval
from didact.stats.resampling import Numbers, draw_weights, expanded

__all__ = ["Weights", "cohen", "cohen_of_table", "fleiss", "krippendorff"]

Weights: TypeAlias = Literal["none", "linear", "quadratic"]
Level: TypeAlias = Literal["nominal", "ordinal", "interval"]
Integers: TypeAlias = NDArray[np.int64]

_DRAWS = 2000


def cohen(
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    *,
    seed: int,
    order: Sequence[Hashable] = (),
    weights: Weights = "none",
    draws: int = _DRAWS,
    level: float = 0.95,
) -> Interval:
    """Kappa of two raters of the same items.

    ``order`` ranks the categories, for weights; ValueError where a rating is not among them.
    """
    if len(a) != len(b) or not a:
        raise ValueError("two raters rate the same items, at least one")
    known = list(order) or sorted(set(a) | set(b), key=str)
    if missing := (set(a) | set(b)) - set(known):
        raise ValueError(f"not among the categories: {sorted(map(str, missing))}")
    table = np.zeros((len(known), len(known)), dtype=np.int64)
    np.add.at(table, ([known.index(x) for x in a], [known.index(x) for x in b]), 1)
    return cohen_of_table(table, seed=seed, weights=weights, draws=draws, level=level)


def cohen_of_table(
    table: Sequence[Sequence[int]] | Integers,
    *,
    seed: int,
    weights: Weights = "none",
    draws: int = _DRAWS,
    level: float = 0.95,
) -> Interval:
    """Kappa from the counts: a row for what one rater says, a column for the other."""
    counts = np.asarray(table, dtype=np.int64)
    items, size = int(counts.sum()), len(counts)
    if counts.shape != (size, size) or items == 0 or (counts < 0).any():
        raise ValueError("a square table of counts, with at least one item")
    rank = np.arange(size)
    distance = np.abs(rank[:, None] - rank).astype(float)
    if weights == "none":
        distance = np.minimum(distance, 1.0)
    elif weights == "quadratic":
        distance **= 2
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(items, counts.ravel() / items, size=draws).reshape(-1, size, size)
    kappas = _kappas(np.concatenate([counts[None], drawn]) / items, distance)
    return expanded(float(kappas[0]), kappas[1:], units=items, level=level)


def fleiss(
    counts: Sequence[Sequence[int]],
    *,
    seed: int,
    draws: int = _DRAWS,
    level: float = 0.95,
) -> Interval:
    """Kappa of several raters: for each item, how many chose each category."""
    data = np.asarray(counts, dtype=np.float64)
    raters = data.sum(axis=1) if data.ndim == 2 else np.zeros(1)
    if raters[0] < 2 or (raters != raters[0]).any():
        raise ValueError("every item has the same number of raters, at least two")
    agreed = ((data**2).sum(axis=1) - raters) / (raters * (raters - 1))
    parts = np.column_stack([agreed, data / raters[:, None]])
    rng = np.random.default_rng(seed)
    blocks = [np.ones((1, len(data))), *draw_weights(len(data), draws, rng)]
    means = np.concatenate([block @ parts for block in blocks]) / len(data)
    chance = (means[:, 1:] ** 2).sum(axis=1)
    kappas = _ratio(means[:, 0] - chance, 1 - chance)
    return expanded(float(kappas[0]), kappas[1:], units=len(data), level=level)


def krippendorff(
    ratings: Sequence[Sequence[float | None]],
    *,
    seed: int,
    scale: Level = "nominal",
    draws: int = _DRAWS,
    level: float = 0.95,
) -> Interval:
    """Alpha of ratings as rows of items and columns of raters, None where one gave none.

    Items with fewer than two ratings say nothing about agreement and are left out.
    """
    units = [[v for v in row if v is not None] for row in ratings]
    units = [row for row in units if len(row) > 1]
    if not units:
        raise ValueError("no item has two ratings")
    values = sorted({value for row in units for value in row})
    place = {value: n for n, value in enumerate(values)}
    pairs = np.zeros((len(units), len(values), len(values)))
    for n, row in enumerate(units):
        seen = np.bincount([place[value] for value in row], minlength=len(values))
        pairs[n] = (np.outer(seen, seen) - np.diag(seen)) / (len(row) - 1)
    # Items that were rated alike are drawn together.
    kinds, counts = np.unique(pairs.reshape(len(units), -1), axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(units), counts / len(units), size=draws)
    weights = np.concatenate([counts[None], drawn])
    tables = (weights @ kinds).reshape(-1, len(values), len(values))
    alphas = _alphas(tables, np.array(values, dtype=np.float64), scale)
    return expanded(float(alphas[0]), alphas[1:], units=len(units), level=level)


def _kappas(shares: Numbers, distance: Numbers) -> Numbers:
    """Kappa of each table: 1 less the observed over the expected disagreement."""
    expected = shares.sum(axis=2)[:, :, None] * shares.sum(axis=1)[:, None, :]
    seen = (shares * distance).sum(axis=(1, 2))
    chance = (expected * distance).sum(axis=(1, 2))
    return _ratio(chance - seen, chance)


def _alphas(tables: Numbers, values: Numbers, scale: Level) -> Numbers:
    """Alpha of each table of coincidences."""
    totals = tables.sum(axis=2)
    number = totals.sum(axis=1)
    if scale == "ordinal":
        # The distance of two ranks is how many ratings lie between their middles.
        middles = np.cumsum(totals, axis=1) - totals / 2
        distance = (middles[:, :, None] - middles[:, None, :]) ** 2
    elif scale == "interval":
        distance = (values[:, None] - values)[None] ** 2
    else:
        distance = 1.0 - np.eye(len(values))[None]
    seen = (tables * distance).sum(axis=(1, 2))
    chance = (totals[:, :, None] * totals[:, None, :] * distance).sum(axis=(1, 2))
    return 1 - _ratio((number - 1) * seen, chance)


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    """NaN where there is nothing to divide by."""
    safe = np.where(below > 1e-12, below, np.nan)
    return above / safe
