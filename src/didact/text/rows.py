"""Rows of JSON Lines files, read strictly: errors name file, line and key, and a way out.

A file of training data that is read leniently loses rows nobody misses until the numbers are
strange. So the first bad row is an error here, for every source that reads such rows.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from didact.errors import ConfigError
from didact.records import JSON

__all__ = ["Row", "RowError", "read_rows"]

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "instruction": ("prompt", "question", "query", "task", "instructions", "definition"),
    "input": ("context", "inputs", "source"),
    "output": ("response", "answer", "completion", "target", "outputs", "label"),
    "role": ("from",),
    "content": ("value", "text"),
}


class RowError(ConfigError):
    """A row that cannot be read."""

    def __init__(self, place: str, message: str, reason: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message
        self.reason = reason
        """Short and the same for every row with the same fault, so that it can be counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file, or a part of it."""

    place: str
    """File and line, as errors name it."""
    data: Mapping[str, JSON]
    renamed: bool = False
    """Whether the caller's settings say which key is which, so that advice can name them."""

    def text(self, key: str, *, meaning: str = "") -> str:
        """The text under a key that must be there and hold some."""
        value = self._value(key, meaning or key)
        if not isinstance(value, str) or not value.strip():
            told = f"{key!r} must be a text that is not empty, it is {_shown(value)}"
            self.fail(told, reason=f"{key!r} is {'empty' if isinstance(value, str) else 'no text'}")
        return self._encodable(key, value)

    def optional_text(self, key: str) -> str:
        """The text under a key; "" where the key is missing or null."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, str):
            told = f"{key!r} must be a text, it is {_shown(value)}"
            self.fail(told, reason=f"{key!r} is no text")
        return self._encodable(key, value or "")

    def flag(self, key: str) -> bool:
        """The true or false under a key."""
        value = self._value(key, key)
        if not isinstance(value, bool):
            self.fail(f"{key!r} must be true or false, it is {_shown(value)}")
        return value

    def parts(self, key: str) -> list[Row]:
        """The objects in the list under a key; there must be one at least."""
        value = self._value(key, key)
        if not isinstance(value, list) or not value:
            told = f"{key!r} must be a list that is not empty, it is {_shown(value)}"
            self.fail(told, reason=f"{key!r} is no list with something in it")
        parts: list[Row] = []
        for number, part in enumerate(value, 1):
            if not isinstance(part, dict):
                told = f"entry {number} of {key!r} must be an object, it is {_shown(part)}"
                self.fail(told, reason=f"an entry of {key!r} is no object")
            parts.append(Row(f"{self.place}, entry {number} of {key!r}", part))
        return parts

    def rest(self, *read: str) -> dict[str, JSON]:
        """Everything under other keys."""
        return {key: value for key, value in self.data.items() if key not in read}

    def fail(self, message: str, *, reason: str = "") -> NoReturn:
        """Refuse the row; the reason is what rows with the same fault are counted under."""
        raise RowError(self.place, message, reason or message)

    def _value(self, key: str, meaning: str) -> JSON:
        if key not in self.data:
            found = ", ".join(map(repr, self.data)) or "none"
            told = f"the key {key!r} is missing; the keys are {found}.{self._advice(meaning)}"
            self.fail(told, reason=f"no {key!r}")
        return self.data[key]

    def _advice(self, meaning: str) -> str:
        near = next((alias for alias in _ALIASES.get(meaning, ()) if alias in self.data), None)
        near = near or next(iter(difflib.get_close_matches(meaning, self.data, 1)), None)
        if near is None:
            return f" Every row needs its {meaning}."
        if self.renamed:
            return f" If {near!r} is the {meaning}, set `{meaning}: {near}` in the run file."
        return f" Did you mean {near!r}?"

    def _encodable(self, key: str, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            told = f"{key!r} holds half of a surrogate pair (\\ud800-\\udfff): repair the text"
            self.fail(told, reason="half of a surrogate pair")
        return text


def read_rows(lines: Iterable[bytes], name: str, *, renamed: bool = False) -> Iterator[Row]:
    """Every row of a file that must have one; blank lines are passed over."""
    empty = True
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        empty = False
        place = f"{name}, line {number}"
        yield Row(place, _object(line, place), renamed)
    if empty:
        raise ConfigError(f"{name}: the file is empty; it must hold one JSON object a line")


def _object(line: bytes, place: str) -> dict[str, JSON]:
    try:
        # utf-8-sig: editors on Windows put a mark at the start of a file.
        value: Any = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{place}: not UTF-8 ({error.reason}): save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        hint = " It looks like a JSON array: write one object a line." if line[:1] == b"[" else ""
        raise ConfigError(f"{place}: not a JSON object ({error}).{hint}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{place}: a row must be a JSON object, this is {_shown(value)}")
    return cast("dict[str, JSON]", value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
