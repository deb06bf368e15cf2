"""The call log: every request to a model and its reply, in one SQLite file of the run.

It is log, cache and ledger at once. A call is keyed by what decides its reply (model identity and
request; never a URL or an API key), so a killed run is resumed by asking again: finished calls are
answered from here. Failures are logged as failures and replay as failures until they are forgotten;
no row is ever deleted, since a failed call may have cost money too.

SQLite in WAL mode with ``synchronous=NORMAL``: a committed call survives the death of the process.
One process writes, by a lock of the operating system, any number read. Never put a run on a network
file system; neither SQLite's locks nor ours hold there.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from didact.calllog.file import guarded, open_to_read, open_to_write, trouble
from didact.calllog.lock import Lock
from didact.calllog.rows import Call, Totals, Usd, read, row_of
from didact.calllog.schema import INSERT, SELECT, migrate
from didact.errors import ModelError
from didact.records import Reply, Request, digest

__all__ = ["Call", "CallLog", "Renamed", "Totals", "call_key"]


def call_key(identity: str, request: Request) -> str:
    """The key of a call: a digest of who is asked and of everything that decides the reply."""
    return digest({"model": identity, "request": request.to_json()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A model whose server changed the name it gives itself: perhaps another model answered."""

    role: str
    """Who was asked, as the run calls it."""
    model: str
    """Its identity, the same all the time."""
    names: tuple[str, ...]
    """The server's own names, in order of appearance."""
    numbers: tuple[int, ...]
    """The number of the first call under each name."""


class CallLog:
    """The calls of a run, by key. Open one with ``open``, or ``in_memory`` for a test."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path | None,
        *,
        lock: Lock | None = None,
        write: bool = True,
        reuse: Sequence[CallLog] = (),
    ) -> None:
        self._connection = connection
        self._path = path
        self._writes = write
        self._reuse = tuple(reuse)
        # Closes the file even when the log is only dropped, so no half-checkpointed WAL is left.
        self._close = weakref.finalize(self, _shut, connection, lock, os.getpid())

    @classmethod
    def open(cls, path: Path, *, write: bool = False, reuse: Iterable[Path] = ()) -> CallLog:
        """Open a log; with ``write``, make it where there is none. A damaged one is left alone.

        One process writes: for the second one this is a StoreError with the pid of the first. A
        log of an earlier didact is brought up to date when it is written, never when it is read.
        ``reuse`` names other logs, or the runs they are in: a reply that is missing here and there
        in one of them is copied from it.
        """
        if not write:
            return cls(open_to_read(path), path, write=False)
        others = [cls.open(other / "calls.db" if other.is_dir() else other) for other in reuse]
        with guarded(path):
            lock = Lock(path.with_name(path.name + ".lock"))
        try:
            return cls(open_to_write(path), path, lock=lock, reuse=others)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def in_memory(cls) -> CallLog:
        """A log that is gone when the process is."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(connection, "memory")
        return cls(connection, None)

    def get(self, key: str, *, role: str | None = None) -> Call | None:
        """The call that answers this key; one of another run's is copied, under ``role``."""
        try:
            row = self._connection.execute(_GET, (key,)).fetchone()
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.Error as error:
            raise trouble(self._path, error) from error
        if row is None:
            return self._copy(key, role) if self._reuse else None
        return read(row, self._path)

    def __iter__(self) -> Iterator[Call]:
        with guarded(self._path):
            for row in self._connection.execute(f"{SELECT} ORDER BY number"):
                yield read(row, self._path)

    def record(
        self,
        key: str,
        request: Request,
        *,
        role: str,
        model: str,
        outcome: Reply | ModelError,
        seconds: float,
        usd: Usd = None,
    ) -> Call:
        """Log a call; it is on disk when this returns.

        A second reply to a key is only counted: the call returned is then the first one, which
        goes on answering.
        """
        reply = outcome if isinstance(outcome, Reply) else None
        error = None if isinstance(outcome, Reply) else outcome
        call = Call(
            number=0,
            key=key,
            role=role,
            model=model,
            asked=request,
            reply=replace(reply, key=key) if reply else None,
            error=str(error) if error else "",
            retryable=error is not None and error.retryable,
            status=error.status if error else None,
            fault=error.fault if error else "unknown",
            seconds=seconds,
            usd=usd,
        )
        with guarded(self._path):
            if logged := self._insert(call):
                return logged
            self._insert(replace(call, forgotten=True, number=self._last() + 1))
        first = self.get(key)
        assert first is not None
        return first

    def add(self, calls: Iterable[Call]) -> tuple[int, int]:
        """Log the calls of another log as they are, all or none: how many, how many were here."""
        added = here = 0
        spare: dict[tuple[str, float, str | None], int] = {}
        with guarded(self._path), self._transaction():
            for call in calls:
                if self._has(call, spare):
                    here += 1
                else:
                    self._insert(replace(call, number=self._last() + 1))
                    added += 1
        return added, here

    def forget_failures(self) -> int:
        """Let the failed calls answer no more, so that they are asked again; how many there were.

        They stay in the log, and count as calls made.
        """
        with guarded(self._path):
            return self._connection.execute(
                "UPDATE calls SET forgotten = number WHERE error IS NOT NULL AND forgotten = 0"
            ).rowcount

    def totals(self) -> Totals:
        """What all the calls in the log amount to; those copied cost nothing here."""
        return sum(self.totals_by_role().values(), Totals())

    def totals_by_role(self) -> dict[str, Totals]:
        """The same for each role that was asked."""
        with guarded(self._path):
            rows = self._connection.execute(_TOTALS).fetchall()
        return {
            role: Totals(
                made=made,
                replayed=copied,
                failed=failed,
                prompt_tokens=prompt,
                completion_tokens=completion,
                usd=usd,
                seconds=seconds,
            )
            for role, made, copied, failed, prompt, completion, usd, seconds in rows
        }

    def renamed(self) -> list[Renamed]:
        """The models that answered under more than one name of their server's."""
        with guarded(self._path):
            rows = self._connection.execute(_NAMES).fetchall()
        found: dict[str, list[tuple[str, str, int]]] = {}
        for model, role, name, number in rows:
            found.setdefault(model, []).append((role, name, number))
        return [
            Renamed(
                role=names[0][0],
                model=model,
                names=tuple(name for _, name, _ in names),
                numbers=tuple(number for _, _, number in names),
            )
            for model, names in found.items()
            if len(names) > 1
        ]

    def remember(self, role: str, model: str, *, settings: str | None) -> None:
        """Keep the identity of what a role stands for, to replay where it cannot be computed.

        ``settings`` is how the run file describes it; None stands for any. A log opened to read
        keeps what it has.
        """
        if self._writes:
            with guarded(self._path):
                self._connection.execute(_REMEMBER, (role, model, settings))

    def remembered(self, role: str, *, settings: str) -> str | None:
        """The identity that the role had when the run file described it so."""
        with guarded(self._path):
            row = self._connection.execute(_REMEMBERED, (role, settings)).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Close the file and let another process write it. Closing twice is fine."""
        for other in self._reuse:
            other.close()
        self._close()

    def _insert(self, call: Call) -> Call | None:
        """The call with its number; None where its key is answered already."""
        try:
            cursor = self._connection.execute(INSERT, row_of(call))
        except sqlite3.IntegrityError:
            return None
        return replace(call, number=cursor.lastrowid or 0)

    def _copy(self, key: str, role: str | None) -> Call | None:
        """A reply of another run; failures are not shared."""
        for other in self._reuse:
            call = other.get(key)
            if call is not None and call.reply is not None:
                with guarded(self._path):
                    return self._insert(replace(call, role=role or call.role, copied=True))
        return None

    def _has(self, call: Call, spare: dict[tuple[str, float, str | None], int]) -> bool:
        """Whether the call was here before; of equal forgotten ones, each stands for one."""
        if not call.forgotten:
            return self._connection.execute(_GET, (call.key,)).fetchone() is not None
        same = (call.key, call.seconds, None if call.reply else call.error)
        if same not in spare:
            (spare[same],) = self._connection.execute(_FORGOTTEN, same).fetchone()
        spare[same] -= 1
        return spare[same] >= 0

    def _last(self) -> int:
        (number,) = self._connection.execute("SELECT max(number) FROM calls").fetchone()
        return number or 0

    @contextmanager
    def _transaction(self) -> Generator[None, None, None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled it back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _shut(connection: sqlite3.Connection, lock: Lock | None, owner: int) -> None:
    # A forked child has a copy of the connection, which is not its own to close.
    if os.getpid() != owner:
        return
    connection.close()
    if lock is not None:
        lock.release()


_GET = f"{SELECT} WHERE key = ? AND forgotten = 0"
_FORGOTTEN = (
    "SELECT count(*) FROM calls WHERE key = ? AND forgotten > 0 AND seconds = ? AND error IS ?"
)
_TOTALS = (
    "SELECT role, sum(1 - copied), sum(copied), count(error), sum(prompt_tokens * (1 - copied)),"
    " sum(completion_tokens * (1 - copied)), total(usd * (1 - copied)),"
    " total(seconds * (1 - copied)) FROM calls GROUP BY role ORDER BY role"
)
_NAMES = (
    "SELECT model, role, server_model, min(number) FROM calls WHERE server_model <> ''"
    " GROUP BY model, server_model ORDER BY min(number)"
)
_REMEMBER = (
    "INSERT INTO roles (role, model, settings) VALUES (?, ?, ?) ON CONFLICT (role)"
    " DO UPDATE SET model = excluded.model, settings = excluded.settings"
    " WHERE model <> excluded.model OR settings IS NOT excluded.settings"
)
_REMEMBERED = "SELECT model FROM roles WHERE role = ? AND (settings = ? OR settings IS NULL)"
