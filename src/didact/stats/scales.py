"""What a metric counts and from where to where: its name, its ends, and what stretches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["FULL", "Scale", "plain_name", "scale_of"]

FULL = 100.0
"""The top of a scale of points."""


class Scale(NamedTuple):
    """How a metric is shown."""

    name: str
    factor: float = 1.0
    """What its values are multiplied by."""
    low: float = 0.0
    """The left end of the axis."""
    top: float = FULL
    unit: str = "points of 100"

    @property
    def points(self) -> bool:
        """Whether it counts from 0 to 100."""
        return self.top == FULL


_OWN = {
    "acceptable": Scale("At least acceptable (A or B)", FULL),
    "choice": Scale("Likeliest option right"),
    "choice_mass": Scale("Probability of the right options"),
    "exact_match": Scale("Exact match"),
    "final_answer": Scale("Final answer right"),
    "followed": Scale("Instructions followed"),
    "four_level": Scale("Level, 4 for A to 1 for D", 1.0, 1.0, 4.0, "1 to 4"),
    "graded": Scale("Grade of the judge", 1.0, 1.0, 10.0, "1 to 10"),
    "harmless": Scale("More harmless", FULL),
    "helpful": Scale("More helpful", FULL),
    "honest": Scale("More honest", FULL),
    "length_controlled": Scale("Win rate, length controlled"),
    "loose": Scale("All instructions followed, read loosely"),
    "pairwise": Scale("Preferred by the judge", FULL),
    "people_harmless": Scale("More harmless, say people", FULL),
    "people_helpful": Scale("More helpful, say people", FULL),
    "people_honest": Scale("More honest, say people", FULL),
    "people_level": Scale("Level given by people, 4 for A", 1.0, 1.0, 4.0, "1 to 4"),
    "people_pairwise": Scale("Preferred by people", FULL),
    "rouge1": Scale("ROUGE-1"),
    "rougeL": Scale("ROUGE-L"),
    "satisfying": Scale("Satisfying (A)", FULL),
    "scored_pair": Scale("Score beside another answer", 1.0, 1.0, 10.0, "1 to 10"),
    "strict": Scale("All instructions followed"),
    "win_rate": Scale("Win rate", FULL),
}
"""Those of our own evaluators, whatever values happen to occur."""


def plain_name(key: str) -> str:
    """The metric in words, behind the name of its suite where it has one."""
    suite, _, metric = key.rpartition("/")
    own = _OWN.get(metric)
    name = own.name if own else metric.replace("_", " ").replace("-", " ")
    return f"{suite}: {name}" if suite else name


def scale_of(key: str, values: Sequence[float]) -> Scale:
    """The scale of a metric; of one that is not ours by its values, 0 to 1 becomes points."""
    metric, name = key.rpartition("/")[2], plain_name(key)
    if metric in _OWN:
        return _OWN[metric]._replace(name=name)
    if all(0 <= value <= 1 for value in values):
        return Scale(name, FULL)
    low, top = min(0.0, *values), max(values)
    return Scale(name, 1.0, low, top if top > low else low + 1, "as scored")
