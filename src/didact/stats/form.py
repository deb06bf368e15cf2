"""How much of a preference is form: a logistic model of the marks on the surface of two answers.

As `didact.stats.length_control` does with length alone (Y. Dubois et al. 2024, arXiv 2404.04475):
each preference is explained by a constant and by the differences of the two answers' marks; then
the differences are set to 0, and what is left of the mean preference is what the judge would have
said of two answers that look alike. What both form and content bring (a right answer that is also
longer) goes to form, so the part left is the careful one. Everything is fitted again on resampled
items. No I/O.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from didact.stats.bootstrap import Interval
from didact.stats.logistic import fit_logistic, logistic
from didact.stats.means import all_alike
from didact.stats.resampling import Numbers, draw_weights, expanded
from didact.stats.student import student_quantile

__all__ = ["Form", "form"]

_DRAWS = 1000
_PENALTY = 0.05
"""Keeps a coefficient finite for a judge that looks at nothing but that mark."""


class Form(NamedTuple):
    """A mean preference, and what of it the marks explain; percent."""

    raw: Interval
    alike: Interval | None
    """Where both answers looked the same; None where every verdict is the same, which any mark and
    none explains."""
    explained: Interval | None
    """Raw less alike: the points that are form."""
    share: Interval | None
    """Explained over the gain above 50; None where the gain may be none at all."""
    slopes: tuple[Interval, ...]
    """Of each mark, logits: above 0 where the judge prefers more of it."""
    items: int
    warnings: tuple[str, ...]
    """When not to trust it."""


def form(
    preferences: Sequence[float],
    differences: Sequence[Sequence[float]],
    *,
    seed: int,
    draws: int = _DRAWS,
    names: Sequence[str] = (),
    clusters: Sequence[Hashable] | None = None,
) -> Form:
    """The part of preferences from 0 to 1 that differences of marks explain, item by item.

    With ``clusters`` whole ones are drawn: intervals then speak of new clusters.
    """
    outcome = np.asarray(preferences, dtype=np.float64)
    marks = np.asarray(differences, dtype=np.float64)
    if len(outcome) < 3 or marks.ndim != 2 or len(marks) != len(outcome):
        raise ValueError("needs three preferences at least, and the marks of each")
    if not ((outcome >= 0) & (outcome <= 1)).all():
        raise ValueError("preferences lie between 0 and 1")
    # Around 0, so that to change the sides changes the sign; tanh, so that no answer weighs all.
    scale = np.sqrt((marks**2).mean(axis=0))
    terms = np.column_stack(
        [np.ones(len(outcome)), np.tanh(marks / np.where(scale > 0, scale, 1.0))]
    )
    penalty = np.array([1e-6, *[_PENALTY] * marks.shape[1]])
    rng = np.random.default_rng(seed)
    drawn = draw_weights(len(outcome), draws, rng, clusters=clusters)
    weights = np.concatenate([np.ones((1, len(outcome))), *drawn])
    fits = fit_logistic(terms, outcome, weights=weights, penalty=penalty)
    gap = logistic(fits[:, :1]) - logistic(fits @ terms.T)
    total = weights.sum(axis=1)
    raw = 100 * (weights @ outcome) / total
    alike = np.clip(raw + 100 * (weights * gap).sum(axis=1) / total, 0, 100)
    units = len(outcome) if clusters is None else len(set(clusters))
    same = bool((outcome == outcome[0]).all())

    def told(values: Numbers) -> Interval:
        return expanded(float(values[0]), values[1:], units=units)

    return Form(
        raw=all_alike(float(raw[0]), units, low=0, top=100) if same else told(raw),
        alike=None if same else _by_logits(alike, units),
        explained=None if same else _normal(raw - alike, units),
        share=None if same else _share(raw, alike, units),
        slopes=tuple(told(fits[:, 1 + n]) for n in range(marks.shape[1])),
        items=len(outcome),
        warnings=_warnings(marks, names, same=same),
    )


def _warnings(marks: Numbers, names: Sequence[str], *, same: bool) -> tuple[str, ...]:
    told = ["every verdict is the same: form and content cannot be told apart"] if same else []
    for number, name in enumerate(names):
        column = marks[:, number]
        if column.min() > 0 or column.max() < 0:
            side = "more" if column.min() > 0 else "less"
            told.append(f"always {side} {name} than the other: where they look alike is a guess")
    return tuple(told)


def _normal(values: Numbers, units: int) -> Interval:
    """By the deviation of the draws: for what leans on a model this holds the truth more often."""
    half = student_quantile(0.975, units - 1) * float(values[1:].std(ddof=1))
    return Interval(float(values[0]), float(values[0]) - half, float(values[0]) + half)


def _by_logits(percent: Numbers, units: int) -> Interval:
    """The same on the scale that the model is linear on: 95 of 100 where quantiles hold 93."""
    inside = np.clip(percent, 1e-4, 100 - 1e-4)
    found = _normal(np.log(inside / (100 - inside)), units)
    low, high = (100 * float(logistic(np.array(end))) for end in found[1:])
    return Interval(float(percent[0]), low, high)


def _share(raw: Numbers, alike: Numbers, units: int) -> Interval | None:
    gains = raw - 50
    sure = expanded(float(gains[0]), gains[1:], units=units)
    if not isfinite(sure.low) or sure.low <= 0 <= sure.high:
        return None
    shares = 100 * (raw - alike) / np.where(np.abs(gains) > 1e-9, gains, np.nan)
    return expanded(float(shares[0]), shares[1:], units=units)
