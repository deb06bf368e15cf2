"""The clock that ends attempts which take too long."""

from __future__ import annotations

import asyncio
import time

import pytest

from didact.http.overdue import Overdue


def test_what_takes_too_long_ends_in_time_and_the_task_lives_on() -> None:
    async def check() -> None:
        clock = Overdue(0.1)
        start = time.monotonic()
        with pytest.raises(TimeoutError), clock.within(0.1):
            await asyncio.sleep(5)
        assert 0.09 < time.monotonic() - start < 1
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        with clock.within(5):
            await asyncio.sleep(0.01)

    asyncio.run(check())


def test_many_are_ended_each_at_its_own_time() -> None:
    async def check() -> None:
        clock = Overdue(0.05)

        async def work(limit: float, takes: float) -> str:
            try:
                with clock.within(limit):
                    await asyncio.sleep(takes)
            except TimeoutError:
                return "late"
            return "done"

        works = [work(0.05, 3), work(2, 0.1), work(0.15, 3), work(2, 0)]
        start = time.monotonic()
        assert await asyncio.gather(*works) == ["late", "done", "late", "done"]
        assert time.monotonic() - start < 1

    asyncio.run(check())


def test_a_cancellation_from_outside_stays_one() -> None:
    async def check() -> None:
        clock = Overdue(0.05)

        async def work(limit: float) -> None:
            with clock.within(limit):
                await asyncio.sleep(5)

        task = asyncio.create_task(work(5))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        both = asyncio.create_task(work(0.03))
        await asyncio.sleep(0.02)
        time.sleep(0.05)  # it is overdue by now, and cancelled before the clock can look
        both.cancel()
        with pytest.raises(asyncio.CancelledError):
            await both

    asyncio.run(check())
