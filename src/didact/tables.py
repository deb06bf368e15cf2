"""The Parquet files of a run: one fixed, versioned schema each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from didact.disk import storing
from didact.errors import StoreError
from didact.records import JSON, Answer, Example, Message, Origin, Score, Verdict, canonical
from didact.stored import Stored, Table, Writer

__all__ = [
    "ANSWERS",
    "EXAMPLES",
    "ITEMS",
    "KEPT",
    "SCORES",
    "SEEDS",
    "VERDICTS",
    "WAITING",
    "AnswerRow",
    "Stored",
    "Table",
    "Waiting",
    "Writer",
    "read_jsonl",
    "write_jsonl",
]


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


class Waiting(NamedTuple):
    """An example on its way through the filters."""

    key: str
    """Its id as it came in, before any filter changed it."""
    example: Example
    changed: bool = False
    """Whether the filter that is to judge it changed it."""
    alike: str = ""
    """Its id where that made it the same as one before it."""


_EMPTY = canonical({})


def _object(value: Mapping[str, JSON]) -> str:
    return canonical(dict(value)) if value else _EMPTY


def _example_row(example: Example) -> tuple[Any, ...]:
    origin = example.origin
    messages = [{"role": m.role, "content": m.content} for m in example.messages]
    meta = _object(example.meta)
    made = (origin.recipe, origin.version, origin.parents, origin.calls)
    return (example.id, messages, meta, *made)


def _example(row: dict[str, Any]) -> Example:
    return Example(
        messages=tuple([Message(m["role"], m["content"]) for m in row["messages"]]),
        meta={} if row["meta"] == _EMPTY else json.loads(row["meta"]),
        origin=Origin(
            recipe=row["recipe"],
            version=row["version"],
            parents=tuple(row["parents"]),
            calls=tuple(row["calls"]),
        ),
    )


_COLUMNS = {
    "id": "text",
    "messages": "messages",
    "meta": "text",
    "recipe": "text",
    "version": "text",
    "parents": "texts",
    "calls": "texts",
}


def _examples(name: str) -> Table[Example]:
    return Table(name=name, columns=_COLUMNS, to_row=_example_row, from_row=_example)


def _verdict_row(row: tuple[str, str, Verdict]) -> tuple[Any, ...]:
    example_id, name, verdict = row
    evidence = _object(verdict.evidence)
    return (example_id, name, verdict.keep, verdict.reason, verdict.score, evidence)


def _verdict(row: dict[str, Any]) -> tuple[str, str, Verdict]:
    verdict = Verdict(
        keep=row["keep"],
        reason=row["reason"],
        score=row["score"],
        evidence={} if row["evidence"] == _EMPTY else json.loads(row["evidence"]),
    )
    return row["example_id"], row["filter"], verdict


SEEDS = _examples("seeds")
EXAMPLES = _examples("examples")
KEPT = _examples("kept")
ITEMS = _examples("items")
WAITING: Table[Waiting] = Table(
    name="waiting",
    columns={**_COLUMNS, "key": "text", "changed": "truth", "alike": "text"},
    to_row=lambda row: (*_example_row(row.example), row.key, row.changed, row.alike),
    from_row=lambda row: Waiting(row["key"], _example(row), row["changed"], row["alike"]),
)
"""Of no run: the examples between two filters, where they are too many for memory."""
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
    to_row=tuple,
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
    to_row=lambda score: (
        score.example_id,
        score.model,
        score.metric,
        score.value,
        score.reason,
    ),
    from_row=lambda row: Score(**row),
)
