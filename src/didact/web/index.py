"""The index of a run's examples: one SQLite file beside the run, built once from its Parquet.

It holds what a list shows (id, verdict, reason, recipe, the beginnings of the texts), every
verdict, answer and score by example, and the words of every text for full-text search (FTS5, which
keeps the words and not a second copy of the texts). What can be filtered by stands once more in a
narrow table of numbers, and so do lengths and scores: a million of such rows are walked in a tenth
of a second. An example itself is read from its Parquet file, whose row the index knows. The index
is thrown away and built anew when a Parquet file of the run changes.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import cast

from didact import rows
from didact.disk import storing
from didact.records import INPUT_MARK, JSON, digest
from didact.report import charts
from didact.web.marks import plain

__all__ = ["PARTS", "Tell", "build_index", "index_path", "is_fresh", "opened", "place_of"]

PARTS = {"generated": "generate/examples", "item": "evaluate/items", "seed": "generate/seeds"}
"""Part of a run to its file of examples."""

_FORMAT = 3
"""Raised when the tables below change."""
_OTHERS = ("filter/verdicts", "filter/kept", "evaluate/answers", "evaluate/scores")
_HEAD = 280
"""Characters of a text that a list shows."""
_MEASURES = 60
"""Scores that can be filtered by: of filters first, then of metrics."""

Tell = Callable[[int, int], None]
"""Given rows done and rows in all."""


def index_path(run: Path) -> Path:
    """Where the index of a run lies: in it, or in the user's cache where the run is read-only."""
    if (run / "browse.db").exists() or os.access(run, os.W_OK):
        return run / "browse.db"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "didact" / f"browse-{digest(str(run.resolve()))}.db"


def place_of(run: Path, part: str) -> Path:
    """The Parquet file of a part."""
    return run / f"{PARTS[part]}.parquet"


def is_fresh(run: Path) -> bool:
    """Whether there is an index, made from the files as they are now."""
    path = index_path(run)
    if not path.is_file():
        return False
    try:
        with opened(path) as index:
            found = index.execute("SELECT value FROM facts WHERE name = 'stamp'").fetchone()
    except sqlite3.Error:
        return False
    return found is not None and found[0] == _stamp(run)


def build_index(run: Path, tell: Tell = lambda _done, _total: None) -> Path:
    """Build the index of a run, and return where it is; the old one serves until the end."""
    path = index_path(run)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    stamp = _stamp(run)
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.unlink(missing_ok=True)
            with closing(sqlite3.connect(new, isolation_level=None)) as index:
                index.create_function("plain", 1, plain, deterministic=True)
                index.executescript(_TABLES)
                index.execute("BEGIN")
                _fill(index, run, tell)
                index.execute("INSERT INTO facts VALUES ('stamp', ?)", (stamp,))
            os.replace(new, path)
        finally:
            with suppress(FileNotFoundError):
                new.unlink()
    return path


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection]:
    """A connection that only reads, and believes nothing that a foreign file's schema asks for."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as index:
        index.execute("PRAGMA trusted_schema = OFF")
        index.row_factory = sqlite3.Row
        yield index


def _stamp(run: Path) -> str:
    files = [*PARTS.values(), *_OTHERS]
    found: list[tuple[str, int, int]] = []
    for name in files:
        with suppress(FileNotFoundError):
            state = (run / f"{name}.parquet").stat()
            found.append((name, state.st_size, state.st_mtime_ns))
    return json.dumps([_FORMAT, found])


def _fill(index: sqlite3.Connection, run: Path, tell: Tell) -> None:
    files = {part: place_of(run, part) for part in PARTS}
    tables = {name: run / f"{name}.parquet" for name in _OTHERS if name != "filter/kept"}
    total = sum(rows.count(path) for path in [*files.values(), *tables.values()])
    done = 0
    for name, path in tables.items():
        for group in rows.groups(path) if path.is_file() else ():
            columns = _COLUMNS[name]
            marks = ", ".join("?" * len(columns))
            values = ([row[column] for column in columns] for row in group)
            index.executemany(f"INSERT INTO {path.stem} VALUES ({marks})", values)
            done += len(group)
            tell(done, total)
    index.execute("CREATE INDEX verdict_of ON verdicts (id)")
    for part, path in files.items():
        number = 0
        for group in rows.groups(path) if path.is_file() else ():
            _add(index, part, group, number)
            number += len(group)
            done += len(group)
            tell(done, total)
    _judge(index, judged=(run / "filter" / "kept.parquet").is_file())
    # A script commits what came before it.
    index.executescript(_NARROW)
    _measure(index)


def _add(index: sqlite3.Connection, part: str, group: list[rows.Row], first: int) -> None:
    start = index.execute("SELECT coalesce(max(n), 0) + 1 FROM examples").fetchone()[0]
    shown: list[tuple[object, ...]] = []
    texts: list[tuple[int, str]] = []
    for offset, row in enumerate(group):
        messages: list[dict[str, str]] = row["messages"] or []
        asked = next((m["content"] for m in messages if m["role"] == "user"), "")
        asked, _, given = asked.partition(INPUT_MARK)
        answered = next((m["content"] for m in messages[::-1] if m["role"] == "assistant"), "")
        body = "\n".join(m["content"] for m in messages)
        heads = (text[:_HEAD] for text in (asked, given, answered))
        names = (plain(row["recipe"]), plain(_source(row["meta"])))
        numbers = (len(answered.split()), _prompt(messages))
        place = (start + offset, row["id"], part, first + offset)
        shown.append((*place, *names, *heads, *numbers))
        # FTS5 takes a NUL for the end of the text.
        texts.append((start + offset, body.replace("\0", " ")))
    index.executemany(
        "INSERT INTO examples (n, id, part, row, recipe, source, asked, given, answered, long,"
        " prompt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        shown,
    )
    index.executemany("INSERT INTO words (rowid, body) VALUES (?, ?)", texts)


def _source(meta: str) -> str:
    """The data set that an example came from, where it says."""
    if not any(f'"{key}"' in meta for key in _SOURCES):
        return ""
    found: dict[str, object] = json.loads(meta)
    return next((str(found[key]) for key in _SOURCES if isinstance(found.get(key), str)), "")


def _prompt(messages: list[dict[str, str]]) -> int:
    """A number that two examples share which ask the same."""
    last = messages[-1]["role"] if messages else ""
    asked = messages[:-1] if last == "assistant" else messages
    said = cast("JSON", [[m["role"], m["content"]] for m in asked])
    return int(digest(said)[:15], 16)


def _measure(index: sqlite3.Connection) -> None:
    """Lengths and scores by example, each with its name and its distribution."""
    index.execute("BEGIN")
    index.execute("INSERT INTO measures SELECT 0, n, long FROM examples")
    index.execute("INSERT INTO measured (what, name, part) VALUES (0, 'words of the answer', '')")
    of_filters = index.execute(
        "SELECT DISTINCT filter FROM verdicts WHERE score IS NOT NULL ORDER BY 1 LIMIT ?",
        (_MEASURES,),
    ).fetchall()
    of_models = index.execute(
        "SELECT DISTINCT metric, model FROM scores WHERE value IS NOT NULL ORDER BY 1, 2 LIMIT ?",
        (_MEASURES - len(of_filters),),
    ).fetchall()
    named = "INSERT INTO measured (what, name, part) VALUES"
    put = "INSERT OR REPLACE INTO measures SELECT ?, n"
    for what, (name,) in enumerate(of_filters, 1):
        index.execute(f"{named} (?, ?, 'generated')", (what, plain(name)))
        index.execute(
            f"{put}, score FROM verdicts JOIN examples ON examples.id = verdicts.id AND"
            " part = 'generated' WHERE filter = ? AND score IS NOT NULL",
            (what, name),
        )
    for what, (metric, model) in enumerate(of_models, len(of_filters) + 1):
        name = plain(f"{metric} of {model}")
        index.execute(f"{named} (?, ?, 'item')", (what, name))
        index.execute(
            f"{put}, value FROM scores JOIN examples ON examples.id = scores.id AND"
            " part = 'item' WHERE metric = ? AND model = ? AND value IS NOT NULL",
            (what, metric, model),
        )
    index.execute("CREATE INDEX measure_value ON measures (what, value)")
    for (what,) in index.execute("SELECT what FROM measured").fetchall():
        _distribute(index, what)
    index.execute("COMMIT")


def _distribute(index: sqlite3.Connection, what: int) -> None:
    """Count the columns of a histogram; one of lengths is of what was generated."""
    of = " JOIN examples USING (n)" if what == 0 else ""
    only = " AND part = 'generated'" if what == 0 else ""
    values = [
        row[0]
        for row in index.execute(f"SELECT value FROM measures{of} WHERE what = ?{only}", (what,))
    ]
    if not values:
        return
    mean = sum(values) / len(values)
    bins = None
    if min(values) >= 0 and max(values) < 1e9:
        bins = json.dumps(charts.bins(values, whole=max(values) > 1))
    index.execute(
        "UPDATE measured SET bins = ?, number = ?, mean = ? WHERE what = ?",
        (bins, len(values), mean, what),
    )


def _judge(index: sqlite3.Connection, *, judged: bool) -> None:
    """Write beside every generated example what became of it."""
    if not judged:
        return
    index.execute("UPDATE examples SET verdict = 'kept' WHERE part = 'generated'")
    index.execute(
        "UPDATE examples SET verdict = 'dropped', why = dropped.why FROM"
        " (SELECT id, min(plain(filter || ': ' || reason)) AS why FROM verdicts WHERE NOT keep"
        " GROUP BY id) AS dropped WHERE dropped.id = examples.id AND part = 'generated'"
    )


_COLUMNS = {
    "filter/verdicts": ("example_id", "filter", "keep", "reason", "score", "evidence"),
    "evaluate/answers": ("example_id", "model", "text", "call"),
    "evaluate/scores": ("example_id", "model", "metric", "value", "reason"),
}

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE examples (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, part TEXT NOT NULL, row INTEGER NOT NULL,
    recipe TEXT NOT NULL, source TEXT NOT NULL,
    verdict TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '',
    asked TEXT NOT NULL, given TEXT NOT NULL, answered TEXT NOT NULL, long INTEGER NOT NULL,
    prompt INTEGER NOT NULL
);
CREATE TABLE measured (
    what INTEGER PRIMARY KEY, name TEXT NOT NULL, part TEXT NOT NULL, bins TEXT, number INTEGER,
    mean REAL
);
CREATE TABLE measures (
    what INTEGER NOT NULL, n INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (what, n)
) WITHOUT ROWID;
CREATE TABLE verdicts (id TEXT, filter TEXT, keep INTEGER, reason TEXT, score REAL, evidence TEXT);
CREATE TABLE answers (id TEXT, model TEXT, text TEXT, call TEXT);
CREATE TABLE scores (id TEXT, model TEXT, metric TEXT, value REAL, reason TEXT);
CREATE VIRTUAL TABLE words USING fts5 (
    body, content = '', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4'
);
"""

_NARROW = """
CREATE INDEX example_id ON examples (id);
CREATE INDEX answer_of ON answers (id);
CREATE INDEX score_of ON scores (id);
CREATE TABLE facets (
    code INTEGER PRIMARY KEY, facet TEXT NOT NULL, value TEXT NOT NULL, number INTEGER NOT NULL
);
INSERT INTO facets (facet, value, number)
    SELECT 'part', part, count(*) FROM examples GROUP BY part
    UNION ALL SELECT 'verdict', verdict, count(*) FROM examples WHERE verdict != ''
        GROUP BY verdict
    UNION ALL SELECT 'why', why, count(*) FROM examples WHERE why != '' GROUP BY why
    UNION ALL SELECT 'recipe', recipe, count(*) FROM examples GROUP BY recipe
    UNION ALL SELECT 'source', source, count(*) FROM examples WHERE source != '' GROUP BY source;
CREATE UNIQUE INDEX facet_of ON facets (facet, value);
CREATE TABLE narrow (
    n INTEGER PRIMARY KEY, part INTEGER, verdict INTEGER, why INTEGER, recipe INTEGER,
    source INTEGER, long INTEGER, prompt INTEGER
);
INSERT INTO narrow SELECT n,
    (SELECT code FROM facets WHERE facet = 'part' AND value = part),
    (SELECT code FROM facets WHERE facet = 'verdict' AND value = verdict),
    (SELECT code FROM facets WHERE facet = 'why' AND value = why),
    (SELECT code FROM facets WHERE facet = 'recipe' AND value = recipe),
    (SELECT code FROM facets WHERE facet = 'source' AND value = source), long, prompt
    FROM examples;
CREATE INDEX narrow_part ON narrow (part);
CREATE INDEX narrow_verdict ON narrow (verdict);
CREATE INDEX narrow_why ON narrow (why);
CREATE INDEX narrow_recipe ON narrow (recipe);
CREATE INDEX narrow_source ON narrow (source);
CREATE INDEX narrow_prompt ON narrow (prompt);
"""
_SOURCES = ("dataset", "source", "data")
"""Keys of ``meta`` that name a data set."""
