"""A score by the length of the text it was measured against.

Instruction Tuning with GPT-4 (Peng et al. 2023, arXiv 2304.03277) shows ROUGE-L by the words of the
reference, in four groups, because short references punish whoever answers in sentences: over all it
is the terser model that wins, above five words the other. Words are counted by spaces, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

from didact.records import JSON

__all__ = ["GROUPS", "Group", "by_length", "side_by_side"]

GROUPS = (("0-2", 2), ("3-5", 5), ("6-10", 10), (">10", None))
"""Names, and the most words of each; None for the last, which has no limit."""


class Group(NamedTuple):
    """The scores against references of similar length."""

    name: str
    number: int
    mean: float


def by_length(scores: Iterable[tuple[int, float]]) -> list[Group]:
    """Mean scores, from pairs of words and score; groups that have any, the shortest first."""
    found: dict[str, list[float]] = {name: [] for name, _ in GROUPS}
    for words, score in scores:
        name = next(name for name, most in GROUPS if most is None or words <= most)
        found[name].append(score)
    return [Group(name, len(values), fmean(values)) for name, values in found.items() if values]


def side_by_side(answers: Sequence[tuple[int, int, float]]) -> dict[str, JSON]:
    """Old and new answers on average, from the words of both and their ROUGE-L; not of none."""
    old, new, similar = (fmean(column) for column in zip(*answers, strict=True))
    groups = by_length((words, score) for words, _, score in answers)
    return {
        "old_words": old,
        "new_words": new,
        "rouge_l_with_old": similar,
        "rouge_l_by_old_words": {group.name: group.mean for group in groups},
    }
