"""The right to write a file, held by one process at a time and known by its process id.

The operating system's own lock (flock), so a killed process leaves none behind; the file beside it
only says who holds it. flock and not fcntl: SQLite holds fcntl locks on the log itself, and closing
any descriptor of a file gives up all the fcntl locks that a process holds on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from didact.errors import StoreError

__all__ = ["Lock"]

_held: set[int] = set()
"""Descriptors of the locks of this process."""


class Lock:
    """Held from the moment it is made until ``release``, or until the process ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock at ``path``; StoreError, naming the process that has it, if there is one.

        OSError where the directory cannot be written.
        """
        descriptor = _take(path)
        _held.add(descriptor)
        self._release = weakref.finalize(self, _give_up, descriptor, path, os.getpid())

    def release(self) -> None:
        """Give it up. Twice is fine."""
        self._release()


def _take(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            who = f" (pid {holder})" if holder else ""
            raise StoreError(
                f"{path.parent}: another process is working on this run{who}; wait for it, or stop"
                " it. Reading the run is always possible."
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        if _there(path, descriptor):
            break
        # The holder before removed the file between our opening and our locking of it.
        os.close(descriptor)
    # On a full disk the lock holds all the same, it only cannot tell by whom.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _give_up(descriptor: int, path: Path, owner: int) -> None:
    if os.getpid() != owner:
        return
    _held.discard(descriptor)
    with contextlib.suppress(OSError):
        os.unlink(path)
    os.close(descriptor)


def _forget() -> None:
    """In a forked child: a worker that outlives the run must not keep it locked."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget)
