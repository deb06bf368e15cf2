"""Conversations as public files write them: ``from`` and ``value``, or texts in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from didact.formats.reading import is_text
from didact.records import JSON, Message, Role
from didact.text.rows import Row

__all__ = ["ROLES", "alternating", "named_turns", "texts_in_turn"]

ROLES: Mapping[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "system": "system",
}
"""What the names of speakers found in the wild mean."""


def named_turns(row: Row, key: str, *, speaker: str = "from", says: str = "value") -> list[Message]:
    """The turns of a list of objects that name a speaker and what they say."""
    turns = row.data.get(key)
    found: list[Message] = []
    if type(turns) is list and turns:
        for turn in turns:
            if type(turn) is not dict:
                break
            role, text = turn.get(speaker), turn.get(says)
            known = ROLES.get(role) if type(role) is str else None
            if known is None or type(text) is not str:
                break
            if text and not text.isascii() and not text.isspace() and not is_text(text):
                break
            found.append(Message(known, text))
        else:
            return found
    # Something is wrong: find the words for it.
    for part in row.parts(key):
        name = part.text(speaker, meaning="role")
        if name not in ROLES:
            told = f"{speaker!r} must be one of {', '.join(ROLES)}; it is {name!r}"
            part.fail(told, reason="an unknown speaker")
        if not isinstance(part.data.get(says), str):
            part.text(says, meaning="content")
        part.optional_text(says)
    row.fail(f"{key!r} is no conversation", reason="no conversation")


def alternating(messages: Sequence[Message]) -> bool:
    """Whether user and assistant take turns, the user first, after at most one system message."""
    turns = messages[1:] if messages and messages[0].role == "system" else messages
    expected = ("user", "assistant")
    return bool(turns) and all(turn.role == expected[n % 2] for n, turn in enumerate(turns))


def texts_in_turn(row: Row, key: str) -> list[Message]:
    """The turns of a list of texts, the user's first."""
    turns = row.data.get(key)
    if not isinstance(turns, list) or not turns:
        row.parts(key)
    roles = cast("tuple[Role, Role]", ("user", "assistant"))
    return [
        Message(roles[n % 2], Row(f"{row.place}, turn {n + 1}", {key: turn}).text(key))
        for n, turn in enumerate(cast("list[JSON]", turns))
    ]
