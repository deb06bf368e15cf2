"""One JSON value at a place of a text, written as models write it.

Beyond JSON: commas at the end, single and triple quotes, keys without quotes, Python's and
JavaScript's constants, comments (``//``, ``#``, ``/* */``), line breaks inside strings, numbers
like ``+1``, ``.5`` and ``1_000``. Nothing is guessed: a value is read to its end or not at all.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from typing import NoReturn

from didact.records import JSON

__all__ = ["DEEPEST", "Broken", "Cut", "Value", "read_value"]

DEEPEST = 100
"""How far arrays and objects may nest."""

_SPACE = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*(?:-\w+)*")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_LEADING_SIGN = re.compile(r"[-+]?\.?\Z")
_PLAIN = {quote: re.compile(rf"[^\\{quote}]*") for quote in "\"'"}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\n": ""}
_CONSTANTS: dict[str, JSON] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
}  # fmt: skip


class Broken(Exception):
    """No value can be read here."""

    def __init__(self, message: str, *, at: int, begun: bool = False) -> None:
        super().__init__(message)
        self.at = at
        """Where reading stopped."""
        self.begun = begun
        """Whether it looked like JSON up to there: more than prose with a bracket in it."""


class Cut(Broken):
    """The text ends inside a value."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value and the place behind it."""

    value: JSON
    end: int


def read_value(text: str, at: int) -> Value:
    """The value that begins here; raises Broken, or Cut where the text ends inside it."""
    reader = _Reader(text, at)
    value = reader.value(0)
    return Value(value, reader.at)


class _Reader:
    """A place in a text that moves on as values are read."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self._begun = False

    def value(self, depth: int) -> JSON:
        if depth > DEEPEST:
            self._broken(f"it nests deeper than {DEEPEST}")
        mark = self._peek()
        if mark == "{":
            return self._object(depth)
        if mark == "[":
            return self._array(depth)
        if mark in "\"'":
            return self._string()
        if mark in "+-." or mark.isdecimal():
            return self._number()
        return self._constant()

    def _object(self, depth: int) -> JSON:
        self.at += 1
        members: dict[str, JSON] = {}
        while True:
            self._skip()
            if self._take("}"):
                return members
            key = self._key()
            self._skip()
            if not self._take(":"):
                self._broken("a key without a colon")
            self._begun = True
            self._skip()
            members[key] = self.value(depth + 1)
            self._skip()
            if not self._take(",") and self._peek() != "}":
                self._broken("a comma or } is missing")

    def _array(self, depth: int) -> JSON:
        self.at += 1
        items: list[JSON] = []
        while True:
            self._skip()
            if self._take("]"):
                return items
            items.append(self.value(depth + 1))
            # Numbers in brackets are common in prose; strings and brackets in brackets are not.
            self._begun |= isinstance(items[-1], str | list | dict)
            self._skip()
            if not self._take(",") and self._peek() != "]":
                self._broken("a comma or ] is missing")

    def _key(self) -> str:
        if self._peek() in "\"'":
            return self._string()
        word = _WORD.match(self.text, self.at)
        if word is None:
            self._broken("a key is missing")
        self.at = word.end()
        return word[0]

    def _string(self) -> str:
        mark = self.text[self.at]
        quote = mark * 3 if self.text.startswith(mark * 3, self.at) else mark
        self.at += len(quote)
        parts: list[str] = []
        while True:
            plain = _PLAIN[mark].match(self.text, self.at)
            assert plain is not None
            parts.append(plain[0])
            self.at = plain.end()
            if self.text.startswith(quote, self.at):
                self.at += len(quote)
                return "".join(parts)
            if self._peek("inside a string") == "\\":
                parts.append(self._escape())
            else:
                parts.append(mark)
                self.at += 1

    def _escape(self) -> str:
        self.at += 1
        letter = self._peek("inside a string")
        self.at += 1
        if letter == "u":
            first = self._code(4)
            if 0xD800 <= first < 0xDC00 and self.text.startswith("\\u", self.at):
                before = self.at
                self.at += 2
                second = self._code(4)
                if 0xDC00 <= second < 0xE000:
                    return chr(0x10000 + ((first - 0xD800) << 10) + second - 0xDC00)
                self.at = before
            return chr(first)
        if letter in "xU":
            code = self._code(2 if letter == "x" else 8)
            if code > sys.maxunicode:
                self._broken("an escape of no character")
            return chr(code)
        # A backslash before anything else was meant as one: paths, LaTeX, regular expressions.
        return _ESCAPES.get(letter, letter if letter in "\"'\\" else f"\\{letter}")

    def _code(self, digits: int) -> int:
        code = self.text[self.at : self.at + digits]
        if len(code) < digits:
            raise Cut(f"the text ends inside an escape at character {self.at}", at=self.at)
        if not re.fullmatch(r"[0-9a-fA-F]+", code):
            self._broken("an escape without its digits")
        self.at += digits
        return int(code, 16)

    def _number(self) -> JSON:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            if _LEADING_SIGN.match(self.text, self.at):
                self._cut("inside a number")
            self._broken("no number")
        digits = match[0].replace("_", "")
        try:
            value = float(digits) if re.search(r"[.eE]", digits) else int(digits)
        except ValueError:
            # Python refuses to read integers of more than some thousand digits.
            self._broken("a number out of range")
        if isinstance(value, float) and not math.isfinite(value):
            self._broken("a number out of range")
        self.at = match.end()
        return value

    def _constant(self) -> JSON:
        word = _WORD.match(self.text, self.at)
        if word is None or word[0] not in _CONSTANTS:
            if word is not None and word.end() == len(self.text):
                self._cut("inside a value")
            self._broken("no value")
        self.at = word.end()
        return _CONSTANTS[word[0]]

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.at)
        assert space is not None
        self.at = space.end()

    def _take(self, mark: str) -> bool:
        taken = self._peek() == mark
        self.at += taken
        return taken

    def _peek(self, where: str = "inside a value") -> str:
        if self.at >= len(self.text):
            self._cut(where)
        return self.text[self.at]

    def _cut(self, where: str) -> NoReturn:
        raise Cut(f"the text ends {where}", at=len(self.text), begun=self._begun)

    def _broken(self, reason: str) -> NoReturn:
        near = self.text[self.at : self.at + 20]
        message = f"{reason} at character {self.at}, before {near!r}"
        raise Broken(message, at=self.at, begun=self._begun)
