"""From the rows of a file to examples, strictly: what every source does between its rows.

The first row that cannot be read ends the reading with file, line, key and a way out. With
``on_error: skip`` such rows are left out and counted instead. A source's parser gets a plain
dictionary and checks it with ``is_text``, which costs little; only a row that fails is looked at
again with ``Row``, which finds the words for what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, TypeGuard

from didact.errors import ConfigError
from didact.formats.containers import BadRow, rows_of
from didact.formats.refusals import OnError, Refusals
from didact.records import INPUT_MARK, JSON, Example, Message, Origin
from didact.text.rows import Row, RowError

__all__ = ["Data", "Reading", "is_text", "one_turn", "optional_text", "provenance", "row_of"]

Data: TypeAlias = "dict[str, JSON]"
_SKIP = " Or set `on_error: skip` (--skip of a command) to count such rows and read on."


class Reading:
    """One reading of one file."""

    def __init__(self, path: Path, *, on_error: OnError, refusals: Refusals | None = None) -> None:
        self.path = path
        self.line = 0
        """The line of the row at hand."""
        self._skip = on_error == "skip"
        self._own = refusals is None
        self.refusals = Refusals() if refusals is None else refusals

    def examples(
        self,
        parse: Callable[[Data], Iterable[Example]],
        *,
        columns: tuple[str, ...] | None = None,
    ) -> Iterator[Example]:
        """What the parser makes of every row; it raises RowError through ``Row``."""
        refusals = self.refusals
        for number, row in rows_of(self.path, columns=columns):
            self.line = number
            refusals.read += 1
            if type(row) is BadRow:
                self.refuse(RowError("", row.message, row.reason))
                continue
            try:
                found = parse(row)  # pyright: ignore[reportArgumentType]
            except RowError as error:
                self.refuse(error)
                continue
            yield from found
        if self._own:
            refusals.log(str(self.path))

    def rows(self, *, columns: tuple[str, ...] | None = None) -> Iterator[Data]:
        """Every row that is one; at the end, what was left out goes to the log."""
        refusals = self.refusals
        for number, row in rows_of(self.path, columns=columns):
            self.line = number
            refusals.read += 1
            if type(row) is BadRow:
                self.refuse(RowError("", row.message, row.reason))
            else:
                yield row  # pyright: ignore[reportReturnType]
        if self._own:
            refusals.log(str(self.path))

    def refuse(self, error: RowError) -> None:
        """End the reading with this row, or count it and go on."""
        told = f"{self.path}, line {self.line}{error.place}: {error.message}"
        if not self._skip:
            raise ConfigError(told + ("" if told.endswith(".") else ".") + _SKIP) from error
        self.refusals.add(error.reason, told)

    def leave_out(self, reason: str, detail: str = "") -> None:
        """Count a good row that a rule leaves out; it ends no reading."""
        told = f"{self.path}, line {self.line}: {detail or reason}"
        self.refusals.add(reason, told)


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a text that says something and that a file can hold."""
    return (
        type(value) is str
        and value != ""
        and not value.isspace()
        and (value.isascii() or _encodes(value))
    )


def optional_text(data: Mapping[str, JSON], key: str) -> str:
    """The text under a key; "" where it is missing, null or empty."""
    value = data.get(key)
    if value is None or value == "":
        return ""
    return value if is_text(value) else row_of(data).optional_text(key)


def one_turn(
    instruction: str, given: str, output: str, meta: dict[str, JSON], origin: Origin
) -> tuple[Example]:
    """A one-turn record, as ``Example.single`` makes it; ``meta`` is not copied."""
    prompt = f"{instruction}{INPUT_MARK}{given}" if given else instruction
    messages = (Message("user", prompt), Message("assistant", output))
    return (Example(messages=messages, meta=meta, origin=origin),)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def row_of(data: Mapping[str, JSON], *, renamed: bool = False) -> Row:
    """The row, to say what is wrong with it; where it is, the reading knows."""
    return Row("", data, renamed)


def provenance(licence: str, generator: str) -> dict[str, JSON]:
    """What to put into ``meta`` of every record; a key of the row itself goes before it."""
    stated = {"licence": licence, "generator": generator}
    return {key: value for key, value in stated.items() if value}
