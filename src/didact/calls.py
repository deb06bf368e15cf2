"""The call log: every request to a model and its reply, in one SQLite file of the run.

It is log, cache and ledger at once. A call is keyed by what decides its reply (model identity and
request; never a URL or an API key), so a killed run is resumed by asking again: finished calls are
answered from here. Failures are logged as failures and replay as failures until they are forgotten.

SQLite in WAL mode with ``synchronous=NORMAL`` and one writer: a committed call survives the death
of the process. Never put a run on a network file system; SQLite's locks do not hold there.
"""

from __future__ import annotations

import json
import os
import sqlite3
import weakref
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from didact.errors import ModelError, StoreError
from didact.records import JSON, Message, Reply, Request, Sampling, Usage, digest

__all__ = ["Call", "CallLog", "Totals", "call_key"]


def call_key(identity: str, request: Request) -> str:
    """The key of a call: a digest of who is asked and of everything that decides the reply."""
    return digest({"model": identity, "request": request.to_json()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One logged call: a reply, or the error that came instead."""

    number: int
    """Order of logging, from 1."""
    key: str
    role: str
    model: str
    """The model's identity; its server's own name is ``reply.model``."""
    request: Request
    reply: Reply | None
    error: str = ""
    retryable: bool = False
    status: int | None = None
    seconds: float = 0.0

    def outcome(self) -> Reply:
        """The reply; a logged failure is raised again as the ModelError it was."""
        if self.reply is None:
            raise ModelError(self.error, retryable=self.retryable, status=self.status)
        return self.reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Calls, tokens and seconds, added up."""

    made: int = 0
    """Calls sent to a model."""
    replayed: int = 0
    """Calls answered from the log instead."""
    failed: int = 0
    """Those of the calls that ended in an error."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    """Time the models took, summed over calls that ran side by side."""

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            made=self.made + other.made,
            replayed=self.replayed + other.replayed,
            failed=self.failed + other.failed,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            seconds=self.seconds + other.seconds,
        )

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "made": self.made,
            "replayed": self.replayed,
            "failed": self.failed,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "seconds": round(self.seconds, 3),
        }


class CallLog:
    """The calls of a run, by key. Open one with ``open``, or ``in_memory`` for a test."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self._connection = connection
        self._path = path
        # Closes the file even when the log is only dropped, so no half-checkpointed WAL is left.
        self._close = weakref.finalize(self, connection.close)

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> CallLog:
        """Open a log; with ``write``, make it where there is none. A damaged one is left alone."""
        if not path.exists():
            if not write:
                raise StoreError(f"{path}: there is no call log here")
            _make(path)
        if path.stat().st_size == 0:
            raise StoreError(_damaged(path, "the file is empty"))
        with _guarded(path):
            connection = _connect(path, write=write)
            try:
                _check(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    @classmethod
    def in_memory(cls) -> CallLog:
        """A log that is gone when the process is."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(_SCHEMA)
        return cls(connection, None)

    def get(self, key: str) -> Call | None:
        """The logged call with this key."""
        with _guarded(self._path):
            row = self._connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
        return _read(row) if row is not None else None

    def __iter__(self) -> Iterator[Call]:
        with _guarded(self._path):
            for row in self._connection.execute(f"{_SELECT} ORDER BY number"):
                yield _read(row)

    def record(
        self,
        key: str,
        request: Request,
        *,
        role: str,
        model: str,
        outcome: Reply | ModelError,
        seconds: float,
    ) -> Call:
        """Log a call; it is on disk when this returns."""
        reply = outcome if isinstance(outcome, Reply) else None
        error = None if isinstance(outcome, Reply) else outcome
        row = (
            key,
            role,
            model,
            _dump(request.to_json()),
            reply.text if reply else None,
            reply.finish if reply else None,
            reply.usage.prompt if reply else 0,
            reply.usage.completion if reply else 0,
            _dump(list(reply.logprobs)) if reply and reply.logprobs is not None else None,
            reply.model if reply else None,
            seconds,
            str(error) if error else None,
            int(error.retryable) if error else None,
            error.status if error else None,
        )
        with _guarded(self._path):
            self._connection.execute(_INSERT, row)
        call = self.get(key)
        assert call is not None
        return call

    def forget_failures(self) -> int:
        """Remove the failed calls, so that they are asked again; how many there were."""
        with _guarded(self._path):
            return self._connection.execute("DELETE FROM calls WHERE error IS NOT NULL").rowcount

    def totals(self) -> Totals:
        """What all the calls in the log amount to."""
        return sum(self.totals_by_role().values(), Totals())

    def totals_by_role(self) -> dict[str, Totals]:
        """The same for each role that was asked."""
        with _guarded(self._path):
            rows = self._connection.execute(
                "SELECT role, count(*), count(error), sum(prompt_tokens), sum(completion_tokens),"
                " sum(seconds) FROM calls GROUP BY role ORDER BY role"
            ).fetchall()
        return {
            role: Totals(
                made=made,
                failed=failed,
                prompt_tokens=prompt,
                completion_tokens=completion,
                seconds=seconds,
            )
            for role, made, failed, prompt, completion, seconds in rows
        }

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        self._close()


def _make(path: Path) -> None:
    # Made aside and renamed in: a calls.db that is empty or has no table is then always damage,
    # never a kill between two steps of its creation.
    aside = path.with_name(path.name + ".new")
    with _guarded(path):
        aside.unlink(missing_ok=True)
        connection = sqlite3.connect(aside, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        finally:
            connection.close()
        os.replace(aside, path)


def _connect(path: Path, *, write: bool) -> sqlite3.Connection:
    if write:
        # A stage may run in a thread of its own (in a notebook), but only one at a time.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection
    uri = path.resolve().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # WAL wants to write beside the file; on a read-only disk only `immutable` opens it.
        connection.close()
        return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreError(_damaged(path, found))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION:
        raise StoreError(
            f"{path}: a call log of version {version}; this didact reads version {_VERSION}."
            " Use the didact that wrote it, or another run directory."
        )


@contextmanager
def _guarded(path: Path | None) -> Generator[None, None, None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        reason = str(error)
        if "full" in reason or "No space left" in reason:
            message = (
                f"{path}: the disk is full ({reason}). Every call logged so far is safe:"
                " free some space and run the same command to continue."
            )
        elif "malformed" in reason or "not a database" in reason:
            message = _damaged(path, reason)
        else:
            message = f"{path}: the call log cannot be used ({reason})"
        raise StoreError(message) from error


def _damaged(path: Path | None, reason: str) -> str:
    return (
        f"{path}: the call log is damaged ({reason.strip()}). It was left as it is. Restore it from"
        " a copy, or save what SQLite can read: `sqlite3 calls.db .recover | sqlite3 saved.db`,"
        " then put saved.db in its place; or move it away to make all calls again."
    )


def _dump(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # SQLite text is UTF-8, which has no lone surrogates; escaped they survive.
    return text if _encodable(text) else json.dumps(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(row: tuple[Any, ...]) -> Call:
    number, key, role, model, request, text, finish, prompt, completion = row[:9]
    logprobs, server, seconds, error, retryable, status = row[9:]
    reply = None
    if error is None:
        reply = Reply(
            text=text,
            finish=finish,
            usage=Usage(prompt=prompt, completion=completion),
            logprobs=tuple(json.loads(logprobs)) if logprobs is not None else None,
            model=server,
            key=key,
        )
    return Call(
        number=number,
        key=key,
        role=role,
        model=model,
        request=_request(json.loads(request)),
        reply=reply,
        error=error or "",
        retryable=bool(retryable),
        status=status,
        seconds=seconds,
    )


def _request(data: dict[str, Any]) -> Request:
    sampling: dict[str, Any] = {**data["sampling"], "stop": tuple(data["sampling"]["stop"])}
    return Request(
        messages=tuple(Message(m["role"], m["content"]) for m in data["messages"]),
        prompt=data["prompt"],
        sampling=Sampling(**sampling),
        schema=data["schema"],
        draw=data["draw"],
        seed=data["seed"] or 0,
    )


_VERSION = 1

_SCHEMA = f"""
CREATE TABLE calls (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  model TEXT NOT NULL,
  request TEXT NOT NULL,
  reply TEXT,
  finish TEXT,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  logprobs TEXT,
  server_model TEXT,
  seconds REAL NOT NULL,
  error TEXT,
  retryable INTEGER,
  status INTEGER
);
PRAGMA user_version = {_VERSION};
"""

_COLUMNS = (
    "key, role, model, request, reply, finish, prompt_tokens, completion_tokens, logprobs,"
    " server_model, seconds, error, retryable, status"
)
_SELECT = f"SELECT number, {_COLUMNS} FROM calls"
_INSERT = f"INSERT INTO calls ({_COLUMNS}) VALUES ({', '.join('?' * 14)})"
