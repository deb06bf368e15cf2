"""The tables of the call log, as numbered steps from nothing to the present.

A new log takes every step, an old one those it lacks, each in one transaction: a kill or a full
disk in the middle leaves the old log. A reader takes none. It sees an old log through a view with
the columns of today, so a published run can be read from a disk that cannot be written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from didact.errors import StoreError

__all__ = ["COLUMNS", "INSERT", "SELECT", "STEPS", "VERSION", "migrate", "show_as_today"]


def _calls(connection: sqlite3.Connection) -> None:
    """Version 1."""
    connection.execute(
        """CREATE TABLE calls (
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
        )"""
    )


def _money_and_copies(connection: sqlite3.Connection) -> None:
    """Version 2: money, whose fault, copies from other runs, and nothing is ever deleted.

    The long columns come last: SQLite then adds up a ledger without reading prompts. ``reply``,
    ``logprobs`` and ``request`` hold text, or a BLOB of it compressed.
    """
    connection.execute(
        """CREATE TABLE calls_2 (
          number INTEGER PRIMARY KEY,
          key TEXT NOT NULL,
          role TEXT NOT NULL,
          model TEXT NOT NULL,
          server_model TEXT,
          finish TEXT,
          prompt_tokens INTEGER NOT NULL,
          completion_tokens INTEGER NOT NULL,
          usd REAL,
          seconds REAL NOT NULL,
          copied INTEGER NOT NULL DEFAULT 0,  -- from another run, where it was paid for
          forgotten INTEGER NOT NULL DEFAULT 0,  -- 0, or its own number: answers no more
          error TEXT,
          retryable INTEGER,
          status INTEGER,
          fault TEXT,
          seal INTEGER,  -- CRC-32 of what is replayed
          reply,
          logprobs,
          request NOT NULL,
          UNIQUE (key, forgotten)
        )"""
    )
    connection.execute(f"INSERT INTO calls_2 ({_ALL}) {_FROM_1} ORDER BY number")
    connection.execute("DROP TABLE calls")
    connection.execute("ALTER TABLE calls_2 RENAME TO calls")
    connection.execute(
        "CREATE TABLE roles (role TEXT PRIMARY KEY, model TEXT NOT NULL, settings TEXT)"
    )


COLUMNS = (
    "key, role, model, server_model, finish, prompt_tokens, completion_tokens, usd, seconds,"
    " copied, forgotten, error, retryable, status, fault, seal, reply, logprobs, request"
)
_ALL = f"number, {COLUMNS}"
_FROM_1 = (
    "SELECT number, key, role, model, server_model, finish, prompt_tokens, completion_tokens,"
    " NULL AS usd, seconds, 0 AS copied, 0 AS forgotten, error, retryable, status, NULL AS fault,"
    " NULL AS seal, reply, logprobs, request FROM main.calls"
)
SELECT = f"SELECT {_ALL} FROM calls"
INSERT = f"INSERT INTO calls ({COLUMNS}) VALUES ({', '.join('?' * 19)})"

STEPS: Sequence[Callable[[sqlite3.Connection], None]] = (_calls, _money_and_copies)
"""Step *n*, counted from 1, makes version *n* out of the one before."""

VERSION = len(STEPS)

_AS_TODAY: Mapping[int, Sequence[str]] = {
    1: (
        f"CREATE TEMP VIEW calls AS {_FROM_1}",
        "CREATE TEMP VIEW roles AS SELECT '' AS role, '' AS model, '' AS settings WHERE 0",
    ),
}


def migrate(connection: sqlite3.Connection, name: object) -> None:
    """Take the steps that are missing; ``name`` is the log's in a message."""
    for number in range(_version(connection, name) + 1, VERSION + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            STEPS[number - 1](connection)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled it back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def show_as_today(connection: sqlite3.Connection, name: object) -> None:
    """Let a reader see an old log in today's columns; the file is not touched."""
    version = _version(connection, name)
    if version == VERSION:
        return
    connection.execute("PRAGMA temp_store = MEMORY")
    for statement in _AS_TODAY[version]:
        connection.execute(statement)


def _version(connection: sqlite3.Connection, name: object) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StoreError(
            f"{name}: a call log of version {version}; this didact reads up to version {VERSION}."
            " Use the didact that wrote it, or another run directory."
        )
    return version
