"""The objects of a JSON array in a file, one by one, without holding the array in memory.

Alpaca's and ShareGPT's data are published as one array. ``json.load`` of such a file takes many
times its size in memory; here the text goes through in pieces.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from didact.errors import ConfigError
from didact.records import JSON

__all__ = ["array_rows"]

_PIECE = 1 << 16
"""Bytes read at a time; more where one object is longer. A piece this small stays in the cache."""
_SPACE = " \t\r\n"
_NEXT = re.compile(r"[ \t\r\n]*,[ \t\r\n]*\{")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)
_scan = cast("Callable[[str, int], tuple[Any, int]]", getattr(_decoder, "scan_once"))  # noqa: B009


class _Text:
    """A window on the text of a file: what is decoded and not yet used."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._file = file
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.text = ""
        self.at = 0
        self.line = 1
        """Line of the position ``at``."""
        self.ended = False
        self._last = 0

    def more(self) -> None:
        """Read as much again as is held, or a piece."""
        piece = self._file.read(max(_PIECE, len(self.text) - self.at))
        self.ended = not piece
        self.count()
        try:
            read = self._decoder.decode(piece, final=self.ended)
        except UnicodeDecodeError as error:
            told = f"not UTF-8 ({error.reason}) after line {self.line}: save the file as UTF-8"
            raise ConfigError(f"{self._path}: {told}") from error
        self.text = self.text[self.at :] + read
        self.at = self._last = 0

    def count(self) -> None:
        """Move ``line`` on to the position."""
        self.line += self.text.count("\n", self._last, self.at)
        self._last = self.at

    def whole(self) -> Iterator[tuple[int, dict[str, JSON]]]:
        """The objects in the window that another follows: nothing about them can be wrong."""
        self.count()
        window, at, line = self.text, self.at, self.line
        while True:
            try:
                value, end = _scan(window, at)
            except (StopIteration, ValueError, RecursionError):
                return
            follower = _NEXT.match(window, end)
            if type(value) is not dict or follower is None:
                return
            start = follower.end() - 1
            here, line = line, line + window.count("\n", at, start)
            at = self.at = self._last = start
            self.line = line
            yield here, cast("dict[str, JSON]", value)

    def next_character(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            text, at = self.text, self.at
            end = len(text)
            while at < end and text[at] in _SPACE:
                at += 1
            self.at = at
            if at < end:
                return text[at]
            if self.ended:
                return ""
            self.more()


def array_rows(path: Path, file: BinaryIO) -> Iterator[tuple[int, dict[str, JSON]]]:
    """Every object of the array with the line it starts on.

    Nothing that follows a broken object can be told apart, so reading stops there in any case.
    """
    text = _Text(path, file)
    text.more()
    text.text = text.text.removeprefix("\ufeff")
    text.next_character()
    text.at += 1
    if text.next_character() == "]":
        text.at += 1
    else:
        while True:
            yield from text.whole()
            yield _object(path, text)
            separator = text.text[text.at : text.at + 1]
            if separator != ",":
                separator = text.next_character()
            text.at += 1
            if separator == "]":
                break
            if separator != ",":
                _fail(path, text, "a comma or the end of the array should follow the object")
            if text.text[text.at : text.at + 1] != "{":
                text.next_character()
    if text.next_character():
        _fail(path, text, "there is more after the end of the array")


def _object(path: Path, text: _Text) -> tuple[int, dict[str, JSON]]:
    while True:
        try:
            value, end = _scan(text.text, text.at)
            break
        except StopIteration as stop:
            if not text.ended and int(stop.value) >= len(text.text) - 16:
                text.more()
                continue
            _fail(path, text, f"not a JSON object (there is none at position {stop.value})")
        except RecursionError as error:
            _fail(path, text, f"not a JSON object ({error})")
        except json.JSONDecodeError as error:
            # At the end of the window the object may only be cut; within it, it is broken.
            cut = error.msg.startswith("Unterminated") or error.pos >= len(text.text) - 16
            if cut and not text.ended:
                text.more()
                continue
            text.count()
            row = f"{path}, line {text.line}"
            inside = text.line + text.text.count("\n", text.at, error.pos)
            where = "" if inside == text.line else f" on line {inside}"
            raise ConfigError(f"{row}: not a JSON object ({error.msg}{where})") from error
        except ValueError as error:
            _fail(path, text, f"not a JSON object ({error})")
    text.count()
    line = text.line
    if type(value) is not dict:
        _fail(path, text, f"a row must be a JSON object, this is {json.dumps(value)[:60]}")
    text.at = end
    return line, cast("dict[str, JSON]", value)


def _fail(path: Path, text: _Text, message: str) -> NoReturn:
    text.count()
    raise ConfigError(f"{path}, line {text.line}: {message}")
