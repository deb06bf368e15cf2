"""What an answer looks like, whatever it says: length, lists, headings, hedging, its opening.

The False Promise of Imitating Proprietary LLMs (A. Gudibande et al. 2023, arXiv 2305.15717) shows
that imitation moves such marks close to the teacher's while exact answers stay where they were. The
marks are theirs in kind; the words looked for are ours, and English. Cost: no call of a model;
about 20 microseconds an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from didact.text.words import all_words, count_words

__all__ = ["MARKS", "Surface", "surface"]

MARKS = ("words", "list", "heading", "hedges", "opening")
"""The names of the marks, in the order of their fields."""


class Surface(NamedTuple):
    """The marks of one answer."""

    words: float
    """How many."""
    list: float
    """1 where it has a list of two points or more, else 0."""
    heading: float
    """1 where it has a heading or a line of its own in bold, else 0."""
    hedges: float
    """Words and phrases that take something back, for each hundred words."""
    opening: float
    """1 where it opens with a set phrase, else 0."""


def surface(text: str) -> Surface:
    """The marks of a text; all 0 of an empty one."""
    words = count_words(text)
    lines = text.splitlines()
    points = sum(bool(_POINT.match(line)) for line in lines)
    heads = any(_HEADING.match(line) for line in lines)
    lowered = f" {' '.join(all_words(text))} "
    hedges = sum(lowered.count(f" {hedge} ") for hedge in _HEDGES)
    start = lowered.lstrip()
    return Surface(
        words=float(words),
        list=float(points >= 2),
        heading=float(heads),
        hedges=100 * hedges / words if words else 0.0,
        opening=float(any(start.startswith(f"{opening} ") for opening in _OPENINGS)),
    )


_POINT = re.compile(r"\s*(?:[-*•–]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+\S")  # noqa: RUF001
_HEADING = re.compile(r"\s{0,3}(?:#{1,6}\s+\S|\*\*[^*]+\*\*:?\s*$|[A-Z][^.!?\n]{2,60}:\s*$)")
_HEDGES: Sequence[str] = (
    "may", "might", "perhaps", "possibly", "generally", "typically", "usually", "often", "likely",
    "seems", "appears", "could be", "it depends", "in general", "however", "although", "i think",
    "i believe", "it is important to", "it s important to", "keep in mind", "as an ai",
)  # fmt: skip
_OPENINGS: Sequence[str] = (
    "sure", "certainly", "of course", "absolutely", "here is", "here s", "here are", "great",
    "as an ai", "i m sorry", "i am sorry", "thank you", "yes", "there are", "to answer",
    "the answer is", "hello", "hi",
)  # fmt: skip
