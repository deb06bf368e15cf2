"""Everything a run knows about one example, found through the index: what its page shows.

``didact.life`` tells the same from the whole files; this one reads one row and a few index entries,
so that it takes as long in a run of a million examples as in one of ten.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from didact import rows, tables
from didact.calls import Call
from didact.records import Example
from didact.store import Run
from didact.web.index import place_of
from didact.web.search import Line, by_id, rows_of

__all__ = ["LifePage", "life_page"]

_MOST = 50
"""Parents and calls that a page shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifePage:
    """The life of one example."""

    id: str
    parts: Sequence[str]
    """Where the run has it: ``generated``, ``item``, ``seed``."""
    line: Line
    """What the list says of it."""
    example: Example
    parents: Sequence[Line]
    lost: int
    """Parents that the run does not hold."""
    calls: Sequence[Call]
    verdicts: Sequence[Line]
    trained: bool | None
    """None where nothing was trained, or the example was not made to train on."""
    training: str
    """What became of it in training; "" where that is not known."""
    answers: Sequence[Line]
    scores: Sequence[Line]
    earlier: str
    """Id of the example before it in its file; "" for none."""
    later: str


def life_page(index: sqlite3.Connection, path: Path, lines: Sequence[Line]) -> LifePage:
    """The life of the example that these index entries, all of one id, stand for."""
    line = lines[0]
    example_id = str(line["id"])
    example = tables.EXAMPLES.from_row(rows.row(place_of(path, line["part"]), line["row"]))
    wanted = example.origin.parents[:_MOST]
    parents = [found[0] for one in wanted if (found := by_id(index, one, limit=1))]
    run = Run.open(path)
    try:
        calls: list[Call | None] = []
        if (path / "calls.db").is_file():
            calls = [run.calls.get(key) for key in example.origin.calls[:_MOST]]
        tuned = run.stage("train") is not None and line["part"] == "generated"
    finally:
        run.close()
    used = line["verdict"] != "dropped"
    training = ""
    if tuned and used:
        refused = _refused(path, example_id)
        used, training = not refused, f"refused: {refused}" if refused else _training(path)
    return LifePage(
        id=example_id,
        parts=[str(one["part"]) for one in lines],
        line=line,
        example=example,
        parents=parents,
        lost=len(wanted) - len(parents),
        calls=[call for call in calls if call is not None],
        verdicts=[_with_evidence(row) for row in rows_of(index, "verdicts", example_id)],
        trained=used if tuned else None,
        training=training,
        answers=rows_of(index, "answers", example_id),
        scores=rows_of(index, "scores", example_id),
        earlier=_beside(index, line, "n < ? ORDER BY n DESC"),
        later=_beside(index, line, "n > ? ORDER BY n"),
    )


def _refused(path: Path, example_id: str) -> str:
    """Why the trainer could not make a row of it; "" where it could."""
    try:
        with (path / "train" / "refused.jsonl").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if example_id in line:
                    found = cast("dict[str, Any]", json.loads(line))
                    if found.get("id") == example_id:
                        return str(found.get("reason"))
    except (OSError, ValueError, AttributeError):
        pass
    return ""


def _training(path: Path) -> str:
    """How much was trained, in words."""
    try:
        found = cast("dict[str, Any]", json.loads((path / "train" / "state.json").read_text()))
        parts = [
            f"{found[name]:,} {name}" for name in ("rows", "steps", "epochs")
            if isinstance(found.get(name), int)
        ]  # fmt: skip
    except (OSError, ValueError, AttributeError):
        return ""
    return f"one of its rows ({', '.join(parts)})" if parts else ""


def _with_evidence(row: Line) -> Line:
    return {**dict(row), "evidence": cast("dict[str, Any]", json.loads(row["evidence"] or "{}"))}


def _beside(index: sqlite3.Connection, line: Line, which: str) -> str:
    found = index.execute(
        f"SELECT id FROM examples WHERE part = ? AND {which} LIMIT 1", (line["part"], line["n"])
    ).fetchone()
    return str(found["id"]) if found else ""
