"""A win rate as it would be if both answers were of one length, fitted on the run's own verdicts.

Y. Dubois et al., "Length-Controlled AlpacaEval" (2024, arXiv 2404.04475): a logistic model explains
each preference by a term for the model, one for the difference of lengths, tanh of the difference
over its standard deviation, and one for how hard the item is; then the length term is set to 0 and
the predictions are averaged. Published weights rest on verdicts of one judge on one set; ours are
fitted here, where the judge, the set and the models are the user's. Differences: the length term is
one for all models of the run, which alone makes it estimable from few; the difficulty of an item is
the mean logit of the *other* models on it and is left out where there are fewer than three; and the
result has an interval, from fitting again on resampled items. Diagnostics say when not to trust it.

Swapping the two sides gives 100 less it; a model against itself is 50.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from didact.stats.bootstrap import Interval
from didact.stats.logistic import fit_logistic, logistic
from didact.stats.resampling import Numbers, draw_weights, expanded

__all__ = ["Controlled", "Judged", "LengthControl", "length_control"]

_DRAWS = 1000
_PENALTY = 0.05
"""Of the length term: keeps it finite for a judge that looks at nothing else."""
_LEAST = 30
"""Verdicts of a model below which its numbers are more noise than control."""
_OTHERS = 3


class Judged(NamedTuple):
    """One preference for a model over the reference."""

    item: Hashable
    model: str
    preference: float
    """From 0, the reference is better, to 1."""
    longer_by: float
    """Characters of the model's answer less those of the reference's."""


class Controlled(NamedTuple):
    """One model."""

    model: str
    raw: Interval
    """Percent."""
    controlled: Interval
    """Percent, the length term at 0."""
    adjusted: tuple[float, ...]
    """For each of its verdicts, in order: the preference less what its length explains, percent.
    Their mean is the controlled win rate."""
    mean_longer_by: float
    """Characters."""


class LengthControl(NamedTuple):
    """All models of a run, and how far the fit can be trusted."""

    models: tuple[Controlled, ...]
    slope: Interval
    """Logits for one unit of tanh: above 0 where the judge prefers the longer answer."""
    explained: float
    """Share of the deviance that the length term removes."""
    warnings: tuple[str, ...]


def length_control(
    verdicts: Sequence[Judged], *, seed: int, draws: int = _DRAWS, level: float = 0.95
) -> LengthControl:
    """The win rates of all models in ``verdicts``, raw and controlled."""
    if not verdicts or any(not 0 <= v.preference <= 1 for v in verdicts):
        raise ValueError("needs verdicts with preferences from 0 to 1")
    models = list(dict.fromkeys(v.model for v in verdicts))
    owner = np.array([models.index(v.model) for v in verdicts])
    outcome = np.array([v.preference for v in verdicts], dtype=np.float64)
    longer = np.array([v.longer_by for v in verdicts], dtype=np.float64)
    # Over the deviation around 0, so that swapping the sides only changes the sign.
    scale = float(np.sqrt((longer**2).mean()))
    length = np.tanh(longer / scale) if scale else longer
    terms = np.column_stack([length, np.eye(len(models))[owner], _difficulty(verdicts, models)])
    penalty = np.array(
        [_PENALTY, *[1e-6] * len(models), *[0.2] * (terms.shape[1] - 1 - len(models))]
    )
    items = list(dict.fromkeys(v.item for v in verdicts))
    rng = np.random.default_rng(seed)
    groups = [v.item for v in verdicts]
    weights = [
        np.ones((1, len(verdicts))),
        *draw_weights(len(verdicts), draws, rng, clusters=groups),
    ]
    fits = np.concatenate(
        [fit_logistic(terms, outcome, weights=block, penalty=penalty) for block in weights]
    )
    every = np.concatenate(weights)
    level_terms = terms.copy()
    level_terms[:, 0] = 0.0
    gap = logistic(fits @ level_terms.T) - logistic(fits @ terms.T) + outcome
    lines = tuple(
        _line(model, owner == n, gap, outcome, every, longer, level)
        for n, model in enumerate(models)
    )
    slope = expanded(float(fits[0, 0]), fits[1:, 0], units=len(items), level=level)
    without = fit_logistic(level_terms, outcome, penalty=penalty)
    explained = 1 - _deviance(terms, outcome, fits[0]) / max(
        1e-12, _deviance(level_terms, outcome, without[0])
    )
    return LengthControl(lines, slope, explained, _warnings(lines, length, owner, models, scale))


def _difficulty(verdicts: Sequence[Judged], models: Sequence[str]) -> Numbers:
    """The mean logit of the other models on the item, centred; no column with too few models."""
    if len(models) <= _OTHERS:
        return np.zeros((len(verdicts), 0))
    kept: dict[Hashable, list[float]] = {}
    for v in verdicts:
        kept.setdefault(v.item, []).append(v.preference)
    column = np.zeros(len(verdicts))
    for n, v in enumerate(verdicts):
        number = len(kept[v.item]) - 1
        # Half a win and half a loss more: no share of 0 or 1.
        share = (sum(kept[v.item]) - v.preference + 0.5) / (number + 1)
        column[n] = np.log(share / (1 - share))
    return (column - column.mean())[:, None]


def _line(
    model: str,
    mine: np.ndarray[tuple[int], np.dtype[np.bool_]],
    gap: Numbers,
    outcome: Numbers,
    weights: Numbers,
    longer: Numbers,
    level: float,
) -> Controlled:
    share = weights[:, mine]
    total = share.sum(axis=1)
    total[total == 0] = np.nan
    raw = 100 * (share @ outcome[mine]) / total
    controlled = 100 * (share * gap[:, mine]).sum(axis=1) / total
    number = int(mine.sum())
    return Controlled(
        model=model,
        raw=expanded(float(raw[0]), raw[1:], units=number, level=level),
        controlled=expanded(float(controlled[0]), controlled[1:], units=number, level=level),
        adjusted=tuple((100 * gap[0, mine]).tolist()),
        mean_longer_by=float(longer[mine].mean()),
    )


def _deviance(terms: Numbers, outcome: Numbers, found: Numbers) -> float:
    chance = np.clip(logistic(terms @ found), 1e-12, 1 - 1e-12)
    return float(-2 * (outcome * np.log(chance) + (1 - outcome) * np.log(1 - chance)).sum())


def _warnings(
    lines: Sequence[Controlled],
    length: Numbers,
    owner: np.ndarray[tuple[int], np.dtype[np.int64]],
    models: Sequence[str],
    scale: float,
) -> tuple[str, ...]:
    said = ["all answers are as long as their references: nothing to control"] if not scale else []
    for n, (line, model) in enumerate(zip(lines, models, strict=True)):
        mine = length[owner == n]
        if len(mine) < _LEAST:
            said.append(f"{model}: only {len(mine)} verdicts")
        if scale and (mine.min() > 0 or mine.max() < 0):
            which = "longer" if mine.min() > 0 else "shorter"
            said.append(f"{model}: always {which} than the reference, so this extrapolates")
        if line.raw.mean in (0, 100):
            said.append(f"{model}: every verdict is the same, which no length explains")
    return tuple(said)
