"""The result that a worked answer ends at, in one form for all the ways to write it."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["final_answer", "marked_answer"]

_NUMBER = re.compile(r"(?:(?<![\w)])[-+])?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|(?<!\w)\.\d+")
_MARK = re.compile(r"####[ \t]*([^\n]+)")
_SAID = (
    re.compile(r"\\boxed\{([^{}]+)\}"),
    re.compile(r"answer(?: is:?|:)[\s*]*([^\n]+)", re.IGNORECASE),
)


def final_answer(text: str) -> str:
    r"""The result at the end of a text; "" where there is none.

    It is behind the last ``####``, else in the last ``\boxed{}``, else behind the last "answer is",
    else it is the last number, else the whole text.
    """
    for mark in (_MARK, *_SAID):
        if said := mark.findall(text):
            # "The answer is 3 + 2 = 5 apples, not 6": the first number, of the last term.
            return _plain(said[-1].rpartition("=")[2], at=0)
    return _plain(text, at=-1)


def marked_answer(text: str) -> str:
    """What is behind the last ``####``; "" where there is none."""
    said = _MARK.findall(text)
    return _plain(said[-1], at=0) if said else ""


def _plain(text: str, *, at: int) -> str:
    """A number without signs of thousands, currency or unit; words in small letters."""
    if numbers := _NUMBER.findall(text):
        return f"{Decimal(numbers[at].replace(',', '')).normalize() + 0:f}"
    return " ".join(re.sub(r"[^\w\s]", "", text.lower()).split())
