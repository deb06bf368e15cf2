"""Checks of examples, done by workers where that is worth it: the same verdicts either way."""

from __future__ import annotations

import asyncio

import pytest

from didact.filters.length import Length
from didact.records import Example, Origin, Verdict
from didact.scale import asking
from didact.scale.asking import named, verdicts_of
from didact.scale.shards import Shards
from didact.scale.working import work

EXAMPLES = [
    Example.single("word " * (number % 7), "yes", origin=Origin(recipe="made"))
    for number in range(30)
]


class Counted:
    """A worker of this process."""

    workers = 1

    def __init__(self) -> None:
        self.rows = 0

    async def run(self, kind: str, shard: str) -> str:
        self.rows += shard.count('"messages"')
        return work(kind, shard)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("worth", [0.0, 1e12], ids=["dear", "cheap"])
def test_a_check_that_is_cheaper_than_its_example_is_to_send_stays(
    worth: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_WORTH", worth)
    component = Length(instruction_min=4)
    entry = named(component, "filters")
    assert entry is not None
    pool = Counted()
    shards = Shards(pool, rows=4, tell=lambda event, fields: None)

    async def every() -> list[Verdict]:
        found = verdicts_of(entry, EXAMPLES, shards, check=component.check)
        return [verdict async for verdict in found]

    assert asyncio.run(every()) == [component.check(example) for example in EXAMPLES]
    assert pool.rows == (26 if worth == 0.0 else 0)
