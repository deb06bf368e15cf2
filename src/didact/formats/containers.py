"""The rows of a file, whatever it is written in: JSON Lines, a JSON array, Parquet, CSV or TSV.

A file whose name ends in .gz is decompressed. Every container gives one dictionary per row and
the line it starts on (of Parquet: its row number), and holds no more than a piece of the file in
memory. A row that is no row comes as a ``BadRow`` where reading can go on after it, and as a
ConfigError where it cannot.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeAlias, cast

from didact.errors import ConfigError
from didact.formats.json_array import array_rows
from didact.records import JSON

__all__ = ["BadRow", "Numbered", "open_bytes", "rows_of"]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that holds no row."""

    reason: str
    """Short and countable."""
    message: str
    """What is wrong, and what to do."""


Numbered: TypeAlias = tuple[int, "dict[str, JSON] | BadRow"]


def open_bytes(path: Path) -> BinaryIO:
    """The content of a file, decompressed where its name ends in .gz."""
    try:
        if path.suffix == ".gz":
            return cast("BinaryIO", gzip.open(path))
        return path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def rows_of(path: Path, *, columns: tuple[str, ...] | None = None) -> Iterator[Numbered]:
    """Every row of a file with the line it starts on; blank lines are passed over.

    ``columns`` names those of a CSV or TSV file without a header. An empty file is an error.
    """
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    kind = suffixes[-1].lower() if suffixes else ""
    rows = _rows(path, kind, columns)
    first = next(rows, None)
    if first is None:
        raise ConfigError(f"{path}: the file is empty; it must hold one JSON object a line")
    yield first
    yield from rows


def _rows(path: Path, kind: str, columns: tuple[str, ...] | None) -> Iterator[Numbered]:
    if kind == ".parquet":
        # Imported here, so that reading text loads no pyarrow.
        from didact.formats.parquet_rows import parquet_rows

        yield from enumerate(parquet_rows(path), 1)
        return
    with open_bytes(path) as file:
        try:
            if kind == ".tsv":
                yield from _tabs(path, file, columns)
                return
            if kind == ".csv":
                yield from _table(path, file, columns)
                return
            head = b""
            while not head and (piece := file.read(4096)):
                head = piece.lstrip(b" \t\r\n\xef\xbb\xbf")
            file.seek(0)
            if head.startswith(b"["):
                yield from array_rows(path, file)
            else:
                yield from _lines(file)
        except (OSError, EOFError, zlib.error) as error:
            raise ConfigError(f"{path}: the file is damaged: {error}") from error


_SPACE = " \t\r\n"
_BLANK = b" \t\r\n\f\v\xef\xbb\xbf"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)
# The scanner itself: what json.loads does around it takes as long as a short row.
_scan = cast("Callable[[str, int], tuple[Any, int]]", getattr(_decoder, "scan_once"))  # noqa: B009


def _lines(lines: Iterable[bytes]) -> Iterator[Numbered]:
    number = 0
    for line in lines:
        number += 1
        try:
            text = line.decode()
            row, end = _scan(text, 0)
            if type(row) is dict and (text[end:] == "\n" or not text[end:].strip(_SPACE)):
                yield number, cast("dict[str, JSON]", row)
                continue
        except (ValueError, RecursionError, StopIteration):
            if not line.strip(_BLANK):
                if line.strip():
                    yield number, BadRow("not JSON", "not a JSON object (there is nothing on it)")
                continue
        yield number, _second_look(line)


def _second_look(line: bytes) -> dict[str, JSON] | BadRow:
    """What is wrong with a line, or its row after all: Windows puts a mark at a file's start."""
    try:
        row: Any = _decoder.decode(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return BadRow("not UTF-8", f"not UTF-8 ({error.reason}): save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        return BadRow("not JSON", f"not a JSON object ({error})")
    return cast("dict[str, JSON]", row) if isinstance(row, dict) else _no_object(row)


def _no_object(value: object) -> BadRow:
    shown = json.dumps(value, ensure_ascii=False)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return BadRow("not an object", f"a row must be a JSON object, this is {shown}")


def _tabs(path: Path, file: BinaryIO, columns: tuple[str, ...] | None) -> Iterator[Numbered]:
    """Tab-separated lines quote nothing: a quotation mark is a character of the text."""
    names = columns
    for number, line in enumerate(file, 1):
        try:
            text = line.decode() if number > 1 else line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            place = f"{path}, line {number}"
            raise ConfigError(
                f"{place}: not UTF-8 ({error.reason}): save the file as UTF-8"
            ) from error
        text = text.rstrip("\r\n")
        if not text:
            continue
        cells = text.split("\t")
        if names is None:
            names = tuple(cells)
        elif len(cells) != len(names):
            yield number, _wrong_width(cells, names)
        else:
            yield number, dict(zip(names, cast("list[JSON]", cells), strict=True))


def _wrong_width(cells: list[str], names: tuple[str, ...]) -> BadRow:
    told = f"{len(cells)} columns where there should be {len(names)} ({names})"
    return BadRow("wrong number of columns", told)


def _table(path: Path, file: BinaryIO, columns: tuple[str, ...] | None) -> Iterator[Numbered]:
    text = (line.decode("utf-8-sig" if n == 0 else "utf-8") for n, line in enumerate(file))
    csv.field_size_limit(1 << 30)
    reader = csv.reader(text, strict=True)
    names = columns
    start = 1
    try:
        for cells in reader:
            number, start = start, reader.line_num + 1
            if not cells:
                continue
            if names is None:
                names = tuple(cells)
            elif len(cells) != len(names):
                yield number, _wrong_width(cells, names)
            else:
                yield number, dict(zip(names, cast("list[JSON]", cells), strict=True))
    except UnicodeDecodeError as error:
        place = f"{path}, line {reader.line_num + 1}"
        raise ConfigError(f"{place}: not UTF-8 ({error.reason}): save the file as UTF-8") from error
    except csv.Error as error:
        raise ConfigError(f"{path}, line {start}: not a row of a table ({error})") from error
