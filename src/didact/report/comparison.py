"""What the scores say: every model on every metric, its distance from the base, its families.

Every number here has an interval (`didact.stats.means`), over whole clusters where the items come
in clusters (task families, tasks, the turns of one question): it covers new ones, not only new
items of the same ones. Distances are paired, item by item, on the items both answered; beside each
is the p-value of a sign-flip permutation test, adjusted by Holm's procedure for all comparisons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from didact.records import Score
from didact.stats.bootstrap import Interval
from didact.stats.holm import holm
from didact.stats.means import gain_interval, mean_interval
from didact.stats.permutation import sign_flips
from didact.stats.scales import Scale, scale_of

__all__ = ["Family", "Metric", "Scored", "compare"]

_SEED = 20221220
"""Of the resampling: fixed, so that the same scores always print the same intervals."""

_NAMES = {
    "base": "Base, not tuned",
    "trained": "Tuned on this run",
    "human": "Tuned on human data",
    "copy": "Copy of the input",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One model on one metric."""

    model: str
    """The role in the run file."""
    name: str
    """The role in words."""
    score: Interval
    items: int
    abstained: int
    """Answers the evaluator gave no number for; not part of the score."""
    gain: Interval | None
    """Distance from the base on the items both have; None for the base itself."""
    p: float | None = None
    """Of "no distance", this comparison alone."""
    adjusted: float | None = None
    """The same, adjusted for all comparisons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One task family or category: a score for each model, in the order of the metric's models."""

    name: str
    items: int
    scores: tuple[Interval | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """All models on one metric."""

    key: str
    name: str
    points: bool
    """On the scale from 0 to 100."""
    top: float
    """Right end of the axis."""
    against: str
    """The role the distances are measured from; "" when there is only one model."""
    models: tuple[Scored, ...]
    families: tuple[Family, ...]
    """Empty when items carry no family or category."""
    low: float = 0.0
    """Left end of the axis."""
    unit: str = "points of 100"
    clusters: int = 0
    """How many clusters the intervals resample; 0: single items."""
    comparisons: int = 0
    """How many p-values were adjusted together."""

    def of(self, model: str) -> Scored | None:
        """The line of one role."""
        return next((line for line in self.models if line.model == model), None)


Table = Mapping[str, Mapping[str, float]]
"""Model to item id to value."""


def compare(
    scores: Sequence[Score],
    *,
    families: Mapping[str, str],
    clusters: Mapping[str, str] | None = None,
    turns: Mapping[str, str] | None = None,
    order: Sequence[str] = (),
) -> tuple[Metric, ...]:
    """One ``Metric`` for each metric scored, roles in ``order`` first.

    ``families`` names by its id what an item is reported apart with, and ``turns`` once more;
    ``clusters`` what it is drawn together with, by default its family. Items without one may be
    missing.
    """
    drawn = families if clusters is None else clusters
    by_metric: dict[str, list[Score]] = {}
    for score in scores:
        by_metric.setdefault(score.metric, []).append(score)
    found = [
        _metric(key, rows, (families, turns or {}), drawn, order)
        for key, rows in by_metric.items()
        if any(score.value is not None for score in rows)
    ]
    return _adjusted(found)


def _adjusted(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Holm's procedure over every comparison of every metric."""
    p_values = [line.p for metric in metrics for line in metric.models if line.p is not None]
    adjusted = iter(holm(p_values))
    return tuple(
        replace(
            metric,
            comparisons=len(p_values),
            models=tuple(
                line if line.p is None else replace(line, adjusted=next(adjusted))
                for line in metric.models
            ),
        )
        for metric in metrics
    )


def _metric(
    key: str,
    scores: Sequence[Score],
    apart: Sequence[Mapping[str, str]],
    clusters: Mapping[str, str],
    order: Sequence[str],
) -> Metric:
    scale = scale_of(key, [score.value for score in scores if score.value is not None])
    abstained = Counter(score.model for score in scores if score.value is None)
    table: dict[str, dict[str, float]] = {}
    for score in scores:
        if score.value is not None:
            table.setdefault(score.model, {})[score.example_id] = score.value * scale.factor
    models = sorted(table, key=lambda m: (order.index(m) if m in order else len(order), m))
    against = "base" if "base" in models else models[0]
    lines = tuple(
        _scored(model, table, against, clusters, scale, abstained=abstained[model])
        for model in models
    )
    drawn = _clusters(list(table[against]), clusters)
    return Metric(
        key=key,
        name=scale.name,
        points=scale.points,
        low=scale.low,
        top=scale.top,
        unit=scale.unit,
        against=against if len(models) > 1 else "",
        models=lines,
        families=tuple(row for by in apart for row in _families(table, models, by, scale)),
        clusters=len(set(drawn)) if drawn else 0,
    )


def _scored(
    model: str,
    table: Table,
    against: str,
    clusters: Mapping[str, str],
    scale: Scale,
    *,
    abstained: int,
) -> Scored:
    mine, theirs = table[model], table[against]
    shared = [item for item in mine if item in theirs]
    gain, p = None, None
    if model != against and shared:
        drawn = _clusters(shared, clusters)
        gain = _distance([mine[i] for i in shared], [theirs[i] for i in shared], drawn, scale)
        differences = [mine[item] - theirs[item] for item in shared]
        (p,) = sign_flips([differences], seed=_SEED, clusters=drawn)
    return Scored(
        model=model,
        name=_NAMES.get(model, model),
        score=_interval(list(mine.values()), _clusters(list(mine), clusters), scale),
        items=len(mine),
        abstained=abstained,
        gain=gain,
        p=p,
    )


def _distance(
    mine: Sequence[float],
    theirs: Sequence[float],
    clusters: Sequence[Hashable] | None,
    scale: Scale,
) -> Interval:
    return gain_interval(mine, theirs, low=scale.low, top=scale.top, seed=_SEED, clusters=clusters)


def _families(
    table: Table, models: Sequence[str], families: Mapping[str, str], scale: Scale
) -> tuple[Family, ...]:
    members: dict[str, list[str]] = {}
    for item in dict.fromkeys(item for model in models for item in table[model]):
        if item in families:
            members.setdefault(families[item], []).append(item)
    return tuple(
        Family(
            name=name,
            items=len(members[name]),
            scores=tuple(_cell(table[model], members[name], scale) for model in models),
        )
        for name in sorted(members)
    )


def _cell(values: Mapping[str, float], items: Sequence[str], scale: Scale) -> Interval | None:
    present = [values[item] for item in items if item in values]
    return _interval(present, None, scale) if present else None


def _interval(
    values: Sequence[float], clusters: Sequence[Hashable] | None, scale: Scale
) -> Interval:
    return mean_interval(values, low=scale.low, top=scale.top, seed=_SEED, clusters=clusters)


def _clusters(items: Sequence[str], clusters: Mapping[str, str]) -> Sequence[Hashable] | None:
    if not all(item in clusters for item in items):
        return None
    groups = [clusters[item] for item in items]
    return groups if len(set(groups)) > 1 else None
