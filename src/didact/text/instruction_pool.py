"""A growing pool of instructions that takes what is unlike everything it holds.

The pool of Self-Instruct (Wang et al. 2022, arXiv 2212.10560). What it says of each instruction is
what the published code records: the ten most similar members with their ROUGE-L, and the mean over
all members. `didact.text.novelty_index` decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from didact.text.novelty_index import NoveltyIndex
from didact.text.words import all_words, latin_words

__all__ = ["Admission", "InstructionPool", "Similar"]

_RECORDED = 10


class Similar(NamedTuple):
    """A member of the pool and how similar it is."""

    instruction: str
    score: float


class Admission(NamedTuple):
    """What the pool said of an instruction."""

    accepted: bool
    most_similar: tuple[Similar, ...]
    """The ten most similar members before it joined, most similar first."""
    average: float
    """Mean similarity to all members before it joined."""


class InstructionPool:
    """Instructions, each new when it joined; the first ones are taken as they are."""

    def __init__(self, first: Iterable[str], *, threshold: float, faithful: bool) -> None:
        self._index = NoveltyIndex(threshold, words=latin_words if faithful else all_words)
        self._members = list(first)
        for member in self._members:
            self._index.add(member)

    def offer(self, instruction: str) -> Admission:
        """Let the instruction join, unless a member is more similar than the threshold."""
        scores = self._index.scores(instruction)
        nearest = np.argsort(-scores, kind="stable")[:_RECORDED].tolist()
        similar = tuple(Similar(self._members[i], float(scores[i])) for i in nearest)
        accepted = self._index.offer(instruction) is None
        if accepted:
            self._members.append(instruction)
        return Admission(accepted, similar, float(scores.mean()) if len(scores) else 0.0)
