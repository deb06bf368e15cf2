"""What the evaluation of a run will be able to see, told before any money is spent.

For every suite the smallest true difference between two models that its items would probably show
(``didact.stats.power``): of scores that are right or wrong, of preferences between two answers, and
of grades. Nothing is known of the models yet, so the deviations are those of the worst case; where
items come in families or tasks, a second number says what is left if the items of one were all
alike. Several models share the level between them. Pure arithmetic: no calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from didact.components import name_of
from didact.config import RunConfig, Suite
from didact.records import JSON, Example
from didact.resolve import suite_items
from didact.stats.power import minimum_detectable_effect

__all__ = ["Sight", "sensitivity"]

_GRADES = {"graded": 3.0, "scored-pair": 3.0, "four-level": 1.0}
"""Standard deviation of the difference of two grades: a third of the scale."""
_PREFERENCES = frozenset({"pairwise", "win-rate", "length-controlled", "hhh", "rated"})
_POINTS = 100 * sqrt(0.5)
"""Of two scores of 0 or 100, half of them right and the two models unlike: no score varies more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one evaluator of one suite can see."""

    suite: str
    evaluator: str
    items: int
    groups: int
    """Families, tasks or questions that the items come in; as many as items where in none."""
    comparisons: int
    effect: float | None
    """Smallest difference found 80 times in 100, if all items are independent; None: too few."""
    worst: float | None
    """The same if all items of a group are alike."""
    unit: str

    def __str__(self) -> str:
        """One line for people."""
        name = f"{self.suite}/{self.evaluator}" if self.suite else self.evaluator
        if self.effect is None:
            return f"{name}: {self.items} items are too few to see any difference"
        least = f"{self.effect:.1f}"
        if self.groups < self.items:
            worst = "any" if self.worst is None else f"{self.worst:.1f}"
            least = f"{least} (if the items of a group are alike, {worst})"
        within = f" in {self.groups:,} groups" if self.groups < self.items else ""
        among = f", {self.comparisons} comparisons" if self.comparisons > 1 else ""
        return (
            f"{name}: {self.items:,} items{within} show a true difference of {least} {self.unit}"
            f" or more, 80 times in 100 (level 0.05{among})"
        )

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "suite": self.suite,
            "evaluator": self.evaluator,
            "items": self.items,
            "groups": self.groups,
            "comparisons": self.comparisons,
            "effect": self.effect,
            "worst": self.worst,
            "unit": self.unit,
        }


def sensitivity(config: RunConfig) -> list[Sight]:
    """A line for every evaluator of every suite."""
    if config.evaluate is None:
        return []
    comparisons = max(1, len(config.evaluate.models) - 1)
    return [line for suite in config.evaluate.suites for line in _lines(suite, comparisons)]


def _lines(suite: Suite, comparisons: int) -> list[Sight]:
    items = suite_items(suite)
    groups = _groups(items)
    lines: list[Sight] = []
    for name in dict.fromkeys(name_of(evaluator) for evaluator in suite.evaluators):
        unit, sd = "points of 100", _POINTS
        if name in _PREFERENCES:
            # Against a half: a win rate varies half as much as the difference of two scores.
            sd = 50.0
        elif name in _GRADES:
            unit, sd = "grades", _GRADES[name]
        lines.append(
            Sight(
                suite=suite.name,
                evaluator=name,
                items=len(items),
                groups=groups,
                comparisons=comparisons,
                effect=_effect(len(items), sd, comparisons),
                worst=_effect(groups, sd, comparisons),
                unit=unit,
            )
        )
    return lines


def _effect(items: int, sd: float, comparisons: int) -> float | None:
    if items < 2:
        return None
    return minimum_detectable_effect(items, sd=sd, comparisons=comparisons).effect


def _groups(items: Sequence[Example]) -> int:
    """What the intervals of the report will draw whole."""
    named = {_group(item) for item in items}
    return len(items) if "" in named or len(named) < 2 else len(named)


def _group(item: Example) -> str:
    stated = (item.meta.get(key) for key in ("family", "task", "question"))
    return str(next((value for value in stated if value not in (None, "")), ""))
