"""What was handed to a batch API, on disk: so that a restart joins it and nothing is paid twice.

One SQLite file for all runs of a user, since a model does not know in which run it is asked, and
since what one run has paid for another may use. Written before a batch is submitted and after it is
confirmed; in between, a dead process leaves a batch without an id, which is looked for at the
provider before its rows are sent again. Answers are kept a month, as long as providers keep them.
Submitting is for one process at a time, the rest is not.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
import time
import zlib
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

from didact.batching.service import Batch, Row
from didact.errors import StoreError
from didact.records import JSON

__all__ = ["Journal", "standard_folder"]

_KEPT = 30 * 86_400
"""Seconds for which answers and batches are remembered."""
_TURN = 0.05
"""Seconds between two tries to be the one who submits."""


def standard_folder() -> Path:
    """Where the journal is unless a model says otherwise: the user's folder for state."""
    root = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(root) if root else Path.home() / ".local" / "state") / "didact"
    except RuntimeError as error:
        raise StoreError("there is no home directory for the journal; set journal") from error


class Journal:
    """The batches and rows of one provider (``place``) in the file."""

    def __init__(self, folder: Path, place: str) -> None:
        self._place = place
        self._path = folder / "batches.db"
        with self._guarded():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A stage may run in a thread of its own (in a notebook), but only one at a time.
            self._db = sqlite3.connect(
                self._path, isolation_level=None, timeout=30, check_same_thread=False
            )
            # An id that a power cut takes back would be paid for again: full, not normal.
            self._db.executescript(
                f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_SCHEMA}"
            )
            self._forget_old()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def answer(self, key: str) -> dict[str, JSON] | None:
        """The answer to a request, where it is there."""
        row = self._one("SELECT answer FROM rows WHERE place = ? AND key = ?", self._place, key)
        if row is None or row[0] is None:
            return None
        return cast("dict[str, JSON]", json.loads(zlib.decompress(row[0])))

    def batch_of(self, key: str) -> int | None:
        """The number of the batch that a request is in; None where it is in none."""
        row = self._one("SELECT batch FROM rows WHERE place = ? AND key = ?", self._place, key)
        return row[0] if row else None

    def batch(self, number: int) -> Batch | None:
        """A batch by its number."""
        row = self._one("SELECT name, id, upload, made, rows FROM batches WHERE number = ?", number)
        if row is None:
            return None
        name, id, upload, made, rows = row
        return Batch(number=number, name=name, id=id, upload=upload, made=made, rows=rows)

    def keys(self, number: int) -> list[str]:
        """The requests of a batch that have no answer yet, in the order of their places."""
        with self._guarded():
            found = self._db.execute(
                "SELECT key FROM rows WHERE batch = ? AND answer IS NULL ORDER BY line", (number,)
            )
            return [key for (key,) in found]

    def claim(self, rows: Sequence[Row]) -> tuple[Batch | None, list[Row]]:
        """A new batch of the rows that nobody has handed in yet, and which these are."""
        with self._writing():
            fresh = [row for row in rows if self.batch_of(row.key) is None]
            if not fresh:
                return None, []
            name = f"didact-{os.urandom(8).hex()}"
            made = time.time()
            cursor = self._db.execute(
                "INSERT INTO batches (place, name, made, rows) VALUES (?, ?, ?, ?)",
                (self._place, name, made, len(fresh)),
            )
            number = cast("int", cursor.lastrowid)
            self._db.executemany(
                "INSERT INTO rows (place, key, batch, line) VALUES (?, ?, ?, ?)",
                [(self._place, row.key, number, line) for line, row in enumerate(fresh)],
            )
        batch = Batch(number=number, name=name, id=None, upload=None, made=made, rows=len(fresh))
        return batch, fresh

    def uploaded(self, name: str, upload: str) -> None:
        """The provider has the file of a batch."""
        with self._writing():
            self._db.execute("UPDATE batches SET upload = ? WHERE name = ?", (upload, name))

    def confirm(self, number: int, id: str | None) -> None:
        """The provider has the batch, under this name; None takes the name back."""
        with self._writing():
            self._db.execute("UPDATE batches SET id = ? WHERE number = ?", (id, number))

    def disown(self, number: int, id: str) -> None:
        """What was taken for this batch is somebody else's."""
        with self._writing():
            self._db.execute("UPDATE batches SET id = NULL WHERE number = ?", (number,))
            self._db.execute(
                "INSERT INTO batches (place, name, id, made, rows) VALUES (?, ?, ?, ?, 0)",
                (self._place, f"foreign-{id}", id, time.time()),
            )

    def known(self) -> frozenset[str]:
        """The provider's names of all batches that have been told apart."""
        with self._guarded():
            found = self._db.execute(
                "SELECT id FROM batches WHERE place = ? AND id IS NOT NULL", (self._place,)
            )
            return frozenset(id for (id,) in found)

    def save(self, answers: Mapping[str, dict[str, JSON]]) -> None:
        """Keep answers."""
        packed = [
            (zlib.compress(json.dumps(body).encode(), 1), self._place, key)
            for key, body in answers.items()
        ]
        with self._writing():
            self._db.executemany("UPDATE rows SET answer = ? WHERE place = ? AND key = ?", packed)

    def end(self, number: int) -> None:
        """A batch is over: its rows without an answer can be handed in again."""
        with self._writing():
            self._db.execute("DELETE FROM rows WHERE batch = ? AND answer IS NULL", (number,))

    def forget(self, keys: Iterable[str]) -> None:
        """Take answers back that turned out to be none."""
        with self._writing():
            self._db.executemany(
                "DELETE FROM rows WHERE place = ? AND key = ?", [(self._place, k) for k in keys]
            )

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Be the only process that submits; the end of a process ends its turn."""
        with self._guarded():
            lock = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_TURN)
            yield
        finally:
            os.close(lock)

    def _forget_old(self) -> None:
        before = time.time() - _KEPT
        with self._writing():
            self._db.execute(
                "DELETE FROM rows WHERE batch IN (SELECT number FROM batches WHERE made < ?)",
                (before,),
            )
            self._db.execute("DELETE FROM batches WHERE made < ?", (before,))

    def _one(self, statement: str, *values: str | int) -> tuple[Any, ...] | None:
        with self._guarded():
            return self._db.execute(statement, values).fetchone()

    @contextmanager
    def _writing(self) -> Generator[None, None, None]:
        with self._guarded():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _guarded(self) -> Generator[None, None, None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            raise StoreError(
                f"{self._path}: the journal of batches cannot be used ({error}). It holds what was"
                " submitted and not yet answered: mend it rather than delete it, or set journal to"
                " another folder."
            ) from error


_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  place TEXT NOT NULL,
  name TEXT NOT NULL,
  id TEXT,
  upload TEXT,
  made REAL NOT NULL,
  rows INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS rows (
  place TEXT NOT NULL,
  key TEXT NOT NULL,
  batch INTEGER NOT NULL,
  line INTEGER NOT NULL,
  answer BLOB,
  PRIMARY KEY (place, key)
);
CREATE INDEX IF NOT EXISTS rows_of_batch ON rows (batch);
"""
