"""How many requests are under way, and who is next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from didact.errors import CredentialsError, ModelError
from didact.http import lane as module
from didact.http.lane import PROBE, Lane
from didact.http.provider import Provider
from didact.http.troubles import Trouble
from didact.http.waits import WAITS

BUSY = Trouble(kind="transient", message="busy", status=429, crowded=True, waiting=True)
DOWN = Trouble(kind="transient", message="down", status=500, dead=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"down_after": 0.0, "pause": 0.03, "longest": 0.2, "quiet": 0.1}.items():
        monkeypatch.setattr(WAITS, name, value)


def run(check: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        await check()

    asyncio.run(within())


def opened(cap: int = 8, patience: float = 10.0) -> Lane:
    return Provider.at("host").lane("m", cap=cap, patience=patience)


async def entered(lane: Lane, count: int) -> list[int]:
    return [await lane.enter() for _ in range(count)]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_no_more_than_the_cap_are_under_way_and_the_rest_come_in_their_order() -> None:
    async def check() -> None:
        lane = opened(cap=2)
        tickets = await entered(lane, 2)
        order: list[int] = []

        async def late(number: int) -> None:
            ticket = await lane.enter(again=number == 9)
            order.append(number)
            lane.leave(ticket, None)

        tasks = [asyncio.create_task(late(number)) for number in (1, 2, 9)]
        await settle()
        assert (lane.flying, lane.waiting, order) == (2, 3, [])
        lane.leave(tickets[0], None)
        await asyncio.gather(*tasks)
        assert order == [9, 1, 2], "who is tried again comes first"

    run(check)


def test_the_width_doubles_every_round_until_the_server_is_full_and_grows_by_one_after() -> None:
    async def check() -> None:
        lane = opened(cap=256)
        assert lane.width == 64

        async def round_of_answers() -> None:
            asking = [asyncio.create_task(lane.enter()) for _ in range(400)]
            await settle()
            for ticket in [t.result() for t in asking if t.done()]:
                lane.leave(ticket, None)
            while lane.flying or lane.waiting:
                await settle()
                for task in asking:
                    if not task.done():
                        task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)
                lane.flying = 0

        await round_of_answers()
        assert lane.width == 128
        await round_of_answers()
        assert lane.width == 256
        tickets = await entered(lane, 100)
        for ticket in tickets:
            lane.leave(ticket, BUSY)
        assert lane.width == 128, "halved once for all that were under way together"
        await round_of_answers()
        assert 128 < lane.width <= 130

    run(check)


def test_one_at_a_time_is_the_least() -> None:
    async def check() -> None:
        lane = opened(cap=4)
        for _ in range(6):
            lane.leave(await lane.enter(), BUSY)
        assert lane.width == 1
        lane.leave(await lane.enter(), None)

    run(check)


def test_a_wait_that_the_server_asks_for_holds_everybody() -> None:
    async def check() -> None:
        lane = opened(cap=4)
        told = Trouble(kind="transient", message="busy", status=429, after=0.08, crowded=True)
        lane.leave(await lane.enter(), told)
        start = asyncio.get_running_loop().time()
        await entered(lane, 2)
        assert asyncio.get_running_loop().time() - start > 0.06

    run(check)


def test_a_wait_beyond_all_patience_ends_the_waiting() -> None:
    async def check() -> None:
        lane = opened(cap=1, patience=1.0)
        ticket = await lane.enter()
        waiting = asyncio.create_task(lane.enter())
        await settle()
        lane.leave(ticket, Trouble(kind="transient", message="busy", status=429, after=5.0))
        with pytest.raises(ModelError, match="beyond the deadline"):
            await waiting
        with pytest.raises(ModelError, match="beyond the deadline"):
            await lane.enter()

    run(check)


def test_a_place_given_to_somebody_who_was_cancelled_goes_to_the_next() -> None:
    async def check() -> None:
        lane = opened(cap=1)
        ticket = await lane.enter()
        first, second = asyncio.create_task(lane.enter()), asyncio.create_task(lane.enter())
        await settle()
        lane.leave(ticket, None)
        first.cancel()
        assert await asyncio.wait_for(second, 1) >= 0
        assert lane.flying == 1
        assert first.cancelled()

    run(check)


def test_after_failures_in_a_row_only_a_probe_is_sent_and_its_answer_opens_the_lane() -> None:
    async def check() -> None:
        lane = opened(cap=8)
        for ticket in await entered(lane, 5):
            lane.leave(ticket, DOWN)
        assert lane.provider.state == "paused"
        waiting = [asyncio.create_task(lane.enter()) for _ in range(3)]
        await asyncio.sleep(0.05)
        done = [task for task in waiting if task.done()]
        assert [task.result() for task in done] == [PROBE]
        lane.leave(PROBE, DOWN)
        assert lane.provider.state == "paused"
        await asyncio.sleep(0.04)
        assert sum(task.done() for task in waiting) == 1, "the pause has doubled"
        await asyncio.sleep(0.06)
        assert sum(task.done() for task in waiting) == 2
        lane.leave(PROBE, None)
        await asyncio.gather(*waiting)
        assert lane.provider.state == "up"

    run(check)


def test_a_probe_that_is_cancelled_is_replaced() -> None:
    async def check() -> None:
        lane = opened(cap=8)
        for ticket in await entered(lane, 5):
            lane.leave(ticket, DOWN)
        await asyncio.sleep(0.05)
        assert await lane.enter() == PROBE
        waiting = asyncio.create_task(lane.enter())
        await settle()
        assert not waiting.done()
        lane.abandon(PROBE)
        assert await asyncio.wait_for(waiting, 1) == PROBE

    run(check)


def test_failures_that_one_answer_interrupts_are_no_outage() -> None:
    async def check() -> None:
        lane = opened(cap=8)
        for _ in range(3):
            for ticket in await entered(lane, 4):
                lane.leave(ticket, DOWN)
            lane.leave(await lane.enter(), None)
        assert lane.provider.state == "up"

    run(check)


def test_a_wrong_key_ends_all_waiting_until_all_have_heard() -> None:
    async def check() -> None:
        lane = opened(cap=1)
        lane.provider.begin()
        await lane.enter()
        waiting = asyncio.create_task(lane.enter())
        await settle()
        lane.deny(CredentialsError("no"))
        with pytest.raises(CredentialsError):
            await waiting
        with pytest.raises(CredentialsError):
            await lane.enter()
        lane.leave(0, BUSY)
        lane.provider.end()
        await lane.enter()

    run(check)


def test_a_silence_is_told_again_at_every_doubling(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        lane = opened(cap=1)
        lane.provider.begin()
        await lane.enter()
        await asyncio.sleep(0.9)
        lane.provider.end()

    run(check)
    told = [record.message for record in caplog.records if "no answer" in record.message]
    assert 3 <= len(told) <= 4
    assert "1 requests under way" in told[0]


def test_nobody_waits_for_longer_than_the_deadline_when_nothing_answers() -> None:
    async def check() -> None:
        lane = opened(cap=1, patience=0.25)
        lane.provider.begin()
        await lane.enter()
        with pytest.raises(ModelError, match="no answer to anything") as caught:
            await asyncio.wait_for(lane.enter(), 2)
        assert caught.value.fault == "down"
        lane.provider.end()

    run(check)


def test_a_free_lane_costs_no_future(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check() -> None:
        lane = opened(cap=8)
        loop: Any = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "create_future", None)
        for ticket in await entered(lane, 8):
            lane.leave(ticket, None)

    run(check)
    assert module.PROBE == -1
