"""Forms in which a judge is asked to rate one answer: what it is shown, on what scale, how read.

``curation`` is Humpback's five points (Li et al. 2023, arXiv 2308.06259), ``page`` the same for a
model too small to read them, which continues a page of graded answers; ``dimension`` the 0 to 5 of
AlpaGasus (Chen et al. 2023, arXiv 2307.08701) on one dimension, ``ten`` the 1 to 10 of Vicuna's
judge for a single answer, ``aspects`` and ``critique`` those of UltraFeedback (Cui et al. 2023,
arXiv 2310.01377). Structure, markers and scales are theirs, the words ours; UltraFeedback shows
four answers at a time, ours one. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeAlias

from didact.records import Example, Message
from didact.text.backtranslation import curation_prompt, page_prompt, read_score, untagged
from didact.text.ratings import critique_rating, first_rating
from didact.text.score_lines import parse_scores, scoring_prompt

__all__ = ["ASPECTS", "FORMS", "Form", "Name", "questions", "shown"]

Name: TypeAlias = Literal["curation", "page", "dimension", "ten", "aspects", "critique"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A scale, and how a reply on it is read."""

    lowest: float
    highest: float
    at_least: float
    """What the published selection keeps, or a like share of the scale where there is none."""
    first_line: bool
    """The rating comes first, so a reply that was cut after its first line is whole enough."""
    stop: tuple[str, ...] = ()
    """Where a page that is continued as plain text ends; none of a form that is asked in a chat."""
    read: Callable[[str, bool], float | None]
    """The rating in a reply, as the published code reads it where the second is true; None, or a
    ParseError, where there is none."""


def _dimension(reply: str, faithful: bool) -> float | None:
    return first_rating(reply, lowest=0, highest=5, faithful=faithful)


def _aspect(reply: str, faithful: bool) -> float | None:
    value = first_rating(reply, lowest=1, highest=5)
    return float(int(value)) if faithful and value is not None else value


def _ten(reply: str, faithful: bool) -> float | None:
    scores = parse_scores(reply, 1, faithful=faithful)
    return scores[0] if scores else None


def _curation(reply: str, faithful: bool) -> float | None:
    return read_score(reply, "faithful" if faithful else "corrected")


def _page(reply: str, faithful: bool) -> float | None:
    """The page ends with the mark; a model that begins with reasons repeats it."""
    labelled = "core:" in reply
    said = reply if labelled else f"Score: {reply.strip().partition(chr(10))[0]}"
    return _curation(said, faithful)


def _critique(reply: str, faithful: bool) -> float | None:
    return critique_rating(reply, faithful=faithful)


FORMS: Mapping[Name, Form] = MappingProxyType(
    {
        "curation": Form(lowest=1, highest=5, at_least=5, first_line=False, read=_curation),
        "page": Form(
            lowest=1,
            highest=5,
            at_least=5,
            first_line=True,
            stop=("\n\n", "\nTask:"),
            read=_page,
        ),
        "dimension": Form(lowest=0, highest=5, at_least=4.5, first_line=True, read=_dimension),
        "ten": Form(lowest=1, highest=10, at_least=8, first_line=True, read=_ten),
        "aspects": Form(lowest=1, highest=5, at_least=4, first_line=True, read=_aspect),
        "critique": Form(lowest=1, highest=10, at_least=8, first_line=False, read=_critique),
    }
)


def questions(
    form: Name, example: Example, *, dimension: str, aspects: Sequence[str]
) -> list[tuple[Message, ...] | str]:
    """What a judge is asked about an example: one question, or one for each aspect.

    A page to be continued is plain text. A sentence that a recipe put into the prompt to tell its
    kinds of data apart (`meta.tag`) is not shown.
    """
    example = _without_tag(example)
    asked, answer = shown(example), example.output
    if form == "page":
        return [page_prompt(asked, answer)]
    if form == "curation":
        return [(Message("user", curation_prompt(asked, answer)),)]
    if form == "ten":
        return [(Message("user", scoring_prompt(asked, [answer])),)]
    if form == "dimension":
        given = example.input if _one_turn(example) else ""
        instruction = example.instruction if _one_turn(example) else asked
        triple = f"###Instruction:\n{instruction}\n\n### Input:\n{given}\n\n### Response:\n{answer}"
        question = _DIMENSION.format(dimension=dimension)
        return [(Message("system", f"{_FEEDBACK}\n\n{triple}"), Message("user", question))]
    if form == "critique":
        return [(Message("user", _CRITIQUE.format(asked=asked, answer=answer)),)]
    return [
        (Message("user", _ASPECT.format(asked=asked, answer=answer, **_aspect_words(aspect))),)
        for aspect in aspects
    ]


def shown(example: Example) -> str:
    """What the answer answers: the one request, or the conversation up to it."""
    if _one_turn(example):
        return example.prompt[0].content
    return "\n\n".join(f"{_ROLES[turn.role]}: {turn.content}" for turn in example.prompt)


def _without_tag(example: Example) -> Example:
    tag = str(example.meta.get("tag", ""))
    if not tag:
        return example
    turns = [
        Message(turn.role, turn.content.removesuffix(tag).rstrip("\n"))
        if turn.role == "system"
        else Message(turn.role, untagged(turn.content, tag))
        for turn in example.messages
    ]
    return replace(example, messages=tuple(t for t in turns if t.content or t.role != "system"))


def _one_turn(example: Example) -> bool:
    return [turn.role for turn in example.prompt] == ["user"]


def _aspect_words(aspect: str) -> dict[str, str]:
    return {"aspect": aspect.replace("_", " "), "meaning": ASPECTS.get(aspect, "")}


_ROLES = {"system": "System", "user": "User", "assistant": "Assistant"}

ASPECTS: Mapping[str, str] = MappingProxyType(
    {
        "instruction_following": "It does what it was asked to do, in full, and keeps to every"
        " limit of form, length and content that was set.",
        "honesty": "It is as sure as it can rightly be: it says what it does not know, and is not"
        " hesitant where the matter is clear.",
        "truthfulness": "What it says agrees with the world, with the text it was given and with"
        " itself; nothing in it is made up.",
        "helpfulness": "It is of use to the one who asked: right, to the point, complete, and no"
        " longer than it need be.",
    }
)
"""What UltraFeedback has rated, in our words; another aspect is named by its name alone."""

_FEEDBACK = """\
Give feedback on how well an AI assistant has done. The instruction that it was given, the input \
that came with it, and its response follow."""

_DIMENSION = """\
Rate the {dimension} of the response on a scale from 0 to 5; a higher number is a higher \
{dimension}. The first line of your reply holds the number and nothing else. After it, explain \
fully what the number rests on, without letting anything but the response count."""

_ASPECT = """\
Rate one aspect of an answer: its {aspect}. {meaning}
1 is very poor, 2 poor, 3 fair, 4 good, 5 without fault.

[Request]
{asked}
[End of request]

[Answer]
{answer}
[End of answer]

Reply in two parts, each on a line of its own:
Rating: <a number from 1 to 5>
Rationale: <why, in a sentence or two>"""

_CRITIQUE = """\
You are a teacher who reads an assistant's answer to a request and tells it how to do better. \
Weigh how well the answer follows the request, whether it is true and honest, and how helpful it \
is; name what is good, what is wrong and what to change, and do not write an answer of your own.

[Request]
{asked}
[End of request]

[Answer]
{answer}
[End of answer]

Write the feedback first. End with one last line of the form
Overall Score: <a number from 1 to 10>"""
