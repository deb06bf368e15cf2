"""Two runs side by side: which examples they share, which ask the same and answer otherwise.

Made once from the indexes of both into a small SQLite file of pairs of row numbers, so that a page
of it takes as long for a million examples as for ten. Examples are the same where their ids are,
that is their messages; they ask the same where everything before the last answer is the same.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from didact.disk import storing
from didact.web.index import Tell, index_path
from didact.web.search import Line

__all__ = ["KINDS", "Pair", "compare", "counts", "items", "page", "stamp"]

KINDS: Mapping[str, str] = {
    "changed": "answered otherwise",
    "judged": "judged otherwise",
    "only-a": "only in the first",
    "only-b": "only in the second",
    "same": "the same in both",
}
"""What a pair can be, and how it is told."""

_SIZE = 20
"""Pairs on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One line of the comparison."""

    n: int
    a: Line | None
    b: Line | None


def stamp(a: Path, b: Path) -> str:
    """Says which state of both indexes a comparison is of."""
    states = [index_path(run).stat() for run in (a, b)]
    return "-".join(f"{state.st_size:x}-{state.st_mtime_ns:x}" for state in states)


def compare(a: Path, b: Path, out: Path, tell: Tell = lambda _done, _total: None) -> None:
    """Pair the examples of two runs, whose indexes are there, into ``out``."""
    new = out.with_name(f"{out.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    with storing(out), closing(_connected(new, a, b, mode="rwc")) as found:
        for number, statement in enumerate(_STEPS):
            tell(number, len(_STEPS))
            found.execute(statement)
        found.close()
        os.replace(new, out)


def counts(path: Path) -> Mapping[str, int]:
    """How many pairs there are of each kind."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as found:
        numbers = dict(found.execute("SELECT kind, number FROM counted").fetchall())
    return {kind: int(numbers.get(kind, 0)) for kind in KINDS}


def page(path: Path, a: Path, b: Path, *, kind: str, after: int) -> tuple[list[Pair], bool]:
    """The pairs of a kind after a number, and whether there are more."""
    with closing(_connected(path, a, b, mode="ro")) as found:
        rows = found.execute(
            "SELECT n, a, b FROM pairs WHERE kind = ? AND n > ? ORDER BY n LIMIT ?",
            (kind, after, _SIZE + 1),
        ).fetchall()
        pairs = [
            Pair(n=n, a=_line(found, "one", of_a), b=_line(found, "two", of_b))
            for n, of_a, of_b in rows[:_SIZE]
        ]
    return pairs, len(rows) > _SIZE


def items(
    path: Path, a: Path, b: Path, *, after: int
) -> tuple[list[tuple[int, Line, Sequence[Line], Sequence[Line]]], bool]:
    """Test items of both runs with the answers of each, after a number; whether there are more.

    An answer has the scores given to it as one text.
    """
    with closing(_connected(path, a, b, mode="ro")) as found:
        found.row_factory = sqlite3.Row
        rows = found.execute(
            "SELECT n, id FROM items WHERE n > ? ORDER BY n LIMIT ?", (after, _SIZE + 1)
        ).fetchall()
        told = [
            (
                int(row["n"]),
                found.execute(
                    "SELECT * FROM one.examples WHERE id = ? AND part = 'item'", (row["id"],)
                ).fetchone(),
                _answers(found, "one", row["id"]),
                _answers(found, "two", row["id"]),
            )
            for row in rows[:_SIZE]
        ]
    return told, len(rows) > _SIZE


def _answers(found: sqlite3.Connection, run: str, item: str) -> Sequence[Line]:
    return found.execute(
        "SELECT model, text, (SELECT group_concat(metric || ' ' || round(value, 2), ', ') FROM"
        f" {run}.scores AS s WHERE s.id = answers.id AND s.model = answers.model) AS scores"
        f" FROM {run}.answers WHERE id = ? ORDER BY rowid",
        (item,),
    ).fetchall()


def _line(found: sqlite3.Connection, run: str, n: int | None) -> Line | None:
    if n is None:
        return None
    cursor = found.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(f"SELECT * FROM {run}.examples WHERE n = ?", (n,)).fetchone()


def _connected(path: Path, a: Path, b: Path, *, mode: str) -> sqlite3.Connection:
    found = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None
    )
    found.execute("PRAGMA trusted_schema = OFF")
    for name, run in (("one", a), ("two", b)):
        address = f"{index_path(run).resolve().as_uri()}?mode=ro"
        found.execute(f"ATTACH ? AS {name}", (address,))
    return found


_GENERATED = "(SELECT code FROM {run}.facets WHERE facet = 'part' AND value = 'generated')"
_STEPS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "BEGIN",
    "CREATE TABLE pairs (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, a INTEGER, b INTEGER)",
    # Both sides walk their index of ids; of an example that stands twice the first counts.
    "CREATE TABLE both AS SELECT x.n AS a, y.n AS b FROM one.examples AS x INDEXED BY"
    " example_id CROSS JOIN two.examples AS y INDEXED BY example_id ON y.id = x.id"
    " CROSS JOIN one.narrow AS p ON p.n = x.n CROSS JOIN two.narrow AS q ON q.n = y.n"
    f" WHERE p.part = {_GENERATED.format(run='one')} AND q.part = {_GENERATED.format(run='two')}",
    "CREATE INDEX both_a ON both (a)",
    "CREATE INDEX both_b ON both (b)",
    "CREATE TABLE same AS SELECT a, min(b) AS b FROM both GROUP BY a",
    "CREATE TABLE changed AS SELECT p.n AS a, min(q.n) AS b FROM one.narrow AS p"
    " CROSS JOIN two.narrow AS q INDEXED BY narrow_prompt ON q.prompt = p.prompt"
    f" WHERE p.part = {_GENERATED.format(run='one')} AND q.part = {_GENERATED.format(run='two')}"
    " AND p.n NOT IN (SELECT a FROM both) AND q.n NOT IN (SELECT b FROM both) GROUP BY p.n",
    "CREATE INDEX changed_a ON changed (a)",
    "CREATE INDEX changed_b ON changed (b)",
    "INSERT INTO pairs (kind, a, b) SELECT 'changed', a, b FROM changed ORDER BY a",
    # A code is of its own run: verdicts are told apart by their words.
    "INSERT INTO pairs (kind, a, b) SELECT CASE WHEN"
    " coalesce((SELECT value FROM one.facets WHERE code = p.verdict), '') ="
    " coalesce((SELECT value FROM two.facets WHERE code = q.verdict), '')"
    " THEN 'same' ELSE 'judged' END, a, b FROM same"
    " CROSS JOIN one.narrow AS p ON p.n = a CROSS JOIN two.narrow AS q ON q.n = b ORDER BY a",
    "INSERT INTO pairs (kind, a) SELECT 'only-a', n FROM one.narrow WHERE"
    f" part = {_GENERATED.format(run='one')} AND n NOT IN (SELECT a FROM both)"
    " AND n NOT IN (SELECT a FROM changed) ORDER BY n",
    "INSERT INTO pairs (kind, b) SELECT 'only-b', n FROM two.narrow WHERE"
    f" part = {_GENERATED.format(run='two')} AND n NOT IN (SELECT b FROM both)"
    " AND n NOT IN (SELECT b FROM changed) ORDER BY n",
    "CREATE INDEX pair_kind ON pairs (kind)",
    "CREATE TABLE counted AS SELECT kind, count(*) AS number FROM pairs GROUP BY kind",
    "CREATE TABLE items (n INTEGER PRIMARY KEY, id TEXT NOT NULL)",
    "INSERT INTO items (id) SELECT id FROM one.answers WHERE id IN (SELECT id FROM two.answers)"
    " GROUP BY id ORDER BY min(rowid)",
    "INSERT INTO counted SELECT 'items', count(*) FROM items",
    "DROP TABLE both",
    "DROP TABLE same",
    "DROP TABLE changed",
    "COMMIT",
)
