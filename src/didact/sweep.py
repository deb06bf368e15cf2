"""The scores of many trainings as one table, and what it says: points, gains, fits, baselines.

Arms by sizes by seeds by items. Where every item belongs to a task family the unit is the family,
whose mean is taken first, so that intervals speak of new families and not only of new items of the
same ones. An item that one training has no score for is left out everywhere: what is compared is
always the same. Cost: no calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from didact.config import BASE, TRAINED
from didact.stats.bootstrap import Interval, sign_flip
from didact.stats.holm import holm
from didact.stats.means import mean_interval
from didact.stats.resampling import Numbers
from didact.stats.scaling import mean_of_table, scaling
from didact.stats.seeds import across_seeds
from didact.stats.student import student_cdf, student_quantile
from didact.store import Run

__all__ = ["Baseline", "Cell", "Fit", "Point", "Sweep", "p_value"]

_SEED = 20230811
"""Of the resampling: fixed, so that the same scores always print the same intervals."""


class Point(NamedTuple):
    """One arm at one size on one metric."""

    arm: str
    size: int
    metric: str
    score: Interval
    over_base: Interval | None
    """Less the score of the role ``base`` on the same items."""
    over_first: Interval | None
    """Less the first arm at the same size; None for the first arm."""
    p: float | None
    """Of no difference from the first arm, adjusted for all comparisons of the metric (Holm)."""
    by_seed: tuple[float, ...]
    """The mean of every seed."""
    steps: float
    """Of the training, mean over seeds; 0 where the trainer does not tell."""


class Fit(NamedTuple):
    """``alpha ln N + C`` of one arm on one metric."""

    arm: str
    metric: str
    alpha: Interval
    constant: Interval
    off: float
    """The farthest that the mean of a size is from the line."""
    over_first: Interval | None
    """Alpha less that of the first arm."""


class Baseline(NamedTuple):
    """A role that is not trained here."""

    model: str
    metric: str
    score: Interval


Scores: TypeAlias = Mapping[tuple[str, str], Mapping[str, float]]
"""Metric and role to item to value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training and its evaluation."""

    arm: str
    size: int
    seed: int
    scores: Scores
    steps: float = 0

    @classmethod
    def of(cls, run: Run, *, arm: str, size: int, seed: int) -> Cell:
        """The cell of a run that is done."""
        scores: dict[tuple[str, str], dict[str, float]] = {}
        for score in run.scores():
            if score.value is not None:
                key = (score.metric, score.model)
                scores.setdefault(key, {})[score.example_id] = score.value
        state = run.path / "train" / "state.json"
        steps = 0.0
        if state.is_file():
            told: dict[str, Any] = json.loads(state.read_text(encoding="utf-8"))
            steps = float(told.get("steps", 0))
        return cls(arm=arm, size=size, seed=seed, scores=scores, steps=steps)


Pick: TypeAlias = Callable[[Cell, str], float]


class Sweep:
    """All cells of a sweep; ``families`` names the family of an item by its id."""

    def __init__(self, cells: Sequence[Cell], families: Mapping[str, str]) -> None:
        self._cells = {(cell.arm, cell.size, cell.seed): cell for cell in cells}
        self._arms = list(dict.fromkeys(cell.arm for cell in cells))
        self._sizes = list(dict.fromkeys(cell.size for cell in cells))
        self._seeds = list(dict.fromkeys(cell.seed for cell in cells))
        self._families = families
        self._scale = _scales(cells)
        self._metrics = list(dict.fromkeys(metric for c in cells for metric, _ in c.scores))

    @property
    def units(self) -> str:
        """How many of what is drawn anew in the intervals."""
        found = self._items(self._metrics[0], (TRAINED,)) if self._metrics else {}
        kind = "families" if self._grouped(found) else "items"
        return f"{len(found)} {kind}"

    def points(self) -> list[Point]:
        """Every arm at every size, metric by metric."""
        return [point for metric in self._metrics for point in self._of_metric(metric)]

    def fits(self) -> list[Fit]:
        """The line of every arm; none where there is one size."""
        if len(self._sizes) < 2:
            return []
        found: list[Fit] = []
        for metric in self._metrics:
            if not (units := self._items(metric, (TRAINED,))):
                continue
            sizes = [float(size) for size in self._sizes]
            blocks = [
                np.stack([self._table(metric, TRAINED, arm, size, units) for size in self._sizes])
                for arm in self._arms
            ]
            for arm, block in zip(self._arms, blocks, strict=True):
                line = scaling(sizes, block, seed=_SEED)
                over = None
                if arm != self._arms[0]:
                    over = scaling(sizes, block - blocks[0], seed=_SEED).alpha
                found.append(Fit(arm, metric, line.alpha, line.constant, line.off, over))
        return found

    def baselines(self) -> list[Baseline]:
        """Every role but the trained one, on what the trained ones were scored on."""
        found: list[Baseline] = []
        arm, size = self._arms[0], self._sizes[-1]
        for metric in self._metrics:
            roles = {role for c in self._cells.values() for m, role in c.scores if m == metric}
            for role in sorted(roles - {TRAINED}):
                if units := self._items(metric, (TRAINED, role)):
                    score = self._score(metric, role, arm, size, units)
                    found.append(Baseline(role, metric, score))
        return found

    def _of_metric(self, metric: str) -> list[Point]:
        units = self._items(metric, (TRAINED,))
        if not units:
            return []
        both = self._items(metric, (TRAINED, BASE))
        raw: list[Point] = []
        for arm in self._arms:
            for size in self._sizes:
                table = self._table(metric, TRAINED, arm, size, units)
                base = first = p = None
                if both:
                    mine, theirs = (
                        self._table(metric, role, arm, size, both) for role in (TRAINED, BASE)
                    )
                    base = mean_of_table(mine - theirs, seed=_SEED)
                if arm != self._arms[0]:
                    gap = table - self._table(metric, TRAINED, self._arms[0], size, units)
                    first, p = mean_of_table(gap, seed=_SEED), p_value(gap)
                raw.append(
                    Point(
                        arm=arm,
                        size=size,
                        metric=metric,
                        score=self._score(metric, TRAINED, arm, size, units),
                        over_base=base,
                        over_first=first,
                        p=p,
                        by_seed=tuple(table.mean(axis=1).tolist()),
                        steps=float(
                            np.mean([self._cells[arm, size, s].steps for s in self._seeds])
                        ),
                    )
                )
        adjusted = iter(holm([point.p for point in raw if point.p is not None]))
        return [point if point.p is None else point._replace(p=next(adjusted)) for point in raw]

    def _score(
        self, metric: str, role: str, arm: str, size: int, units: Mapping[str, Sequence[str]]
    ) -> Interval:
        """The mean of a role; where seeds change nothing, of its items alone."""
        table = self._table(metric, role, arm, size, units)
        even = len({len(one) for one in units.values()}) == 1
        if even and (table == table[0]).all():
            scores = self._cells[arm, size, self._seeds[0]].scores[metric, role]
            values = [self._scale[metric] * scores[i] for one in units.values() for i in one]
            ends = min(0.0, *values), max(100.0, *values)
            clusters = [name for name, one in units.items() for _ in one]
            return mean_interval(values, low=ends[0], top=ends[1], seed=_SEED, clusters=clusters)
        return _inside(mean_of_table(table, seed=_SEED), table)

    def _items(self, metric: str, roles: Sequence[str]) -> dict[str, list[str]]:
        """The units that every training has a score for, each with its items."""
        parts = [
            cell.scores.get((metric, role), {}).keys()
            for cell in self._cells.values()
            for role in roles
        ]
        shared = [item for item in parts[0] if all(item in part for part in parts)]
        grouped = all(item in self._families for item in shared)
        units: dict[str, list[str]] = {}
        for item in shared:
            units.setdefault(self._families[item] if grouped else item, []).append(item)
        # One family alone says nothing of new families.
        return units if len(units) > 1 else {item: [item] for item in shared}

    def _grouped(self, units: Mapping[str, Sequence[str]]) -> bool:
        return any(name not in items for name, items in units.items())

    def _table(
        self, metric: str, role: str, arm: str, size: int, units: Mapping[str, Sequence[str]]
    ) -> Numbers:
        """Seeds by units."""
        rows: list[list[float]] = []
        for seed in self._seeds:
            scores = self._cells[arm, size, seed].scores[metric, role]
            rows.append([float(np.mean([scores[i] for i in one])) for one in units.values()])
        return np.array(rows) * self._scale[metric]


def _scales(cells: Sequence[Cell]) -> dict[str, float]:
    """What to multiply a metric by: shares from 0 to 1 are shown as points of 100."""
    shares: dict[str, bool] = {}
    for cell in cells:
        for (metric, _), values in cell.scores.items():
            inside = all(0 <= value <= 1 for value in values.values())
            shares[metric] = shares.get(metric, True) and inside
    return {metric: 100.0 if share else 1.0 for metric, share in shares.items()}


def _inside(found: Interval, table: Numbers) -> Interval:
    """A mean of points from 0 to 100 lies there too."""
    if table.min() < 0 or table.max() > 100:
        return found
    return Interval(found.mean, max(0.0, found.low), min(100.0, found.high))


def p_value(table: Numbers) -> float:
    """Two-sided, of "the mean of seeds by units is 0"; with one seed by flipping signs of units."""
    if min(table.shape) < 2:
        values = table.ravel().tolist()
        return sign_flip(values, [0.0] * len(values), seed=_SEED)
    found = across_seeds(table)
    half = found.score.high - found.score.mean
    if not half or not isfinite(half):
        return 1.0 if not found.score.mean else 0.0
    error = half / student_quantile(0.975, found.df)
    return 2 * (1 - student_cdf(abs(found.score.mean) / error, found.df))
