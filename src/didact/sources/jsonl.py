"""Examples in JSON Lines files, plain or gzipped, of four shapes that may be mixed.

- a row of texts, ``{"instruction", "input", "output"}``, its keys renamed by the fields below; no
  input, or null, is an empty one; a list of outputs is an output and further right answers;
- a conversation, ``{"messages": [{"role", "content"}, ...]}``;
- a task, ``{"instruction", "instances": [{"input", "output"}, ...]}``: an example per instance;
- our own examples, as ``Example.to_json`` writes them: these come back as they were.

Other keys of a row go to ``meta``. Reading is strict: the first row that does not fit is an error
with file, line, key, and the setting that may be missing.

Cost: no calls.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from didact.errors import ConfigError
from didact.records import JSON, Example, Message, Origin, Role
from didact.text.rows import Row, read_rows

__all__ = ["Jsonl"]

_ORIGIN = Origin(recipe="jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jsonl:
    """Examples from a JSON Lines file."""

    path: Path
    """The file; one whose name ends in .gz is decompressed."""
    instruction: str = "instruction"
    """The key of the instruction."""
    input: str = "input"
    """The key of the input; a row without it has none."""
    output: str = "output"
    """The key of the output."""

    def read(self) -> Iterator[Example]:
        """Every example, in the order of the file."""
        with self._open() as file:
            try:
                for row in read_rows(file, str(self.path), renamed=True):
                    yield from self._examples(row)
            except (OSError, EOFError, zlib.error) as error:
                raise ConfigError(f"{self.path}: the file is damaged: {error}") from error

    def _open(self) -> BinaryIO:
        try:
            if self.path.suffix == ".gz":
                return cast("BinaryIO", gzip.open(self.path))
            return self.path.open("rb")
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror}") from error

    def _examples(self, row: Row) -> Iterator[Example]:
        if "messages" in row.data:
            yield _conversation(row)
            return
        instruction = row.text(self.instruction, meaning="instruction")
        if "instances" in row.data:
            meta = row.rest(self.instruction, "instances")
            for part in row.parts("instances"):
                yield _single(part, instruction, "input", "output", meta=meta)
            return
        if self.input != "input" and self.input not in row.data:
            row.text(self.input, meaning="input")
        meta = row.rest(self.instruction, self.input, self.output)
        yield _single(row, instruction, self.input, self.output, meta=meta)


def _single(
    row: Row, instruction: str, source: str, target: str, *, meta: dict[str, JSON]
) -> Example:
    outputs = row.data.get(target)
    if isinstance(outputs, list) and outputs:
        answers = [Row(row.place, {target: answer}).text(target) for answer in outputs]
        output, meta = answers[0], {**meta, "references": cast("JSON", answers[1:])}
    else:
        output = row.text(target, meaning="output")
    given = row.optional_text(source)
    return Example.single(instruction, output, input=given, origin=_ORIGIN, meta=meta)


def _conversation(row: Row) -> Example:
    messages = tuple(_message(part) for part in row.parts("messages"))
    if "origin" not in row.data:
        return Example(messages=messages, meta=row.rest("messages", "id"), origin=_ORIGIN)
    try:
        return Example.from_json(row.data)
    except (KeyError, TypeError) as error:
        row.fail(f"not an example as didact writes them ({error!r}); without 'origin' it is read")


def _message(part: Row) -> Message:
    role = part.text("role")
    if role not in {"system", "user", "assistant"}:
        part.fail(f"'role' must be system, user or assistant, it is {role!r}")
    content = part.data.get("content")
    if not isinstance(content, str):
        part.text("content")
    return Message(cast("Role", role), part.optional_text("content"))
