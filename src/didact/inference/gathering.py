"""Many waiting tasks, one batch at a time: collects while requests keep arriving, then runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from didact.inference.decoding import Decoded, Job

__all__ = ["Gatherer"]

# Requests that belong together arrive within one turn of the event loop, or a few; a batch starts
# when none has come for this long (seconds). Small against a batch, long against a turn.
_QUIET = 0.004


@dataclass(slots=True, eq=False)
class _Waiting:
    job: Job
    future: asyncio.Future[Decoded]


class Gatherer:
    """Turns single requests into batches for ``run``, which is called in ``executor``."""

    def __init__(
        self, run: Callable[[Sequence[Job]], list[Decoded]], executor: Executor, *, limit: int
    ) -> None:
        self._run = run
        self._executor = executor
        self._limit = limit
        self._waiting: list[_Waiting] = []
        self._arrived = 0.0
        self._drain: asyncio.Task[None] | None = None

    async def submit(self, job: Job) -> Decoded:
        """The job's outcome. A cancelled job leaves its batch at the next token."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(job, loop.create_future())
        self._waiting.append(waiting)
        self._arrived = loop.time()
        if self._drain is None or self._drain.done() or self._drain.get_loop() is not loop:
            self._drain = loop.create_task(self._work())
        try:
            return await waiting.future
        finally:
            job.cancelled = True

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            while len(self._waiting) < self._limit:
                quiet = loop.time() - self._arrived
                if quiet >= _QUIET:
                    break
                await asyncio.sleep(_QUIET - quiet)
            batch = self._take()
            if not batch:
                continue
            try:
                running = loop.run_in_executor(self._executor, self._run, [w.job for w in batch])
                await asyncio.wait([running])
            finally:
                # When this task itself is cancelled, the rows must not go on for nobody.
                for waiting in batch:
                    waiting.job.cancelled = True
            error = running.exception()
            for place, waiting in enumerate(batch):
                if waiting.future.done():
                    continue
                if error is not None:
                    waiting.future.set_exception(error)
                else:
                    waiting.future.set_result(running.result()[place])

    def _take(self) -> list[_Waiting]:
        """The oldest request, in the company of those most like it in length."""
        oldest_first = [w for w in self._waiting if not w.future.done()]
        if not oldest_first:
            self._waiting = []
            return []
        by_length = sorted(oldest_first, key=lambda w: len(w.job.ids))
        start = by_length.index(oldest_first[0]) // self._limit * self._limit
        batch = by_length[start : start + self._limit]
        chosen = set(map(id, batch))
        self._waiting = [w for w in oldest_first if id(w) not in chosen]
        return batch
