"""Rows of any columns as examples, by a mapping of columns to instruction, input and output.

Four shapes are told apart by their keys and may be mixed: a row of texts, a conversation under
``messages``, a task with ``instances``, and our own examples, which come back as they were. A
mapping with braces is a template over columns: ``"Translate into {language}: {text}"``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from didact.formats.reading import Data, is_text, one_turn, row_of
from didact.records import JSON, Example, Message, Origin, Role
from didact.text.rows import Row

__all__ = ["Columns", "conversation"]

_ROLES = frozenset({"system", "user", "assistant"})
_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column is what."""

    origin: Origin
    instruction: str = "instruction"
    input: str = "input"
    output: str = "output"
    system: str = ""
    """The column of a system message; "" for none."""
    rejected: str = ""
    """The column of a worse answer, or of a list of them; "" for none."""
    stated: Mapping[str, JSON]
    """What goes to ``meta`` of every example."""

    def parse(self, data: Data) -> Sequence[Example]:
        """The examples of one row."""
        if "messages" in data:
            return (conversation(data, self.origin, self.stated),)
        if "instances" in data:
            return self._task(data)
        instruction = data.get(self.instruction)
        output = data.get(self.output)
        given = data.get(self.input)
        used = {self.instruction, self.output, self.input}
        if not is_text(instruction):
            instruction = self._text(data, self.instruction, "instruction", used)
        meta: dict[str, JSON] = {**self.stated}
        if not is_text(output):
            if isinstance(output, list) and output:
                texts = [row_of({self.output: answer}).text(self.output) for answer in output]
                output, meta["references"] = texts[0], cast("JSON", texts[1:])
            else:
                output = self._text(data, self.output, "output", used)
        if given is None:
            given = self._no_input(data, used)
        elif type(given) is not str or not (given.isascii() or is_text(given)):
            given = row_of(data, renamed=True).optional_text(self.input)
        system = ""
        if self.system or self.rejected:
            if self.system:
                system = row_of(data, renamed=True).optional_text(self.system)
            if self.rejected:
                meta["rejected"] = self._worse(data)
            used |= {self.system, self.rejected}
        for key, value in data.items():
            if key not in used:
                meta[key] = value
        found = one_turn(instruction, given, output, meta, self.origin)
        if not system:
            return found
        messages = (Message("system", system), *found[0].messages)
        return (Example(messages=messages, meta=meta, origin=self.origin),)

    def _text(self, data: Data, column: str, meaning: str, used: set[str]) -> str:
        row = row_of(data, renamed=True)
        if "{" not in column:
            return row.text(column, meaning=meaning)

        def value(found: re.Match[str]) -> str:
            used.add(found[1])
            cell = data.get(found[1])
            number = isinstance(cell, int | float) and not isinstance(cell, bool)
            return str(cell) if number else row.text(found[1])

        # One pass over the names in the template, so braces in the data cannot name columns.
        return _PLACE.sub(value, column)

    def _no_input(self, data: Data, used: set[str]) -> str:
        if "{" in self.input:
            return self._text(data, self.input, "input", used)
        if self.input not in {"input", ""} and self.input not in data:
            row_of(data, renamed=True).text(self.input, meaning="input")
        return ""

    def _worse(self, data: Data) -> JSON:
        value = data.get(self.rejected)
        if not isinstance(value, list):
            return [row_of(data, renamed=True).text(self.rejected, meaning="rejected")]
        return [row_of({self.rejected: worse}).text(self.rejected) for worse in value]

    def _task(self, data: Data) -> Sequence[Example]:
        row = row_of(data, renamed=True)
        instruction = row.text(self.instruction, meaning="instruction")
        meta = {**self.stated, **row.rest(self.instruction, "instances")}
        return [
            Example.single(
                instruction,
                part.text("output"),
                input=part.optional_text("input"),
                origin=self.origin,
                meta=meta,
            )
            for part in row.parts("instances")
        ]


def conversation(data: Data, origin: Origin, stated: Mapping[str, JSON]) -> Example:
    """An example of a row with ``messages``; one that we wrote ourselves as it was."""
    turns = data["messages"]
    messages: list[Message] = []
    if type(turns) is list and turns:
        for turn in turns:
            if type(turn) is not dict:
                break
            role, content = turn.get("role"), turn.get("content")
            if type(role) is not str or role not in _ROLES or type(content) is not str:
                break
            if content and not content.isascii() and not is_text(content):
                break
            messages.append(Message(cast("Role", role), content))
    if type(turns) is not list or not turns or len(messages) != len(turns):
        messages = [_message(part) for part in row_of(data).parts("messages")]
    if "origin" not in data:
        meta = {k: v for k, v in data.items() if k not in {"messages", "id"}}
        return Example(messages=tuple(messages), meta={**stated, **meta}, origin=origin)
    try:
        return Example.from_json(data)
    except (KeyError, TypeError) as error:
        told = f"not an example as didact writes them ({error!r}); without 'origin' it is read"
        row_of(data).fail(told, reason="not an example as didact writes them")


def _message(part: Row) -> Message:
    role = part.text("role")
    if role not in _ROLES:
        told = f"'role' must be system, user or assistant, it is {role!r}"
        part.fail(told, reason="a role that is not system, user or assistant")
    content = part.data.get("content")
    if not isinstance(content, str):
        part.text("content")
    return Message(cast("Role", role), part.optional_text("content"))
