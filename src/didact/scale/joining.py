"""A filter that judges each example by those kept before it, its look-ups done by workers.

Which of two near texts is kept depends on what was kept before both, so verdicts are given here, in
order. What takes time, and does not depend on the order, is to look each text up among all that is
held: that is done by workers, in parts of the pool that do not change any more
(``didact.text.parted``, which tells why it is exact and what memory it needs). Blocks of examples
are asked about ahead; a part that is made meanwhile is asked of each block that did not know it,
before that block is judged. A worker keeps the parts that it was asked last and asks for one that
it lacks, so a shard needs no worker of its own and none is missed when it dies.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from didact.records import JSON, Example, Verdict
from didact.scale.near import HELD
from didact.scale.shards import Shards
from didact.scale.wire import array_json, array_of
from didact.text.parted import Block, Part, Parted, Pooled, gathered

__all__ = ["judged"]

_BLOCK = 1 << 14
"""Examples read and asked about together; more where workers cannot keep all parts."""
_MORE = 4
"""So many times more for each of their memories: what comes and goes is listed anew each time."""
_AHEAD = 3
"""Blocks under way."""
_SLICE = 1 << 12
"""Texts of a shard."""
_AT_ONCE = 1024
"""Examples judged before finished shards are seen to."""
_UNDER_WAY = 2
"""Shards for each worker that are sent and not finished."""


async def judged(
    pool: Pooled, examples: Iterable[Example], shards: Shards
) -> AsyncGenerator[Verdict, None]:
    """The verdicts of a filter at work, those that it gives alone, in the order of the examples."""
    join = _Join(pool.parted(), shards)
    source = iter(examples)
    window: deque[_Asked] = deque()
    number = 0
    try:
        while True:
            while len(window) < _AHEAD and (batch := list(islice(source, join.block))):
                asked = _Asked(number, batch, join.parted.block(pool.texts(batch)))
                number += 1
                join.ask(asked, join.parted.parts)
                window.append(asked)
            if not window:
                return
            asked = window.popleft()
            await asyncio.gather(*asked.answers)
            join.parted.expect(asked.block)
            for some in _parts(asked.batch):
                for verdict in pool.judge(some):
                    yield verdict
                await asyncio.sleep(0)
            parts = join.parted.seal()
            for later in window:
                join.ask(later, parts)
            if join.parted.soon:
                join.warm()
    finally:
        await join.end()


def _parts(batch: Sequence[Example]) -> Iterator[Sequence[Example]]:
    for start in range(0, len(batch), _AT_ONCE):
        yield batch[start : start + _AT_ONCE]


@dataclass(slots=True)
class _Asked:
    """A block that workers are asked about."""

    number: int
    batch: Sequence[Example]
    block: Block
    answers: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])


class _Join:
    """The questions under way: those of earlier blocks first."""

    def __init__(self, parted: Parted, shards: Shards) -> None:
        self.parted = parted
        self._shards = shards
        self._count = 0
        self._queue: asyncio.PriorityQueue[tuple[int, int, Any]] = asyncio.PriorityQueue()
        self._askers = [
            asyncio.ensure_future(self._work()) for _ in range(_UNDER_WAY * shards.pool.workers)
        ]

    def ask(self, asked: _Asked, parts: Sequence[Part]) -> None:
        """Have a block looked up in some parts."""
        block = asked.block
        order = np.argsort(block.sizes, kind="stable")
        for start in range(0, len(order), _SLICE):
            rows = order[start : start + _SLICE]
            sizes = block.sizes[rows]
            wanted = [(part, self.parted.asked(part, sizes)) for part in parts]
            for group in _groups([one for one in wanted if one[1].start < one[1].stop]):
                self._put(asked, rows, group)

    def warm(self) -> None:
        """Have the workers started, once: they will be asked."""
        if self._count:
            return
        nothing = _Asked(0, [], self.parted.block([]))
        for _ in self._askers:
            self._put(nothing, np.empty(0, np.int64), [])

    def _put(
        self, asked: _Asked, rows: NDArray[np.int64], group: Sequence[tuple[Part, slice]]
    ) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # What is wrong is told once, by the first block that waits for it.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        asked.answers.append(answer)
        self._count += 1
        self._queue.put_nowait((asked.number, self._count, (answer, asked.block, rows, group)))

    @property
    def block(self) -> int:
        """How many examples to ask about together."""
        memories = sum(len(part.places) for part in self.parted.parts) // HELD
        return _BLOCK * (1 + _MORE * memories)

    async def end(self) -> None:
        """Stop asking."""
        for asker in self._askers:
            asker.cancel()
        await asyncio.gather(*self._askers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            answer, block, rows, group = (await self._queue.get())[2]
            try:
                await self._look_up(block, rows, group)
                answer.set_result(None)
            except Exception as error:
                answer.set_exception(error)

    async def _look_up(
        self, block: Block, rows: NDArray[np.int64], group: Sequence[tuple[Part, slice]]
    ) -> None:
        texts = gathered(block.texts, rows)
        parts: list[dict[str, JSON]] = [
            {"key": part.key, "from": some.start, "to": some.stop} for part, some in group
        ]
        ids, ends = array_json(texts.ids), array_json(texts.ends)
        shard: dict[str, Any] = {"rule": self.parted.rule, "ids": ids, "ends": ends}
        while True:
            found = json.loads(await self._shards.one("near", json.dumps(shard | {"parts": parts})))
            if "wanted" not in found:
                break
            for told, (part, _) in zip(parts, group, strict=True):
                if part.key in found["wanted"]:
                    told["texts"] = [array_json(part.texts.ids), array_json(part.texts.ends)]
        for (part, _), near in zip(group, found["rows"], strict=True):
            places = part.places[array_of(near["found"], np.int64)]
            scores = array_of(near["scores"], np.float64)
            block.hear(rows[array_of(near["rows"], np.int64)], places, scores)


def _groups(parts: Sequence[tuple[Part, slice]]) -> Iterator[list[tuple[Part, slice]]]:
    """Parts that a worker can hold at once."""
    group: list[tuple[Part, slice]] = []
    texts = 0
    for part, some in parts:
        if group and texts + len(part.places) > HELD:
            yield group
            group, texts = [], 0
        group.append((part, some))
        texts += len(part.places)
    if group:
        yield group
