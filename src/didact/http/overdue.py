"""One clock for all attempts that are under way, instead of a timer for each.

A timer per attempt costs more than a tenth of sending it: asyncio keeps timers in a heap that it
compares in Python, and nearly all are cancelled. Here an attempt writes down when it is overdue,
and one timer looks through them. What is overdue is cancelled from within, as ``asyncio.timeout``
does it, and a cancellation from outside stays one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["Overdue"]

_GRAIN = 0.02
"""The clock looks this often, as a part of the shortest limit, so that it is late by no more."""


class Overdue:
    """Ends attempts that take too long; one for each event loop."""

    def __init__(self, shortest: float) -> None:
        self._every = min(1.0, max(0.01, shortest * _GRAIN))
        self._ends: dict[asyncio.Task[object], float] = {}
        self._over: set[asyncio.Task[object]] = set()
        self._ticking = False

    @contextmanager
    def within(self, seconds: float) -> Generator[None, None, None]:
        """Raises TimeoutError once the block has taken longer; at most one at a time in a task."""
        task = asyncio.current_task()
        assert task is not None
        self._ends[task] = time.monotonic() + seconds
        if not self._ticking:
            self._ticking = True
            self._tick()
        try:
            yield
        except asyncio.CancelledError:
            # More cancellations than ours: somebody outside wants the task to end.
            if task in self._over and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            self._ends.pop(task, None)
            self._over.discard(task)

    def _tick(self) -> None:
        if not self._ends:
            self._ticking = False
            return
        now = time.monotonic()
        for task in [task for task, end in self._ends.items() if end <= now]:
            del self._ends[task]
            self._over.add(task)
            task.cancel()
        asyncio.get_running_loop().call_later(self._every, self._tick)
