"""Questions to the index: a page of examples by words and filters, and one example by its id."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

from didact.web.marks import plain

__all__ = ["FACETS", "SIZE", "Found", "Query", "by_id", "facets", "find", "match_of", "rows_of"]

SIZE = 25
"""Examples on a page."""
FACETS = ("part", "verdict", "why", "recipe")
"""What can be filtered by; ``why`` is a filter's name and its reason."""

_MOST = 1_000
"""Matches that are counted; of more the page says there are more."""
_LONGEST = 1_000

Line: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What the examples page is asked."""

    q: str = ""
    part: str = ""
    verdict: str = ""
    why: str = ""
    recipe: str = ""
    after: int = 0
    """Show what comes after this number."""
    before: int = 0
    """Or what comes before it."""

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Query:
        """From the address; what is not understood is left out."""
        texts = {name: plain(asked.get(name, ""))[:_LONGEST] for name in ("q", *FACETS)}
        return cls(**texts, after=_number(asked.get("after")), before=_number(asked.get("before")))

    def address(self, **changed: str | int) -> str:
        """The query part of the address, pages left out unless given."""
        values: dict[str, str | int] = {**asdict(self), "after": 0, "before": 0, **changed}
        return urlencode({key: value for key, value in values.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page."""

    lines: Sequence[Line]
    number: int
    """How many match, up to a limit."""
    more: bool
    """There are more than ``number``."""
    earlier: bool
    """Something comes before this page."""
    later: bool


def find(index: sqlite3.Connection, query: Query) -> Found:
    """The page of examples that a query asks for."""
    match = match_of(query.q)
    where = [f"{facet} = ?" for facet in FACETS if getattr(query, facet)]
    values: list[Any] = [getattr(query, facet) for facet in FACETS if getattr(query, facet)]
    if query.q.strip() and not match:
        return Found(lines=(), number=0, more=False, earlier=False, later=False)
    table = "examples"
    if match:
        # From the words to their examples, never the other way round.
        table = "words CROSS JOIN examples ON examples.n = words.rowid"
        where.append("words MATCH ?")
        values.append(match)
    key = "words.rowid" if match else "n"
    back = bool(query.before)
    bound = f"{key} {'<' if back else '>'} ?"
    condition = " AND ".join([*where, bound])
    lines = index.execute(
        f"SELECT examples.* FROM {table} WHERE {condition} ORDER BY {key} {'DESC' if back else ''}"
        f" LIMIT {SIZE + 1}",
        [*values, query.before if back else query.after],
    ).fetchall()
    beyond = len(lines) > SIZE
    lines = lines[:SIZE][:: -1 if back else 1]
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    counted = f"SELECT 1 FROM {table} {condition} LIMIT {_MOST + 1}"
    number = index.execute(f"SELECT count(*) FROM ({counted})", values).fetchone()[0]
    return Found(
        lines=lines,
        number=min(number, _MOST),
        more=number > _MOST,
        earlier=beyond if back else query.after > 0,
        later=True if back else beyond,
    )


def match_of(text: str) -> str:
    """The words of a search box in the language of FTS5: all must occur, "so" as a phrase.

    Each is quoted, so that nothing a user types is an operator, but for a star at the very end:
    the last word may then go on.
    """
    parts = [a or b for a, b in re.findall(r'"([^"]*)"|([^\s"]+)', text.replace("\0", " "))]
    parts = [part for part in parts if re.search(r"[^\W_]", part)]
    return " AND ".join(f'"{part}"' for part in parts) + (
        "*" if parts and text.rstrip()[-1] == "*" else ""
    )


def facets(index: sqlite3.Connection) -> Mapping[str, Sequence[tuple[str, int]]]:
    """Every value that can be filtered by, the commonest first."""
    found: dict[str, list[tuple[str, int]]] = {facet: [] for facet in FACETS}
    rows = index.execute("SELECT facet, value, number FROM facets ORDER BY number DESC, value")
    for row in rows:
        found[row["facet"]].append((row["value"], row["number"]))
    return found


def by_id(index: sqlite3.Connection, beginning: str, *, limit: int = 20) -> Sequence[Line]:
    """The examples whose id begins so; generated ones first."""
    return index.execute(
        "SELECT * FROM examples WHERE id >= ? AND id < ? ORDER BY id, n LIMIT ?",
        (beginning, beginning + "\U0010ffff", limit),
    ).fetchall()


def rows_of(index: sqlite3.Connection, table: str, example_id: str) -> Sequence[Line]:
    """The verdicts, answers or scores of an example, in order."""
    if table not in ("verdicts", "answers", "scores"):
        raise ValueError(table)
    return index.execute(
        f"SELECT * FROM {table} WHERE id = ? ORDER BY rowid", (example_id,)
    ).fetchall()


def _number(text: str | None) -> int:
    # SQLite holds 64 bits.
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else 0
