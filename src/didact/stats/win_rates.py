"""Win rates and relative scores: the arithmetic that papers print, with intervals added.

AlpacaEval (X. Li et al. 2023; code tatsu-lab/alpaca_eval): a preference is 1 for the reference, 2
for the model, 1.5 or 0 for a draw, and in version 2 anything between 1 and 2; the win rate is the
mean of preference less 1, times 100, its standard error that of a mean. Verdicts that could not be
read are left out and counted. Vicuna (Chiang et al. 2023): the relative score is the total of one
model over the total of the other on the same questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, isnan, sqrt
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np

from didact.stats.bootstrap import Interval
from didact.stats.resampling import column_intervals, expanded, resampled_means

__all__ = ["Relative", "WinRate", "relative_score", "weighted_preference", "win_rate"]

_DRAW = 1.5


class WinRate(NamedTuple):
    """What AlpacaEval prints about one model."""

    win_rate: Interval
    """Percent."""
    standard_error: float
    """Percent; of the published formula, n - 1 in the deviation."""
    wins: int
    losses: int
    draws: int
    total: int
    """Verdicts that could be read."""
    unread: int
    discrete: float
    """Percent, with every preference made a win, a draw or a loss first."""


def win_rate(preferences: Sequence[float | None], *, seed: int = 0, draws: int = 10_000) -> WinRate:
    """The aggregate of preferences from 1 to 2; None or NaN for a verdict that was not read."""
    read = [p for p in preferences if p is not None and not isnan(p)]
    values = [_DRAW if p == 0 else p for p in read]
    if not values or any(not 1 <= value <= 2 for value in values):
        raise ValueError("preferences lie between 1 and 2, or are 0 for a draw; at least one")
    shares = [value - 1 for value in values]
    (interval,) = column_intervals(np.array(shares)[:, None] * 100, seed=seed, draws=draws)
    wins = sum(value > _DRAW for value in values)
    drawn = sum(value == _DRAW for value in values)
    return WinRate(
        win_rate=interval,
        standard_error=100 * stdev(shares) / sqrt(len(shares)) if len(shares) > 1 else 0.0,
        wins=wins,
        losses=len(values) - wins - drawn,
        draws=drawn,
        total=len(values),
        unread=len(preferences) - len(read),
        discrete=100 * (wins + drawn / 2) / len(values),
    )


def weighted_preference(first: float | None, second: float | None) -> float | None:
    """AlpacaEval 2: the preference from the log-probabilities of the two identifiers.

    ``first`` names the output shown first, which is the reference before places are exchanged. A
    token that the judge did not offer is None and has probability 0; without either there is no
    preference.
    """
    if first is None and second is None:
        return None
    a = exp(first) if first is not None else 0.0
    b = exp(second) if second is not None else 0.0
    return 2 - a / (a + b)


class Relative(NamedTuple):
    """Two models on the same questions, scored side by side."""

    total: float
    reference: float
    ratio: Interval
    """Total over the reference's, percent."""
    wins: int
    losses: int
    ties: int
    mean: float
    """Of the model's scores."""


def relative_score(
    scores: Sequence[float], reference: Sequence[float], *, seed: int = 0, draws: int = 10_000
) -> Relative:
    """Totals of two models over the same questions, and their ratio."""
    if len(scores) != len(reference) or not scores or min(reference) <= 0:
        raise ValueError("two scores for each question, those of the reference above 0")
    columns = np.column_stack([np.asarray(scores, float), np.asarray(reference, float)])
    means = resampled_means(columns, draws, np.random.default_rng(seed))
    ratio = 100 * sum(scores) / sum(reference)
    pairs = list(zip(scores, reference, strict=True))
    return Relative(
        total=float(sum(scores)),
        reference=float(sum(reference)),
        ratio=expanded(ratio, 100 * means[:, 0] / means[:, 1], units=len(scores)),
        wins=sum(a > b for a, b in pairs),
        losses=sum(a < b for a, b in pairs),
        ties=sum(a == b for a, b in pairs),
        mean=fmean(scores),
    )
