"""Questions to the index: a page of examples by words and filters, and one example by its id."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

from didact.web.marks import plain

__all__ = [
    "FACETS",
    "SIZE",
    "Found",
    "Query",
    "by_id",
    "facets",
    "find",
    "match_of",
    "measured",
    "rows_of",
]

SIZE = 25
"""Examples on a page."""
FACETS = ("part", "verdict", "why", "recipe", "source")
"""What can be filtered by; ``why`` is a filter's name and its reason."""

_MOST = 1_000
"""Matches that are counted; of more the page says there are more."""
_LONGEST = 1_000
_RARE = 100_000
"""Fewer examples than that are looked up one by one; more are met on a walk over all."""

Line: TypeAlias = "Mapping[str, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What the examples page is asked."""

    q: str = ""
    part: str = ""
    verdict: str = ""
    why: str = ""
    recipe: str = ""
    source: str = ""
    shortest: str = ""
    """Words that an answer has at least; as typed."""
    longest: str = ""
    score: str = ""
    """Which score must lie between ``low`` and ``high``."""
    low: str = ""
    high: str = ""
    after: int = 0
    """Show what comes after this number."""
    before: int = 0
    """Or what comes before it."""

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Query:
        """From the address; what is not understood is left out."""
        texts = {name: plain(asked.get(name, ""))[:_LONGEST] for name in ("q", "score", *FACETS)}
        ends = ("shortest", "longest", "low", "high")
        texts |= {end: text for end in ends if _real(text := plain(asked.get(end, ""))) is not None}
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
    plan = _plan(index, query)
    if plan is None:
        return Found(lines=(), number=0, more=False, earlier=False, later=False)
    tables, where, values, key = plan
    back = bool(query.before)
    bound = f"{key} {'<' if back else '>'} ?"
    numbers = [
        row[0]
        for row in index.execute(
            f"SELECT {key} FROM {tables} WHERE {' AND '.join([*where, bound])}"
            f" ORDER BY {key} {'DESC' if back else ''} LIMIT {SIZE + 1}",
            [*values, query.before if back else query.after],
        )
    ]
    beyond = len(numbers) > SIZE
    lines = index.execute(
        f"SELECT * FROM examples WHERE n IN ({', '.join('?' * len(numbers[:SIZE]))}) ORDER BY n",
        numbers[:SIZE],
    ).fetchall()
    number = len(numbers)
    if beyond or back or query.after:
        # All there is does not stand on this page.
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        counted = f"SELECT 1 FROM {tables} {condition} LIMIT {_MOST + 1}"
        number = index.execute(f"SELECT count(*) FROM ({counted})", values).fetchone()[0]
    return Found(
        lines=lines,
        number=min(number, _MOST),
        more=number > _MOST,
        earlier=beyond if back else query.after > 0,
        later=True if back else beyond,
    )


def _plan(index: sqlite3.Connection, query: Query) -> tuple[str, list[str], list[Any], str] | None:
    """Tables, conditions, their values and the number of an example; None where nothing matches.

    SQLite keeps to the order of tables joined so: from the fewest rows to the many, never back.
    """
    match = match_of(query.q)
    if query.q.strip() and not match:
        return None
    codes, score = _codes(index, query), _score(index, query)
    if codes is None or score is None:
        return None
    tables: list[tuple[str, str]] = []
    where: list[str] = []
    values: list[Any] = []
    if match:
        tables.append(("words", "words.rowid"))
        where, values = ["words MATCH ?"], [match]
    rarest = min(codes.items(), key=lambda pair: pair[1][1], default=None)
    lengths = _lengths(query)
    narrow = bool(codes or lengths or not (match or score))
    rare_facet = rarest is not None and (rarest[1][1] < _RARE or len(codes) == 1)
    rare_score = bool(score) and _is_rare(index, score)
    if rare_score and not match:
        tables.append(("measures INDEXED BY measure_value", "measures.n"))
    if narrow:
        how = f" INDEXED BY narrow_{rarest[0]}" if rarest and rare_facet else " NOT INDEXED"
        # A lookup by number, where something comes before it, is no matter of an index.
        tables.append((f"narrow{'' if tables else how}", "narrow.n"))
    if score and not rare_score:
        tables.append(("measures", "measures.n"))
    for facet, (code, _) in codes.items():
        where.append(f"narrow.{facet} = ?")
        values.append(code)
    for condition, value in lengths:
        where.append(condition)
        values.append(value)
    first = tables[0][1]
    within = "measures.what = ? AND measures.value BETWEEN ? AND ?"
    if rare_score and match:
        # Few have it: they are found first, and each match of the words looked up among them.
        few = f"SELECT n FROM measures INDEXED BY measure_value WHERE {within}"
        where.append(f"{first} IN ({few})")
    elif score:
        where.append(within)
    values += score
    where += [f"{key} = {first}" for _, key in tables[1:]]
    return " CROSS JOIN ".join(table for table, _ in tables), where, values, first


def _codes(index: sqlite3.Connection, query: Query) -> dict[str, tuple[int, int]] | None:
    """Facet to the code of the value asked for and how many have it; None where nothing has."""
    found: dict[str, tuple[int, int]] = {}
    for facet in FACETS:
        if value := getattr(query, facet):
            row = index.execute(
                "SELECT code, number FROM facets WHERE facet = ? AND value = ?", (facet, value)
            ).fetchone()
            if row is None:
                return None
            found[facet] = (row[0], row[1])
    return found


def _score(index: sqlite3.Connection, query: Query) -> tuple[Any, ...] | None:
    """Measure, least and most; () where none is asked for, None where there is no such measure."""
    if not query.score:
        return ()
    row = index.execute("SELECT what FROM measured WHERE name = ?", (query.score,)).fetchone()
    return None if row is None else (row[0], *_ends(query.low, query.high))


def _is_rare(index: sqlite3.Connection, score: tuple[Any, ...]) -> bool:
    counted = index.execute(
        "SELECT count(*) FROM (SELECT 1 FROM measures INDEXED BY measure_value WHERE what = ? AND"
        " value BETWEEN ? AND ? LIMIT ?)",
        (*score, _RARE),
    ).fetchone()
    return counted[0] < _RARE


def _lengths(query: Query) -> list[tuple[str, float]]:
    low, high = _real(query.shortest), _real(query.longest)
    ends = (("narrow.long >= ?", low), ("narrow.long <= ?", high))
    return [(condition, value) for condition, value in ends if value is not None]


def _ends(low: str, high: str) -> tuple[float, float]:
    least, most = _real(low), _real(high)
    return (-math.inf if least is None else least, math.inf if most is None else most)


def measured(index: sqlite3.Connection) -> Sequence[str]:
    """The scores that can be filtered by."""
    return [row[0] for row in index.execute("SELECT name FROM measured WHERE what > 0")]


def match_of(text: str) -> str:
    """The words of a search box in the language of FTS5: all must occur, "so" as a phrase.

    Each is quoted, so that nothing a user types is an operator, but for a star at the very end:
    the last word may then go on.
    """
    parts = [a or b for a, b in re.findall(r'"([^"]*)"|([^\s"]+)', text.replace("\0", " "))]
    parts = [part for part in parts if re.search(r"[^\W_]", part)]
    # Too many words begin with one letter to be gone through.
    goes_on = parts and text.rstrip()[-1] == "*" and len(re.sub(r"[\W_]", "", parts[-1])) > 1
    return " AND ".join(f'"{part}"' for part in parts) + ("*" if goes_on else "")


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


def _real(text: str) -> float | None:
    """A number as people type it, a comma for a point too; None for anything else."""
    return (
        float(text.replace(",", "."))
        if re.fullmatch(r"-?[0-9]{1,12}([.,][0-9]{1,12})?", text)
        else None
    )


def _number(text: str | None) -> int:
    # SQLite holds 64 bits.
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else 0
