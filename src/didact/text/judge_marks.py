"""The verdicts that judges are asked to write, and how each is read.

Five published forms: a mark in double brackets for the better of two answers or for a rating
(MT-bench, L. Zheng et al. 2023, arXiv 2306.05685), a lone number in the last line (QLoRA,
T. Dettmers et al. 2023, arXiv 2305.14314), the name of an output (LLMBar, Z. Zeng et al. 2023,
arXiv 2310.07641), a ranking as a Python list (AlpacaEval, X. Li et al. 2023), and two scores of 1
to 10 (Vicuna). What does not say one thing only is None, which is no verdict and never a score.

Ours differ from the published readers: marks that contradict one another are no verdict (there the
first kind looked for wins), a rating outside 1 to 10 is none, and two scores may also stand at the
end of a review that works the problem out first, as the mathematics prompt of Vicuna asks and its
reader cannot read. ``faithful`` reads as published.
"""

from __future__ import annotations

import ast
import re
from typing import Literal, TypeAlias, cast

from didact.text.score_lines import HIGHEST, LOWEST, parse_scores

__all__ = [
    "Side",
    "read_choice",
    "read_last_number",
    "read_level",
    "read_named_output",
    "read_pair",
    "read_ranking",
    "read_rating",
]

Side: TypeAlias = Literal["first", "second", "tie"]
"""The better of two answers, by the place in which the judge saw it."""

_MARK = re.compile(r"\[\[\s*([ABC])\s*\]\]")
_LEVEL = re.compile(r"\[\[\s*([ABCD])\s*\]\]")
_RATING = re.compile(r"\[\[(\d+\.?\d*)\]\]")
_LONE_RATING = re.compile(r"\[(\d+\.?\d*)\]")
_LAST_NUMBER = re.compile(r"[\s(\[\"'*]*([123])[\s.)\]\"'*]*")
_BETTER = re.compile(
    r"(?i)\boutput \(([ab])\)[\"'*]* (?:is|would be|provides|offers) (?:a |the |an )?better\b"
)
_OUTPUT = re.compile(r"(?i)\boutput \(([ab])\)")
_PLAIN = re.compile(r"(?i)(?:assistant|answer|model|scores?|out of|and|[^a-z+=])*")
_TUPLE = re.compile(r"\(\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*\)")
_LABELLED = re.compile(
    r"(?m)^[^\w\n]*(?:assistant|answer) *([12])(?:'s)?(?: +score)?[ *]*:[ *]*(\d+(?:\.\d+)?)\b"
    r"(?!\s*/\s*(?!10\b)\d)",
    re.IGNORECASE,
)
_SHORT = 4
"""Words of a reply that says which output is better and nothing else."""

_SIDES: dict[str, Side] = {"A": "first", "B": "second", "C": "tie"}
_NUMBERS: dict[str, Side] = {"1": "first", "2": "second", "3": "tie"}
_NAMED: dict[str, Side] = {"a": "first", "b": "second"}


def read_choice(reply: str, *, faithful: bool = False) -> Side | None:
    """``[[A]]``, ``[[B]]``, or ``[[C]]`` for a tie."""
    marks = cast("list[str]", _MARK.findall(reply))
    if faithful:
        return next((_SIDES[mark] for mark in "ABC" if f"[[{mark}]]" in reply), None)
    return _SIDES[marks[0]] if len(set(marks)) == 1 else None


def read_level(reply: str) -> Literal["A", "B", "C", "D"] | None:
    """``[[A]]`` to ``[[D]]``; a reply of the letter alone counts too."""
    marks = set(cast("list[str]", _LEVEL.findall(reply)))
    if not marks and reply.strip().rstrip(".") in {"A", "B", "C", "D"}:
        marks = {reply.strip()[0]}
    return cast('Literal["A", "B", "C", "D"]', marks.pop()) if len(marks) == 1 else None


def read_rating(reply: str) -> float | None:
    """The first ``[[7]]`` or ``[[7.5]]``, or without one the first ``[7]``; 1 to 10."""
    found = _RATING.search(reply) or _LONE_RATING.search(reply)
    rating = float(found[1]) if found else 0.0
    return rating if LOWEST <= rating <= HIGHEST else None


def read_last_number(reply: str) -> Side | None:
    """A last line that is 1, 2, or 3 for a tie, and nothing else."""
    found = _LAST_NUMBER.fullmatch(reply.strip().rpartition("\n")[2])
    return _NUMBERS[found[1]] if found else None


def read_named_output(reply: str) -> Side | None:
    """``Output (a)`` or ``Output (b)``: all there is, or what is said to be better at the end."""
    names = {name.lower() for name in cast("list[str]", _OUTPUT.findall(reply))}
    if len(names) == 1 and len(reply.split()) <= _SHORT:
        return _NAMED[names.pop()]
    better = cast("list[str]", _BETTER.findall(reply))
    return _NAMED[better[-1].lower()] if len({name.lower() for name in better}) == 1 else None


def read_ranking(reply: str, *, faithful: bool = False) -> Side | None:
    """A list of two dictionaries with ``model`` (model_1, model_2) and ``rank`` (1, 2).

    As published, the whole reply must be that list; ours also takes one with prose around it.
    """
    if not faithful:
        start, end = reply.find("["), reply.rfind("]")
        reply = reply[start : end + 1] if 0 <= start < end else ""
    try:
        rows = cast("object", ast.literal_eval(reply))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    ranks: dict[object, object] = {}
    for row in cast("list[object]", rows) if isinstance(rows, list) else []:
        if isinstance(row, dict):
            entry = cast("dict[object, object]", row)
            ranks[str(entry.get("model"))] = entry.get("rank")
    first, second = ranks.get("model_1"), ranks.get("model_2")
    if first not in (1, 2) or (not faithful and {first, second} != {1, 2}):
        return None
    return "first" if first == 1 else "second"


def read_pair(reply: str, *, faithful: bool = False) -> tuple[float, float] | None:
    """Two scores of 1 to 10: the first line, or else what a worked solution ends with."""
    first = next((line for line in reply.splitlines() if line.strip()), "")
    # A line of working may hold two numbers, too.
    scores = (
        parse_scores(reply, 2, faithful=faithful) if faithful or _PLAIN.fullmatch(first) else None
    )
    if scores is not None:
        return scores[0], scores[1]
    if faithful:
        return None
    last = set(cast("list[tuple[str, str]]", _TUPLE.findall(reply.strip().rpartition("\n")[2])))
    if len(last) == 1:
        first, second = last.pop()
        pair = float(first), float(second)
    else:
        pair = _labelled(reply)
    return pair if pair and all(LOWEST <= score <= HIGHEST for score in pair) else None


def _labelled(reply: str) -> tuple[float, float] | None:
    """Lines that begin with the name of the answer and its score: the last of each."""
    found = [(match[1], float(match[2])) for match in _LABELLED.finditer(reply)]
    if [name for name, _ in found[-2:]] != ["1", "2"]:
        return None
    return found[-2][1], found[-1][1]
