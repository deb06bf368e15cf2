"""Shards of work handed to workers: sent, watched, sent again when a worker is lost.

A worker is whatever takes a shard (a JSON text) and gives another text back. What a shard holds
follows from the work alone, never from how many workers there are; results come back whole or not
at all. A shard whose worker died is sent again, up to ``_LIVES`` times, since a shard may be what
kills it. One that takes much longer than the others is told of. Cost: one message each way a shard.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypeAlias

from didact.errors import DidactError
from didact.records import JSON

__all__ = ["Lost", "Pool", "Shards", "Tell"]

Tell: TypeAlias = Callable[[str, Mapping[str, JSON]], None]

_LIVES = 5
"""How many workers one shard may cost."""
_SLOW = 5.0
"""A shard is slow when it takes this many times the median, and ..."""
_LEAST = 30.0
"""... at least so many seconds."""
_SAID = 1.0
"""Seconds in which losses are told as one."""

_log = logging.getLogger("didact")


class Lost(Exception):
    """The worker of a shard is gone; the shard was not finished."""


class Pool(Protocol):
    """Workers. Every one has every kind of work at hand (``didact.scale.working``)."""

    workers: int

    async def run(self, work: str, shard: str) -> str:
        """The result of one shard; Lost where its worker is gone."""
        ...

    def close(self) -> None:
        """Let go of the workers."""
        ...


class Shards:
    """The shards of one stage on a pool."""

    def __init__(self, pool: Pool, *, rows: int, tell: Tell) -> None:
        self.pool = pool
        self.rows = rows
        """How many rows a shard holds at most."""
        self._tell = tell
        self._seconds: deque[float] = deque(maxlen=200)
        self._running: dict[int, float] = {}
        self._number = 0
        self._done = 0
        self._lost = 0
        self._said = -_SAID

    async def map(
        self, work: str, shards: Iterable[str], *, ahead: int = 3
    ) -> AsyncGenerator[str, None]:
        """Results in the order of the shards; ``ahead`` times the workers are under way at once."""
        source = iter(shards)
        window: deque[asyncio.Task[str]] = deque()
        try:
            while True:
                while len(window) < ahead * self.pool.workers:
                    shard = next(source, None)
                    if shard is None:
                        break
                    window.append(asyncio.ensure_future(self.one(work, shard)))
                if not window:
                    return
                result = await window[0]
                window.popleft()
                yield result
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)

    async def one(self, work: str, shard: str) -> str:
        """The result of one shard, however many workers it takes."""
        self._number += 1
        number = self._number
        for life in range(1, _LIVES + 1):
            begin = self._running[number] = time.monotonic()
            try:
                result = await self._watched(self.pool.run(work, shard), number)
            except Lost as lost:
                self._lost += 1
                self._say("lost", number, f"its worker is gone ({lost}); sent again", life)
                continue
            finally:
                del self._running[number]
            self._seconds.append(time.monotonic() - begin)
            self._done += 1
            sent, lost = self._number, self._lost
            self._tell("shards", {"finished": self._done, "sent": sent, "lost": lost})
            return result
        raise DidactError(
            f"a shard of work ({work}) cost {_LIVES} workers: it is what kills them, most likely by"
            " its memory. A smaller scale.rows makes smaller shards. What was finished is in the"
            " call log: run the same command to continue"
        )

    async def _watched(self, running: Awaitable[str], number: int) -> str:
        task = asyncio.ensure_future(running)
        patience = _LEAST
        try:
            while True:
                done, _ = await asyncio.wait([task], timeout=patience)
                if done:
                    return task.result()
                took = time.monotonic() - self._running[number]
                # The first ones of a worker wait for its model.
                usual = statistics.median(self._seconds) if self._seconds else 2 * _LEAST
                if took > max(_LEAST, _SLOW * usual):
                    others = f"usual are {usual:.1f} s" if self._seconds else "none is done yet"
                    self._say("slow", number, f"under way for {took:.0f} s, {others}", 1)
                    patience = took
        finally:
            if not task.done():
                task.cancel()

    def _say(self, state: str, number: int, message: str, life: int) -> None:
        told: dict[str, JSON] = {"state": state, "shard": number, "message": message, "life": life}
        self._tell("scale", told)
        # One lost process takes all shards of its pool with it: the first of them says so.
        now = time.monotonic()
        if state != "lost" or now - self._said > _SAID:
            self._said = now
            _log.warning("scale: shard %d: %s", number, message)
