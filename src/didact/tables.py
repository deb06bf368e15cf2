"""The Parquet files of a run: one fixed, versioned schema each. pyarrow is only here.

The same rows give the same bytes: row groups have a fixed size and nothing depends on the time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, cast

import pyarrow as _pyarrow  # pyright: ignore[reportMissingTypeStubs]
import pyarrow.parquet as _parquet  # pyright: ignore[reportMissingTypeStubs]

from didact.disk import storing
from didact.errors import StoreError
from didact.records import JSON, Answer, Example, Message, Origin, Score, Verdict, canonical

__all__ = [
    "ANSWERS",
    "EXAMPLES",
    "ITEMS",
    "KEPT",
    "SCORES",
    "SEEDS",
    "VERDICTS",
    "AnswerRow",
    "Table",
    "Writer",
    "read_jsonl",
    "write_jsonl",
]

# pyarrow ships no types.
_arrow: Any = _pyarrow
_files: Any = _parquet

_VERSION = "1"
_GROUP = 4096
"""Rows of a row group: fixed, so that how the rows came does not show in the file."""

Row = TypeVar("Row")


class AnswerRow(NamedTuple):
    """An answer, its item by id."""

    example_id: str
    model: str
    text: str
    call: str

    @classmethod
    def of(cls, answer: Answer) -> AnswerRow:
        """The row of an answer."""
        return cls(answer.example.id, answer.model, answer.text, answer.call)


class Writer(Generic[Row]):
    """Takes rows one by one."""

    def __init__(self, table: Table[Row], file: Any, path: Path) -> None:  # noqa: ANN401
        self._table = table
        self._file = file
        self._path = path
        self._rows: list[dict[str, Any]] = []
        self.count = 0

    def add(self, row: Row) -> None:
        """Write one row."""
        self._rows.append(self._table.to_row(row))
        self.count += 1
        if len(self._rows) == _GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what is held back."""
        if self._rows:
            rows = _arrow.Table.from_pylist(self._rows, schema=self._table.schema())
            with storing(self._path):
                self._file.write_table(rows)
            self._rows = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Row]):
    """One kind of Parquet file."""

    name: str
    columns: Mapping[str, str]
    to_row: Callable[[Row], dict[str, Any]]
    from_row: Callable[[dict[str, Any]], Row]

    def schema(self) -> Any:  # noqa: ANN401  (a pyarrow schema)
        """The Arrow schema, with the version in its metadata."""
        types = {
            "text": _arrow.string(),
            "texts": _arrow.list_(_arrow.string()),
            "number": _arrow.float64(),
            "truth": _arrow.bool_(),
            "messages": _arrow.list_(
                _arrow.struct([("role", _arrow.string()), ("content", _arrow.string())])
            ),
        }
        fields = [_arrow.field(name, types[kind]) for name, kind in self.columns.items()]
        return _arrow.schema(fields, metadata={"didact": f"{self.name}/{_VERSION}"})

    def write(self, path: Path, rows: Iterable[Row]) -> int:
        """Write all the rows; how many there were."""
        with self.writer(path) as writer:
            for row in rows:
                writer.add(row)
        return writer.count

    @contextmanager
    def writer(self, path: Path) -> Generator[Writer[Row], None, None]:
        """A file to write rows to, as they come."""
        with storing(path):
            file = _files.ParquetWriter(path, self.schema(), compression="zstd")
        try:
            writer: Writer[Row] = Writer(self, file, path)
            yield writer
            writer.flush()
        finally:
            with storing(path):
                file.close()

    def read(self, path: Path) -> list[Row]:
        """All the rows; StoreError where the file is damaged or of another version."""
        try:
            table: Any = _files.read_table(path)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path}: cannot be read as Parquet ({error}). Remove {path.parent} and run again:"
                " the stage is made anew from the call log."
            ) from error
        found = cast("dict[bytes, bytes]", table.schema.metadata or {}).get(b"didact", b"")
        if found.decode() != f"{self.name}/{_VERSION}":
            raise StoreError(
                f"{path}: holds {found.decode() or 'no didact table'}; this didact reads"
                f" {self.name}/{_VERSION}. Remove {path.parent} and run again."
            )
        return [self.from_row(row) for row in cast("list[dict[str, Any]]", table.to_pylist())]


def write_jsonl(path: Path, examples: Iterable[Example]) -> int:
    """Write examples one JSON object per line; how many there were."""
    count = 0
    with storing(path), path.open("w", encoding="utf-8", errors="replace") as file:
        for example in examples:
            file.write(canonical(example.to_json()) + "\n")
            count += 1
    return count


def read_jsonl(path: Path) -> list[Example]:
    """The inverse of ``write_jsonl``."""
    examples: list[Example] = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                examples.append(Example.from_json(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{path}:{number}: not an example of didact ({error})") from error
    return examples


def _example_row(example: Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "messages": [message.to_json() for message in example.messages],
        "meta": canonical(dict(example.meta)),
        "recipe": example.origin.recipe,
        "version": example.origin.version,
        "parents": example.origin.parents,
        "calls": example.origin.calls,
    }


def _example(row: dict[str, Any]) -> Example:
    return Example(
        messages=tuple(Message(m["role"], m["content"]) for m in row["messages"]),
        meta=json.loads(row["meta"]),
        origin=Origin(
            recipe=row["recipe"],
            version=row["version"],
            parents=tuple(row["parents"]),
            calls=tuple(row["calls"]),
        ),
    )


def _examples(name: str) -> Table[Example]:
    return Table(
        name=name,
        columns={
            "id": "text",
            "messages": "messages",
            "meta": "text",
            "recipe": "text",
            "version": "text",
            "parents": "texts",
            "calls": "texts",
        },
        to_row=_example_row,
        from_row=_example,
    )


def _verdict_row(row: tuple[str, str, Verdict]) -> dict[str, Any]:
    example_id, name, verdict = row
    return {
        "example_id": example_id,
        "filter": name,
        "keep": verdict.keep,
        "reason": verdict.reason,
        "score": verdict.score,
        "evidence": canonical(cast("JSON", dict(verdict.evidence))),
    }


def _verdict(row: dict[str, Any]) -> tuple[str, str, Verdict]:
    verdict = Verdict(
        keep=row["keep"],
        reason=row["reason"],
        score=row["score"],
        evidence=json.loads(row["evidence"]),
    )
    return row["example_id"], row["filter"], verdict


def _score_row(score: Score) -> dict[str, Any]:
    return {
        "example_id": score.example_id,
        "model": score.model,
        "metric": score.metric,
        "value": score.value,
        "reason": score.reason,
    }


SEEDS = _examples("seeds")
EXAMPLES = _examples("examples")
KEPT = _examples("kept")
ITEMS = _examples("items")
VERDICTS: Table[tuple[str, str, Verdict]] = Table(
    name="verdicts",
    columns={
        "example_id": "text",
        "filter": "text",
        "keep": "truth",
        "reason": "text",
        "score": "number",
        "evidence": "text",
    },
    to_row=_verdict_row,
    from_row=_verdict,
)
ANSWERS: Table[AnswerRow] = Table(
    name="answers",
    columns={"example_id": "text", "model": "text", "text": "text", "call": "text"},
    to_row=lambda row: row._asdict(),
    from_row=lambda row: AnswerRow(**row),
)
SCORES: Table[Score] = Table(
    name="scores",
    columns={
        "example_id": "text",
        "model": "text",
        "metric": "text",
        "value": "number",
        "reason": "text",
    },
    to_row=_score_row,
    from_row=lambda row: Score(**row),
)
