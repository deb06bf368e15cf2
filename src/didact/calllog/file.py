"""Opening the file of a call log, and saying what is wrong with it in words to act on."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from didact.calllog.schema import migrate, show_as_today
from didact.errors import StoreError

__all__ = ["guarded", "open_to_read", "open_to_write", "trouble"]

_CACHE_KIB = 16_384
"""Of pages in memory: the keys of some 300,000 calls."""
_CHECKPOINT_PAGES = 4_000
"""Of the WAL, 16 MB, before it is copied into the file: the only moment at which a writer waits for
the disk."""


def open_to_write(path: Path) -> sqlite3.Connection:
    """A log, made where there is none, brought to the present version. Hold its lock."""
    if not path.exists():
        _make(path)
    _not_empty(path)
    with guarded(path):
        # A stage may run in a thread of its own (in a notebook), but only one at a time.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            _check(connection, path)
            migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """A log as it is, whoever writes it at the same time."""
    if not path.exists():
        raise StoreError(f"{path}: there is no call log here")
    _not_empty(path)
    with guarded(path):
        connection = _connect_to_read(path)
        try:
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            _check(connection, path)
            show_as_today(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _make(path: Path) -> None:
    # Made aside and renamed in: a calls.db that is empty or has no table is then always damage,
    # never a kill between two steps of its creation.
    aside = path.with_name(path.name + ".new")
    with guarded(path):
        aside.unlink(missing_ok=True)
        connection = sqlite3.connect(aside, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, path)
        finally:
            connection.close()
        os.replace(aside, path)


def _connect_to_read(path: Path) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # WAL wants to write beside the file; on a read-only disk only `immutable` opens it.
        connection.close()
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size > 0:
            raise StoreError(
                f"{path}: its last calls are still in {wal.name}, which cannot be read where"
                " nothing can be written. Copy the run to where you may write."
            ) from None
        return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return connection


def _not_empty(path: Path) -> None:
    if path.stat().st_size == 0:
        raise StoreError(_damaged(path, "the file is empty"))


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreError(_damaged(path, found))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        raise StoreError(_damaged(path, "it has no version"))


@contextmanager
def guarded(path: Path | None) -> Generator[None, None, None]:
    """Around the use of a log: what SQLite and the disk say becomes a StoreError."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.DatabaseError, zlib.error, OSError) as error:
        raise trouble(path, error) from error


def trouble(path: Path | None, error: Exception) -> StoreError:
    """What happened to the log, and what to do."""
    reason = str(error)
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL" or "No space left" in reason:
        return StoreError(
            f"{path}: the disk is full ({reason}). Every call logged so far is safe: free some"
            " space and run the same command to continue."
        )
    if name in ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_FSYNC"):
        return StoreError(
            f"{path}: the disk takes no more ({reason}): a quota, a limit on the size of files, or"
            " a failing disk. Every call logged so far is safe: make room and run the same command"
            " to continue."
        )
    if (
        isinstance(error, zlib.error)
        or name in ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")
        or "malformed" in reason
        or "not a database" in reason
        or "decode" in reason
    ):
        return StoreError(_damaged(path, reason))
    return StoreError(f"{path}: the call log cannot be used ({reason})")


def _damaged(path: Path | None, reason: str) -> str:
    return (
        f"{path}: the call log is damaged ({reason.strip()}). It was left as it is. Restore it from"
        " a copy, or save what SQLite can read: `sqlite3 calls.db .recover | sqlite3 saved.db`,"
        " then put saved.db in its place; or move it away to make all calls again."
    )
