"""A conversation written down with marks: the prompts that ask for one, and its reading.

Baize (Xu et al. 2023, arXiv 2304.01196) has one model write both sides of a conversation on a
topic, the human's turns after ``[Human]`` and the assistant's after ``[AI]``. The prompts are in
our words, the marks are theirs. Two ways to read what was written:

- *faithful*, as the published code: a mark counts wherever it stands, and everything from the last
  ``[Human]`` on is left out, a whole last exchange too. The conversation ends at the first piece
  that does not hold exactly one answer.
- *corrected*: a mark counts at the start of a line (elsewhere only where no line starts with one),
  the last exchange stays where the reply is complete, and a repeated opening is left out.

In both, an empty turn ends the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from didact.records import Message, Role

__all__ = [
    "AI_MARK",
    "END_MARK",
    "HUMAN_MARK",
    "Reading",
    "has_marks",
    "human_prompt",
    "read_human",
    "read_transcript",
    "transcript",
    "transcript_prompt",
]

HUMAN_MARK, AI_MARK = "[Human]", "[AI]"
END_MARK = "[End]"
"""What a model that plays the human writes when there is nothing more to ask; ours."""

_AT_START = re.compile(r"^[ \t*>]*\[(Human|AI)\]:?[ \t*]*", re.MULTILINE)
_ANYWHERE = re.compile(r"\[(Human|AI)\]:?")
_MARKS = {"user": HUMAN_MARK, "assistant": AI_MARK}


class Reading(NamedTuple):
    """The turns that were read, and why there are no more."""

    turns: tuple[Message, ...]
    """Alternating, the last one the assistant's."""
    ended: str
    """"" where the human's last word or a whole answer ended it."""


def has_marks(text: str) -> bool:
    """Whether a text holds a mark where a turn could begin."""
    return _AT_START.search(text) is not None


def transcript(turns: Sequence[Message]) -> str:
    """The conversation with its marks, one turn a line; a system message is no turn."""
    return "".join(f"{_MARKS[t.role]} {t.content}\n" for t in turns if t.role in _MARKS)


def transcript_prompt(topic: str, turns: Sequence[Message] = ()) -> str:
    """What asks for a conversation on a topic; or for how one goes on, where there are turns."""
    about = "" if turns else _ABOUT.format(topic=topic)
    told = transcript(turns) if turns else _OPENING
    return _TRANSCRIPT.format(about=about, transcript=told)


def human_prompt(topic: str, turns: Sequence[Message]) -> str:
    """What asks for the human's next turn."""
    about = _ABOUT.format(topic=topic) if topic else ""
    told = (_OPENING if topic else "") + transcript(turns)
    return _HUMAN.format(about=about, transcript=told)


def read_transcript(
    reply: str, *, first: Role = "user", complete: bool = True, faithful: bool = False
) -> Reading:
    """The turns of a reply, whose first is the one of the role ``first``."""
    if faithful and first == "user":
        return _literal(reply)
    pieces = _pieces(reply, _AT_START)
    # A model that sets the marks within a line still means them; one that sets none means nothing.
    if not any(role == "assistant" for role, _ in pieces):
        pieces = _pieces(reply, _ANYWHERE)
    if not complete:
        pieces = pieces[:-1]
    if [text for _, text in pieces[:2]] == list(_OPENED):
        pieces = pieces[2:]
    ended = "" if complete else "cut off"
    if not pieces:
        return Reading((), ended or "no marks")
    turns: list[Message] = []
    expected: Role = first
    for role, text in pieces:
        if role != expected or not text:
            ended = "an empty turn" if role == expected else "two turns of one speaker"
            break
        turns.append(Message(expected, text))
        expected = "assistant" if expected == "user" else "user"
    return Reading(_closed(turns), ended)


def read_human(reply: str) -> str:
    """The human's next turn; "" where there is none, and the conversation is at its end."""
    text = re.sub(rf"\A[\s*]*{re.escape(HUMAN_MARK)}:?", "", reply)
    text = text.split(AI_MARK)[0].split(HUMAN_MARK)[0]
    return "" if END_MARK in text else text.strip()


def _literal(reply: str) -> Reading:
    turns: list[Message] = []
    for piece in reply.split(HUMAN_MARK)[1:-1]:
        human, *answers = (part.strip() for part in piece.split(AI_MARK))
        if len(answers) != 1:
            return Reading(tuple(turns), "two turns of one speaker")
        if not human or not answers[0]:
            return Reading(tuple(turns), "an empty turn")
        turns += [Message("user", human), Message("assistant", answers[0])]
    return Reading(tuple(turns), "" if HUMAN_MARK in reply else "no marks")


def _pieces(reply: str, mark: re.Pattern[str]) -> list[tuple[str, str]]:
    """Roles and texts in order; what stands before the first mark is no turn."""
    _, *found = mark.split(reply)
    roles = ["user" if name == "Human" else "assistant" for name in found[::2]]
    return list(zip(roles, (text.strip() for text in found[1::2]), strict=True))


def _closed(turns: Sequence[Message]) -> tuple[Message, ...]:
    """Without the human's last word, which nobody answers."""
    return tuple(turns[:-1] if turns and turns[-1].role == "user" else turns)


_OPENED = ("Good day!", "Good day! What can I do for you?")
_OPENING = f"{HUMAN_MARK} {_OPENED[0]}\n{AI_MARK} {_OPENED[1]}\n"
_ABOUT = """\
 They talk about this topic: '{topic}'."""
_SCENE = """\
Here is a conversation between a human and an AI assistant, who take turns.{about} Whatever the \
human says begins with [Human], and whatever the assistant says begins with [AI]. The human asks \
about their subject, about what is near to it, or about what was said before, and ends the \
conversation when there is nothing more to ask. The assistant does its best not to ask anything."""
_TRANSCRIPT = (
    _SCENE
    + """ \
Write how the conversation goes on, to its end, in exactly this form.

{transcript}"""
)
_HUMAN = (
    _SCENE
    + """ \
Write what the human says next, and nothing after it. If there is nothing more to ask, write [End].

{transcript}[Human] """
)
