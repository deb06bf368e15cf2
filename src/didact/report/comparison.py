"""What the scores say: every model on every metric, its distance from the base, its families.

Every number here has an interval. Over all items it is a bootstrap that draws task families first
and items inside them second, where the items carry ``meta["family"]``: it covers new families, not
only new items of the same ones. Inside one family a share of right answers gets Wilson's interval,
any other score a plain bootstrap. Distances are paired: item by item, on the items both answered.
Scores are points from 0 to 100, as the papers print them; a metric between 0 and 1 is stretched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from didact.records import Score
from didact.stats.bootstrap import Interval, bootstrap, paired_bootstrap, wilson

__all__ = ["Family", "Metric", "Scored", "compare"]

_SEED = 20221220
"""Of the resampling: fixed, so that the same scores always print the same intervals."""

_FULL = 100.0

_NAMES = {
    "base": "Base, not tuned",
    "trained": "Tuned on this run",
    "human": "Tuned on human data",
    "copy": "Copy of the input",
}
_METRICS = {"rougeL": "ROUGE-L", "rouge1": "ROUGE-1", "exact_match": "Exact match"}
"""Those of our own evaluators, which count from 0 to 100."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One task family: a score for each model, in the order of the metric's models."""

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
    """Empty when items carry no family."""

    def of(self, model: str) -> Scored | None:
        """The line of one role."""
        return next((line for line in self.models if line.model == model), None)


Table = Mapping[str, Mapping[str, float]]
"""Model to item id to value."""


def compare(
    scores: Sequence[Score], *, families: Mapping[str, str], order: Sequence[str] = ()
) -> tuple[Metric, ...]:
    """One ``Metric`` for each metric scored, roles in ``order`` first.

    ``families`` names the family of an item by its id; items without one may be missing.
    """
    found = dict.fromkeys(score.metric for score in scores)
    return tuple(
        _metric(key, [score for score in scores if score.metric == key], families, order)
        for key in found
        if any(score.metric == key and score.value is not None for score in scores)
    )


def _metric(
    key: str, scores: Sequence[Score], families: Mapping[str, str], order: Sequence[str]
) -> Metric:
    scale, points = _scale(key, [score.value for score in scores if score.value is not None])
    abstained = Counter(score.model for score in scores if score.value is None)
    table: dict[str, dict[str, float]] = {}
    for score in scores:
        if score.value is not None:
            table.setdefault(score.model, {})[score.example_id] = score.value * scale
    models = sorted(table, key=lambda m: (order.index(m) if m in order else len(order), m))
    against = "base" if "base" in models else models[0]
    lines = tuple(
        _scored(model, table, against, families, abstained=abstained[model]) for model in models
    )
    return Metric(
        key=key,
        name=_METRICS.get(key, key.replace("_", " ").replace("-", " ")),
        points=points,
        top=_FULL if points else max(line.score.high for line in lines),
        against=against if len(models) > 1 else "",
        models=lines,
        families=_families(table, models, families),
    )


def _scale(key: str, values: Sequence[float]) -> tuple[float, bool]:
    """What to multiply a metric by, and whether it then counts from 0 to 100."""
    if key in _METRICS:
        return 1.0, True
    if all(0 <= value <= 1 for value in values):
        return 100.0, True
    return 1.0, False


def _scored(
    model: str, table: Table, against: str, families: Mapping[str, str], *, abstained: int
) -> Scored:
    mine, theirs = table[model], table[against]
    shared = [item for item in mine if item in theirs]
    gain = None
    if model != against and shared:
        gain = paired_bootstrap(
            [mine[item] for item in shared],
            [theirs[item] for item in shared],
            seed=_SEED,
            clusters=_clusters(shared, families),
        )
    return Scored(
        model=model,
        name=_NAMES.get(model, model),
        score=_interval(list(mine.values()), _clusters(list(mine), families)),
        items=len(mine),
        abstained=abstained,
        gain=gain,
    )


def _families(
    table: Table, models: Sequence[str], families: Mapping[str, str]
) -> tuple[Family, ...]:
    members: dict[str, list[str]] = {}
    for item in dict.fromkeys(item for model in models for item in table[model]):
        if item in families:
            members.setdefault(families[item], []).append(item)
    return tuple(
        Family(
            name=name,
            items=len(members[name]),
            scores=tuple(_cell(table[model], members[name]) for model in models),
        )
        for name in sorted(members)
    )


def _cell(values: Mapping[str, float], items: Sequence[str]) -> Interval | None:
    present = [values[item] for item in items if item in values]
    return _interval(present, None) if present else None


def _interval(values: Sequence[float], clusters: Sequence[Hashable] | None) -> Interval:
    right = sum(value == _FULL for value in values)
    if set(values) <= {0.0, _FULL} and (clusters is None or right in (0, len(values))):
        # Resampling items that are all alike would claim certainty.
        return Interval(*(bound * _FULL for bound in wilson(right, len(values))))
    return bootstrap(values, seed=_SEED, clusters=clusters)


def _clusters(items: Sequence[str], families: Mapping[str, str]) -> Sequence[Hashable] | None:
    if not all(item in families for item in items):
        return None
    groups = [families[item] for item in items]
    return groups if len(set(groups)) > 1 else None
