"""Requests that wait at the same time, taken together: the part that every local scorer shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Crowd"]

Asked = TypeVar("Asked")
Found = TypeVar("Found")

# Requests that belong together arrive within one turn of the event loop, or a few.
_QUIET = 0.004

# Taken at one time: enough to find texts alike, few enough to take care of results meanwhile.
_TOGETHER = 512


class _Waiting(NamedTuple, Generic[Asked, Found]):
    asked: Asked
    future: asyncio.Future[Found]


class Crowd(Generic[Asked, Found]):
    """Gives what waits to ``run``, which is called in ``executor`` with many at a time."""

    def __init__(self, run: Callable[[Sequence[Asked]], list[Found]], executor: Executor) -> None:
        self._run = run
        self._executor = executor
        self._waiting: list[_Waiting[Asked, Found]] = []
        self._arrived = 0.0
        self._drain: asyncio.Task[None] | None = None

    async def submit(self, asked: Asked) -> Found:
        """What became of it."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting[Asked, Found](asked, loop.create_future())
        self._waiting.append(waiting)
        self._arrived = loop.time()
        if self._drain is None or self._drain.done() or self._drain.get_loop() is not loop:
            self._drain = loop.create_task(self._work())
        return await waiting.future

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            while len(self._waiting) < _TOGETHER:
                quiet = loop.time() - self._arrived
                if quiet >= _QUIET:
                    break
                await asyncio.sleep(_QUIET - quiet)
            batch = [one for one in self._waiting[:_TOGETHER] if not one.future.done()]
            del self._waiting[:_TOGETHER]
            if not batch:
                continue
            asked = [one.asked for one in batch]
            running = loop.run_in_executor(self._executor, self._run, asked)
            await asyncio.wait([running])
            error = running.exception()
            for number, waiting in enumerate(batch):
                if waiting.future.done():
                    continue
                if error is not None:
                    waiting.future.set_exception(error)
                else:
                    waiting.future.set_result(running.result()[number])
