"""A line of scores, one for each answer that a judge was shown: asked for, and read.

The form in which Vicuna (Chiang et al. 2023) and GPT-4-LLM (Peng et al. 2023, arXiv 2304.03277) had
a judge write: numbers of 1 to 10 with a space between, in the first line, and reasons after it.
*Faithful* reads as the published code does, which wants exactly one space or one comma between.
*Corrected* differs: the first line that holds anything counts; labels ("Answer 1:"), brackets,
"/10" and any white space are no obstacle; a number outside 1 to 10 is no score, and neither is one
that follows on a word. `rank` orders the answers by what was read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from didact.records import JSON

__all__ = ["HIGHEST", "LOWEST", "Place", "parse_scores", "rank", "scoring_prompt"]

LOWEST, HIGHEST = 1.0, 10.0

_LABEL = re.compile(r"[A-Za-z]+[ \t]*\d+[ \t*)\]]*[:=]")
_OF_TEN = re.compile(r"\s*/\s*10\b(?!\.\d)|\s+out\s+of\s+10\b")
_SPOKEN = re.compile(r"[A-Za-z][ \t]*\d")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w%])")


def scoring_prompt(asked: str, answers: Sequence[str]) -> str:
    """Asks a judge to score the answers to what was asked."""
    shown = "".join(
        f"[Answer {number}]\n{text}\n[End of answer {number}]\n\n"
        for number, text in enumerate(answers, 1)
    )
    return _JUDGE.format(asked=asked, answers=shown, count=len(answers))


class Place(NamedTuple):
    """An answer among those that were scored."""

    text: str
    ties: int
    """Other answers of its score."""
    worse: list[JSON]
    meta: dict[str, JSON]
    """What an example that prefers it says."""


def rank(answers: Sequence[tuple[str, str]], scores: Mapping[str, float]) -> list[Place]:
    """Every different text, the best first, from who wrote what and the score of each text."""
    ranked = sorted(scores, key=lambda text: -scores[text])
    by: dict[str, list[JSON]] = {text: [] for text in ranked}
    for role, text in answers:
        by[text].append(role)
    everything: list[JSON] = [
        {"text": text, "score": scores[text], "by": by[text]} for text in ranked
    ]
    places: list[Place] = []
    for text in ranked:
        worse: list[JSON] = [other for other in ranked if scores[other] < scores[text]]
        meta: dict[str, JSON] = {
            "rejected": worse,
            "score": scores[text],
            "answered_by": by[text],
            "answers": everything,
        }
        ties = sum(scores[other] == scores[text] for other in ranked) - 1
        places.append(Place(text, ties, worse, meta))
    return places


def parse_scores(reply: str, count: int, *, faithful: bool = False) -> tuple[float, ...] | None:
    """The scores of ``count`` answers; None where the reply does not give just that many."""
    if faithful:
        fields = reply.partition("\n")[0].replace(",", " ").split(" ")
        try:
            return tuple(map(float, fields)) if len(fields) == count else None
        except ValueError:
            return None
    line = next((line for line in reply.splitlines() if line.strip()), "")
    line = _OF_TEN.sub("", _LABEL.sub(",", line))
    # "Answer 1 - 8" has two numbers and one score: what is in words is not guessed at.
    if _SPOKEN.search(line):
        return None
    scores = tuple(map(float, _NUMBER.findall(line)))
    if len(scores) != count or not all(LOWEST <= score <= HIGHEST for score in scores):
        return None
    return scores


_JUDGE = """\
[Question]
{asked}

{answers}[System]
Judge the {count} answers to the question above. How helpful are they, how relevant, how accurate, \
and how well do they go into detail? Give each a score from 1 to 10, where more is better. The \
order in which they stand must not matter to you, nor their length alone.
The first line of your reply holds {count} numbers and nothing else: the scores in the order of \
the answers, with a space between. Give your reasons after it."""
