"""Workers that are processes of this machine.

Each is started afresh (a copy of this process would copy its threads' locks) and does one shard
after the other. When one dies, the pool that it was of is broken for all: what was under way there
is lost and sent again to a new pool. So no more is under way than keeps the processes at work: what
waits here is not lost. Cost: some seconds and the memory of a process per worker.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from didact.scale.shards import Lost
from didact.scale.working import work as run_shard

__all__ = ["LocalPool"]


class LocalPool:
    """So many processes."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._room = asyncio.Semaphore(2 * workers)

    async def run(self, work: str, shard: str) -> str:
        """The result of one shard."""
        async with self._room:
            return await self._run(work, shard)

    async def _run(self, work: str, shard: str) -> str:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=context, initializer=_begin, initargs=(self.workers,)
            )
        pool = self._pool
        try:
            return await asyncio.wrap_future(pool.submit(run_shard, work, shard))
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = None
                pool.shutdown(wait=False, cancel_futures=True)
            raise Lost("a process ended") from error

    def close(self) -> None:
        """End the processes; what is under way ends with them."""
        if self._pool is not None:
            for process in list((self._pool._processes or {}).values()):  # pyright: ignore
                process.terminate()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _begin(workers: int) -> None:
    """What a process does first."""
    import signal

    # Ctrl-C is for the driver, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Threads of all processes on all cores would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
