"""How far raters agree, with each other and with the judges and metrics of the run.

Kappa of two raters (Cohen 1960), of more (Fleiss 1971, over the tasks that all of them rated) and
Krippendorff's alpha (2011), which takes gaps. Levels count as ranks, all else as categories.
Attention items are left out. A judge is compared with people on what people compare: of two answers
to an item, which is better, or neither; where it gives levels itself, on those too. Every number
has an interval from resampling tasks or items. Pure arithmetic: no calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

from didact.ratings.modes import LEVELS, MODES
from didact.ratings.opinions import Opinion
from didact.ratings.tasks import REFERENCE, Study
from didact.records import Score
from didact.stats.agreement import cohen, fleiss, krippendorff
from didact.stats.bootstrap import Interval, bootstrap, wilson

__all__ = ["Against", "Agreement", "Attention", "against_people", "agreement", "attention"]

_SEED = 0
_DUELS = frozenset({"pairwise", "win_rate", "helpful", "honest", "harmless"})
"""Metrics that compare an answer with another: a half is a tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of all raters on one question."""

    question: str
    tasks: int
    """With at least two answers."""
    same: Interval
    """How often two raters of a task say the same."""
    kappa: Interval | None
    """Cohen's for two raters, else Fleiss'; None where nobody rated the same tasks."""
    weighted: Interval | None
    """For levels and two raters: the same with quadratic weights."""
    alpha: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """How careful one rater was."""

    rater: str
    rated: int
    passed: int
    seen: int
    """Attention items rated."""
    open: int
    """Questions left open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A judge or metric beside the people, on one question."""

    metric: str
    question: str
    of: str
    """What is compared: ``pairs`` of answers, or ``levels``."""
    number: int
    same: Interval
    kappa: Interval
    decided: Interval | None
    """Of the pairs where both name a winner, the share where it is the same."""


def attention(found: Sequence[Opinion]) -> list[Attention]:
    """Of every rater."""
    raters = dict.fromkeys(opinion.rater for opinion in found)
    return [
        Attention(
            rater=rater,
            rated=len(own),
            passed=sum(opinion.passed is True for opinion in own),
            seen=sum(opinion.passed is not None for opinion in own),
            open=sum(value is None for opinion in own for value in opinion.said.values()),
        )
        for rater in raters
        if (own := [opinion for opinion in found if opinion.rater == rater])
    ]


def agreement(study: Study, found: Sequence[Opinion]) -> list[Agreement]:
    """Question by question; those on which no task has two answers are left out."""
    tables = [
        _agreed(study, question.name, table)
        for question in MODES[study.mode].questions
        if (table := _table(found, question.name))
    ]
    return tables


def _table(found: Sequence[Opinion], question: str) -> dict[str, dict[str, str]]:
    """Task to rater to what they said, where two or more did."""
    table: dict[str, dict[str, str]] = {}
    for opinion in found:
        value = opinion.said.get(question)
        if opinion.passed is None and value is not None:
            table.setdefault(opinion.key, {})[opinion.rater] = value
    return {key: row for key, row in table.items() if len(row) > 1}


def _agreed(study: Study, question: str, table: Mapping[str, Mapping[str, str]]) -> Agreement:
    raters = sorted({rater for row in table.values() for rater in row})
    known = list(LEVELS) if study.mode == "levels" else sorted(_values(table))
    code = LEVELS if study.mode == "levels" else {v: float(n) for n, v in enumerate(known)}
    shared = [row for row in table.values() if len(row) == len(raters)]
    kappa = weighted = None
    if len(raters) == 2:
        a, b = ([row[rater] for row in shared] for rater in raters)
        kappa = cohen(a, b, seed=_SEED, order=known)
        if study.mode == "levels":
            weighted = cohen(a, b, seed=_SEED, order=known, weights="quadratic")
    elif shared:
        counts = [[list(row.values()).count(value) for value in known] for row in shared]
        kappa = fleiss(counts, seed=_SEED)
    same = [
        fmean([float(x == y) for x, y in combinations(row.values(), 2)]) for row in table.values()
    ]
    return Agreement(
        question=question,
        tasks=len(table),
        same=wilson(round(sum(same)), len(same))
        if len(raters) == 2
        else bootstrap(same, seed=_SEED, resamples=2000),
        kappa=kappa,
        weighted=weighted,
        alpha=krippendorff(
            [[code[row[r]] if r in row else None for r in raters] for row in table.values()],
            seed=_SEED,
            scale="ordinal" if study.mode == "levels" else "nominal",
        ),
    )


def _values(table: Mapping[str, Mapping[str, str]]) -> set[str]:
    return {value for row in table.values() for value in row.values()}


def against_people(
    study: Study, found: Sequence[Opinion], scores: Sequence[Score]
) -> list[Against]:
    """Every metric of the run beside the people; nothing for an audit of data."""
    real = [opinion for opinion in found if opinion.passed is None]
    metrics: dict[str, dict[tuple[str, str], float]] = {}
    for score in scores:
        if score.value is not None:
            metrics.setdefault(score.metric, {})[score.example_id, score.model] = score.value
    table: list[Against] = []
    for question, people in _duels(study, real).items():
        for metric, values in metrics.items():
            if row := _on_pairs(metric, values, question, people):
                table.append(row)
    if study.mode == "levels":
        table += [
            _on_levels(metric, values, real)
            for metric, values in metrics.items()
            if _plain(metric) == "four_level"
        ]
    return [row for row in table if row.number]


def _plain(metric: str) -> str:
    """The metric without the name of its suite."""
    return metric.rpartition("/")[2]


_Pair = tuple[str, str, str]
"""Item, model, model."""


def _duels(study: Study, found: Sequence[Opinion]) -> dict[str, dict[_Pair, float]]:
    """By question, what people think of every pair: 1 where the first is better, 0 the second."""
    if study.mode == "audit":
        return {}
    if study.mode == "levels":
        means = {key: fmean(values) for key, values in _levels(found).items()}
        items: dict[str, list[str]] = {}
        for item, model in means:
            items.setdefault(item, []).append(model)
        pairs = [(i, a, b) for i, names in items.items() for a, b in combinations(sorted(names), 2)]
        return {
            "level": {(i, a, b): (_side(means[i, a] - means[i, b]) + 1) / 2 for i, a, b in pairs}
        }
    votes: dict[str, dict[_Pair, list[float]]] = {}
    for opinion in found:
        a, b = sorted(side.model for side in opinion.task.sides)
        for question, value in opinion.said.items():
            if value is not None:
                vote = 0.5 if value == "tie" else float(value == a)
                pair = (opinion.task.example_id, a, b)
                votes.setdefault(question, {}).setdefault(pair, []).append(vote)
    return {
        question: {pair: fmean(given) for pair, given in pairs.items()}
        for question, pairs in votes.items()
    }


def _levels(found: Sequence[Opinion]) -> dict[tuple[str, str], list[float]]:
    levels: dict[tuple[str, str], list[float]] = {}
    for opinion in found:
        value = opinion.said.get("level")
        if value is not None:
            key = (opinion.task.example_id, opinion.task.sides[0].model)
            levels.setdefault(key, []).append(LEVELS[value])
    return levels


def _on_pairs(
    metric: str,
    values: Mapping[tuple[str, str], float],
    question: str,
    people: Mapping[_Pair, float],
) -> Against | None:
    both: list[tuple[int, int]] = []
    for (item, a, b), opinion in people.items():
        difference = _difference(metric, values, item, a, b)
        if difference is not None:
            both.append((_side(opinion - 0.5), _side(difference)))
    if not both:
        return None
    ours, theirs = [x for x, _ in both], [y for _, y in both]
    decided = [(x, y) for x, y in both if x and y]
    return Against(
        metric=metric,
        question=question,
        of="pairs",
        number=len(both),
        same=wilson(sum(x == y for x, y in both), len(both)),
        kappa=cohen(ours, theirs, seed=_SEED, order=(-1, 0, 1)),
        decided=wilson(sum(x == y for x, y in decided), len(decided)) if decided else None,
    )


def _difference(
    metric: str, values: Mapping[tuple[str, str], float], item: str, a: str, b: str
) -> float | None:
    """By how much the metric prefers ``a``; None where it says nothing."""
    if REFERENCE in (a, b):
        # Only a metric that compares says how an answer stands to the right one.
        value = values.get((item, b if a == REFERENCE else a))
        if _plain(metric) not in _DUELS or value is None:
            return None
        return value - 0.5 if b == REFERENCE else 0.5 - value
    if (item, a) not in values or (item, b) not in values:
        return None
    return values[item, a] - values[item, b]


def _on_levels(
    metric: str, values: Mapping[tuple[str, str], float], found: Sequence[Opinion]
) -> Against:
    people = {key: median(given) for key, given in _levels(found).items()}
    shared = [key for key in people if key in values]
    # A median between two levels is the lower one.
    ours, theirs = [int(people[key]) for key in shared], [round(values[key]) for key in shared]
    same = sum(x == y for x, y in zip(ours, theirs, strict=True))
    none = Interval(0.0, 0.0, 0.0)
    return Against(
        metric=metric,
        question="level",
        of="levels",
        number=len(shared),
        same=wilson(same, len(shared)) if shared else none,
        kappa=cohen(ours, theirs, seed=_SEED, order=(1, 2, 3, 4), weights="quadratic")
        if shared
        else none,
        decided=None,
    )


def _side(difference: float) -> int:
    return (difference > 0) - (difference < 0)
