"""What a model says of an instruction: its quality, its difficulty, and what kind of task it is.

Magpie (Xu et al. 2024, arXiv 2406.08464) has a model tag every instruction, in three calls that
each end in JSON. Keys and levels are theirs, the prompts are in our words. A reply whose JSON
cannot be read, or whose level is none of those, is a ParseError: the tag is not known, which is not
the same as a low one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias, cast

from didact.errors import ParseError
from didact.records import JSON, Reply
from didact.text.structured import read_reply

__all__ = [
    "CATEGORIES",
    "DIFFICULTIES",
    "QUALITIES",
    "Tag",
    "read_reward",
    "read_tag",
    "tag_prompt",
]

Tag: TypeAlias = Literal["quality", "difficulty", "category"]
QUALITIES = ("very poor", "poor", "average", "good", "excellent")
DIFFICULTIES = ("very easy", "easy", "medium", "hard", "very hard")
CATEGORIES = (
    "Information seeking", "Reasoning", "Planning", "Editing", "Coding & Debugging", "Math",
    "Role playing", "Data analysis", "Creative writing", "Advice seeking", "Brainstorming",
    "Others",
)  # fmt: skip

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def tag_prompt(tag: Tag, instruction: str) -> str:
    """What asks for a tag."""
    return _PROMPTS[tag].format(instruction=instruction)


def read_tag(tag: Tag, reply: Reply) -> dict[str, JSON]:
    """The tag and what was said with it, under the keys of Magpie's records."""
    data = cast("dict[str, JSON]", read_reply(reply, schema={"type": "object"}))
    if tag == "quality":
        return {
            "input_quality": _level(data, "input_quality", QUALITIES, reply),
            "quality_explanation": _text(data, "explanation"),
        }
    if tag == "difficulty":
        return {
            "difficulty": _level(data, "difficulty", DIFFICULTIES, reply),
            "intent": _text(data, "intent"),
            "knowledge": _text(data, "knowledge"),
        }
    others = data.get("other_tags")
    return {
        "task_category": _level(data, "primary_tag", CATEGORIES, reply),
        "other_task_category": [str(one) for one in others] if isinstance(others, list) else [],
    }


def read_reward(reply: Reply) -> float:
    """The last number of a reply: how servers of reward models write one, as in ``reward:-3.2``."""
    found = _NUMBER.findall(reply.text) if reply.finish == "stop" else []
    if not found:
        raise ParseError("the reply holds no number", reply=reply.text)
    return float(found[-1])


def _level(data: Mapping[str, JSON], key: str, levels: tuple[str, ...], reply: Reply) -> str:
    said = str(data.get(key)).strip().strip("`'\"[].").casefold()
    for level in levels:
        if level.casefold() == said:
            return level
    raise ParseError(f"{key} is {data.get(key)!r}, none of {', '.join(levels)}", reply=reply.text)


def _text(data: Mapping[str, JSON], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


_QUERY = """\
Here is what a user asks of a language model. Do not answer it.

[Query]
{instruction}
[End of query]

"""
_PROMPTS: Mapping[Tag, str] = {
    "quality": _QUERY
    + """\
How good is the query, by how clear, how specific and how coherent it is? The levels are:
- very poor: one cannot tell what is meant; what one would have to know is missing
- poor: not quite clear, or important details are missing; a good deal has to be asked back
- average: fairly clear and specific; something more may have to be known to understand it in full
- good: clear, specific and on the whole well put; the context suffices to see what is wanted
- excellent: very clear, very specific and well put, with all that a thorough answer needs
First say what is strong and what is weak about it, then give the level. Reply with JSON:
{{"explanation": "...", "input_quality": "very poor, poor, average, good or excellent"}}""",
    "difficulty": _QUERY
    + """\
What does the user want, what does one have to know to do it, and how difficult is it? The levels \
are very easy, easy, medium, hard and very hard. Reply with JSON:
{{"intent": "The user wants ...", "knowledge": "One has to know ...", "difficulty": "..."}}""",
    "category": _QUERY
    + """\
Which kind of task is it? The kinds are:
- Information seeking: facts or explanations about something
- Reasoning: thinking through a problem or an idea step by step
- Planning: a plan or a strategy for something to be done
- Editing: correcting, rewording or shortening a text that is there
- Coding & Debugging: writing, reading or repairing programs
- Math: calculations, proofs and what numbers are about
- Role playing: speaking as somebody else
- Data analysis: making sense of data or statistics
- Creative writing: stories, poems and the like
- Advice seeking: what to do in a personal or professional matter
- Brainstorming: many ideas about something
- Others: none of these
Name the one that fits best, and others that fit too. Reply with JSON:
{{"primary_tag": "...", "other_tags": ["..."]}}""",
}
