"""Shards: in order, sent again when a worker is lost, given up when they kill every worker."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from didact.errors import DidactError
from didact.scale import shards as module
from didact.scale.shards import Lost, Shards


class Toy:
    """Workers that finish in an order of their own and die when told."""

    def __init__(self, workers: int, dies: dict[str, int] | None = None) -> None:
        self.workers = workers
        self.dies = Counter(dies or {})
        self.running = self.most = 0
        self.asked: list[str] = []

    async def run(self, work: str, shard: str) -> str:
        self.asked.append(shard)
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(3 if int(shard) % 2 else 1):
            await asyncio.sleep(0)
        self.running -= 1
        if self.dies[shard]:
            self.dies[shard] -= 1
            raise Lost("gone")
        return f"{work} {shard}"

    def close(self) -> None:
        pass


def mapped(pool: Toy, count: int, told: list[tuple[str, Any]]) -> list[str]:
    shards = Shards(pool, rows=4, tell=lambda event, fields: told.append((event, fields)))

    async def everything() -> list[str]:
        return [result async for result in shards.map("add", map(str, range(count)), ahead=2)]

    return asyncio.run(everything())


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_come_in_the_order_of_the_shards_and_no_more_are_under_way(workers: int) -> None:
    pool = Toy(workers)
    assert mapped(pool, 20, []) == [f"add {number}" for number in range(20)]
    assert pool.most <= 2 * workers


def test_what_a_lost_worker_had_is_sent_again_and_told() -> None:
    told: list[tuple[str, Any]] = []
    pool = Toy(2, {"3": 2, "7": 1})
    assert mapped(pool, 10, told) == [f"add {number}" for number in range(10)]
    assert Counter(pool.asked)["3"] == 3
    lost = [fields for event, fields in told if event == "scale"]
    assert [fields["state"] for fields in lost] == ["lost"] * 3
    assert told[-1] == ("shards", {"finished": 10, "sent": 10, "lost": 3})


def test_a_shard_that_kills_every_worker_is_given_up_with_advice() -> None:
    with pytest.raises(DidactError, match=r"cost 5 workers.*scale\.rows"):
        mapped(Toy(2, {"1": 99}), 4, [])


def test_a_shard_that_takes_much_longer_than_the_others_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_LEAST", 0.05)
    told: list[tuple[str, Any]] = []
    shards = Shards(Toy(1), rows=4, tell=lambda event, fields: told.append((event, fields)))

    async def until_told() -> None:
        slow = asyncio.Event()
        shards.pool.run = lambda work, shard: slow.wait()  # type: ignore[method-assign]
        task = asyncio.create_task(shards.one("add", "1"))
        while not told:
            await asyncio.sleep(0.01)
        slow.set()
        await task

    asyncio.run(asyncio.wait_for(until_told(), 60))
    assert told[0][1]["state"] == "slow"
    assert "under way" in told[0][1]["message"]
