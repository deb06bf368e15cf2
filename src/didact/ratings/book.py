"""``ratings.db``: what people said, for good. Rows are added and never changed or taken away.

A rating is on the disk when ``rate`` returns (SQLite, write-ahead log, synced at every commit), so
a kill or a power cut can lose at most the one being sent. To undo one is a row too. Every row says
how many rows its rater had on the task before: the same form sent twice, from two windows or again
after a crash, is one rating. Several processes may write one file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from didact.disk import storing
from didact.errors import ConfigError, StoreError
from didact.ratings.tasks import Study, Task
from didact.records import canonical

__all__ = ["FILE", "Book", "Conflict", "Event"]

FILE = "ratings.db"
"""Its name in a run directory."""
_VERSION = 1


class Conflict(Exception):
    """The task was rated otherwise meanwhile, from another window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row: a rating, or that the one before was taken back."""

    number: int
    rater: str
    task: str
    turn: int
    """How many rows of this rater on this task came before."""
    said: Mapping[str, str] | None
    """Question to what was said, as it was shown; None for one taken back."""
    flipped: bool
    """Whether the first answer of the task was shown on the right."""
    seconds: float
    """From showing the task to the answer."""
    at: str
    """When, in UTC (ISO 8601)."""


class Book:
    """The ratings of a run. Threads may share one."""

    def __init__(self, path: Path, *, write: bool = True) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._tasks: dict[str, Mapping[str, Task]] = {}
        mode = "rwc" if write else "ro"
        try:
            with storing(path):
                self._connection = sqlite3.connect(
                    f"{path.resolve().as_uri()}?mode={mode}",
                    uri=True, isolation_level=None, check_same_thread=False, timeout=60,
                )  # fmt: skip
            self._finalize = weakref.finalize(self, self._connection.close)
            self._prepare(write=write)
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    @classmethod
    def of(cls, run: Path, *, write: bool = True) -> Book:
        """The ratings of the run at this path."""
        return cls(run / FILE, write=write)

    def close(self) -> None:
        """Let go of the file. Closing twice is fine."""
        self._finalize()

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def studies(self) -> list[Study]:
        """All of them, the oldest first."""
        with self._read() as connection:
            rows = connection.execute("SELECT settings FROM studies ORDER BY number").fetchall()
        return [Study.from_json(json.loads(row[0])) for row in rows]

    def study(self, name: str) -> Study | None:
        """The study of this name."""
        return next((study for study in self.studies() if study.name == name), None)

    def begin(self, study: Study, tasks: Sequence[Task]) -> None:
        """Keep a new study with its tasks; one of the same name and settings is left as it is."""
        with self._write() as connection:
            row = connection.execute(
                "SELECT settings FROM studies WHERE name = ?", (study.name,)
            ).fetchone()
            settings = canonical(study.to_json())
            if row is not None and row[0] != settings:
                raise ConfigError(
                    f"{self.path}: the study {study.name!r} was begun with other settings:"
                    f" {row[0]}. Go on with those (leave the options away), or give this one"
                    " another name (--study)."
                )
            if row is None:
                connection.execute(
                    "INSERT INTO studies (name, settings) VALUES (?, ?)", (study.name, settings)
                )
                connection.executemany(
                    "INSERT INTO tasks (study, key, body) VALUES (?, ?, ?)",
                    [(study.name, task.key, canonical(task.to_json())) for task in tasks],
                )

    def tasks(self, study: str) -> Mapping[str, Task]:
        """Key to task, in the order they were made. They never change: read once, kept."""
        found = self._tasks.get(study)
        if not found:
            found = self._tasks[study] = self.read_tasks(study)
        return found

    def read_tasks(self, study: str) -> dict[str, Task]:
        """The same from the file."""
        with self._read() as connection:
            rows = connection.execute(
                "SELECT key, body FROM tasks WHERE study = ? ORDER BY number", (study,)
            ).fetchall()
        return {key: Task.from_json(json.loads(body)) for key, body in rows}

    def raters(self, study: str) -> list[str]:
        """Who has rated something, in the order of their first rating."""
        with self._read() as connection:
            rows = connection.execute(
                "SELECT rater FROM ratings WHERE study = ? GROUP BY rater ORDER BY min(number)",
                (study,),
            ).fetchall()
        return [row[0] for row in rows]

    def known_as(self, study: str, name: str) -> str:
        """How a rater of this name is written already: Ann and ann are one."""
        return next((r for r in self.raters(study) if r.casefold() == name.casefold()), name)

    def events(self, study: str, rater: str) -> list[Event]:
        """Every row of a rater, in order."""
        with self._read() as connection:
            rows = connection.execute(f"{_SELECT} ORDER BY number", (study, rater)).fetchall()
        return [_event(row) for row in rows]

    def standing(self, study: str, rater: str) -> dict[str, Event]:
        """Task to the rating that stands, in the order they were given."""
        found: dict[str, Event] = {}
        for event in self.events(study, rater):
            found.pop(event.task, None)
            if event.said is not None:
                found[event.task] = event
        return found

    def rate(
        self,
        study: str,
        rater: str,
        task: str,
        *,
        turn: int,
        said: Mapping[str, str] | None,
        flipped: bool = False,
        seconds: float = 0.0,
    ) -> Event:
        """Add a row; it is on the disk when this returns.

        The same row once more is the one that is there; another one in its place is a Conflict.
        """
        text = None if said is None else canonical(dict(said))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._write() as connection:
            rows = connection.execute(
                f"{_SELECT} AND task = ? ORDER BY turn", (study, rater, task)
            ).fetchall()
            if turn < len(rows):
                there = _event(rows[turn])
                if there.said == said:
                    return there
            if turn != len(rows):
                raise Conflict
            values = (study, rater, task, turn, text, flipped, seconds, now)
            connection.execute(f"INSERT INTO ratings ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)", values)
            row = connection.execute(
                f"{_SELECT} AND task = ? AND turn = ?", (study, rater, task, turn)
            ).fetchone()
        return _event(row)

    def undo(self, study: str, rater: str, *, number: int) -> Event | None:
        """Take back the rating of this number, if it stands; the row that says so."""
        for event in self.standing(study, rater).values():
            if event.number == number:
                return self.rate(study, rater, event.task, turn=event.turn + 1, said=None)
        return None

    def _prepare(self, *, write: bool) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreError(
                f"{self.path}: ratings of version {version}; this didact reads up to {_VERSION}"
            )
        if write:
            self._connection.execute("PRAGMA journal_mode = WAL")
            # Synced at every commit, also where SQLite was built to sync less.
            self._connection.execute("PRAGMA synchronous = FULL")
            if version < _VERSION:
                self._connection.executescript(_TABLES)

    @contextmanager
    def _read(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise self._trouble(error) from error

    @contextmanager
    def _write(self) -> Generator[sqlite3.Connection]:
        with self._read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _trouble(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"{self.path}: {error}. No rating that was confirmed is lost; look whether the disk is"
            " full or the folder read-only."
        )


def _event(row: Sequence[object]) -> Event:
    number, rater, task, turn, said, turned, seconds, at = row
    return Event(
        number=cast("int", number),
        rater=str(rater),
        task=str(task),
        turn=cast("int", turn),
        said=None if said is None else json.loads(str(said)),
        flipped=bool(turned),
        seconds=float(cast("float", seconds)),
        at=str(at),
    )


_COLUMNS = "study, rater, task, turn, said, flipped, seconds, at"
_SELECT = (
    "SELECT number, rater, task, turn, said, flipped, seconds, at FROM ratings"
    " WHERE study = ? AND rater = ?"
)
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS studies (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, settings TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tasks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, study TEXT NOT NULL, key TEXT NOT NULL,
    body TEXT NOT NULL, UNIQUE (study, key)
);
CREATE TABLE IF NOT EXISTS ratings (
    number INTEGER PRIMARY KEY AUTOINCREMENT, study TEXT NOT NULL, rater TEXT NOT NULL,
    task TEXT NOT NULL, turn INTEGER NOT NULL, said TEXT, flipped INTEGER NOT NULL,
    seconds REAL NOT NULL, at TEXT NOT NULL, UNIQUE (study, rater, task, turn)
);
CREATE TRIGGER IF NOT EXISTS ratings_stand BEFORE UPDATE ON ratings
    BEGIN SELECT raise(ABORT, 'ratings are never changed'); END;
CREATE TRIGGER IF NOT EXISTS ratings_stay BEFORE DELETE ON ratings
    BEGIN SELECT raise(ABORT, 'ratings are never deleted'); END;
CREATE TRIGGER IF NOT EXISTS tasks_stand BEFORE UPDATE ON tasks
    BEGIN SELECT raise(ABORT, 'tasks are never changed'); END;
CREATE TRIGGER IF NOT EXISTS tasks_stay BEFORE DELETE ON tasks
    BEGIN SELECT raise(ABORT, 'tasks are never deleted'); END;
PRAGMA user_version = {_VERSION};
COMMIT;
"""
