"""Final answers: taken from a text with reasons, and compared.

A worked solution of GSM8K (Cobbe et al. 2021, arXiv 2110.14168) ends in ``#### 72`` and has the
calculator's notes in it, ``<<48/2=24>>``; the Flan Collection removes these and isolates the
answer. Pure functions; no calls.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

__all__ = ["Solution", "final_answer", "same_answer", "worked_solution"]

_NOTES = re.compile(r"<<[^<>]*>>")
_FINAL = re.compile(
    r"^[ \t*_#>-]*(?:the[ \t]+)?(?:final[ \t]+)?answer(?:[ \t]+is)?[ \t*_]*[:=][ \t*_]*"
    r"(\S[^\n]*?)[ \t*_\r]*$",
    re.IGNORECASE | re.MULTILINE,
)
_OPTION = re.compile(r"^\W*\(?([a-z])[).:]?\W*$")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class Solution(NamedTuple):
    """Reasons, and what they come to."""

    rationale: str
    answer: str


def worked_solution(text: str) -> Solution | None:
    """The parts of a solution that ends in ``####`` and the answer; None where it does not."""
    rationale, mark, answer = text.rpartition("####")
    if not mark or not rationale.strip() or not answer.strip():
        return None
    return Solution(_NOTES.sub("", rationale).strip(), answer.strip().replace(",", ""))


def final_answer(reply: str) -> Solution | None:
    """The reasons and the last line that says ``Answer:``; None where there is none."""
    found = list(_FINAL.finditer(reply))
    if not found:
        return None
    return Solution(reply[: found[-1].start()].strip(), found[-1].group(1))


def same_answer(one: str, other: str) -> bool:
    """Whether two answers are the same: as numbers, as letters of options, or as words."""
    first, second = _plain(one), _plain(other)
    if first == second:
        return bool(first)
    left, right = _number(first), _number(second)
    if left is not None and right is not None:
        return left == right
    letters = [match.group(1) for text in (first, second) if (match := _OPTION.match(text))]
    return len(letters) == 2 and letters[0] == letters[1]


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.strip(" \t\n.!\"'`*").split())


def _number(text: str) -> Decimal | None:
    """The number, with its unit sign or thousands marks taken off; None where it is none."""
    bare = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text).strip("$€£% ")
    if not _NUMBER.fullmatch(bare):
        return None
    try:
        return Decimal(bare)
    except InvalidOperation:
        return None
