"""A local model whose requests are answered by workers, and checks that workers do.

The model looks like the one it stands for: same identity, so same keys in the call log, and a run
may change where its work is done at any time. Requests that arrive together become shards of up to
``rows``, fewer where workers would be at rest, sent as soon as no more arrive. What cannot be named
in JSON (a function as a setting) stays in the driver.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import Any, cast

from didact.capabilities import capabilities_of
from didact.components import name_of, settings_of
from didact.context import Model
from didact.errors import DidactError
from didact.records import JSON, Example, Reply, Request, Verdict
from didact.scale.shards import Shards
from didact.scale.wire import error_of, reply_of, request_json, verdict_of

__all__ = ["Spread", "named", "spread", "verdicts_of"]

_QUIET = 0.004
"""Seconds without a further request before a shard goes that is not full."""
_FEW = 8
"""Rows of a shard that are not shared out further: a model computes so many together almost at the
price of one."""
_WORTH = 3.0
"""How many times what it costs to write examples down a check must cost to be done elsewhere."""


def named(component: object, kind: str) -> Mapping[str, JSON] | None:
    """The component as a worker finds it; None where that cannot be written down."""
    module = sys.modules[type(component).__module__]
    use = name_of(component)
    if use.endswith(".py"):
        use = str(Path(module.__file__ or use).resolve())
    elif not type(component).__module__.startswith("didact."):
        return None
    try:
        settings = json.loads(json.dumps(settings_of(component), default=_path))
    except TypeError:
        return None
    return {"kind": kind, "use": use, "settings": settings}


def _path(value: object) -> str:
    if isinstance(value, Path):
        return str(value.resolve())
    raise TypeError(type(value).__name__)


def spread(model: Model, shards: Shards) -> Model:
    """The model with its requests answered by workers, where it is one that runs anywhere.

    A component says so with ``spreads = True``: it is heavy, keeps nothing between requests, and
    what it answers does not depend on the others asked (but for rounding, where it computes with
    floating point).
    """
    entry = named(model, "models") if getattr(model, "spreads", False) else None
    return Spread(model, entry, shards) if entry is not None else model


class Spread:
    """A model whose requests workers answer."""

    def __init__(self, model: Model, entry: Mapping[str, JSON], shards: Shards) -> None:
        self._model = model
        self._entry = entry
        self._shards = shards
        self._waiting: list[tuple[JSON, asyncio.Future[Any]]] = []
        self._arrived = 0.0
        self._gathering: asyncio.Task[None] | None = None
        self._sent: set[asyncio.Task[None]] = set()
        self.width = 3 * shards.pool.workers * shards.rows
        """Requests that it wants at once."""

    @property
    def identity(self) -> str:
        """That of the model."""
        return self._model.identity

    @property
    def capabilities(self) -> frozenset[str]:
        """Those of the model."""
        return capabilities_of(self._model)

    async def ask(self, request: Request) -> Reply:
        """The reply of a worker, or its ModelError."""
        return reply_of((await self._result(request_json(request)))["reply"])

    async def score(self, prompt: str, completion: str) -> tuple[float, ...]:
        """Natural log-probabilities of the completion's tokens after the prompt."""
        row: dict[str, JSON] = {"prompt": prompt, "completion": completion}
        return tuple((await self._result(row))["score"])

    async def close(self) -> None:
        """Nothing is held here: workers end with their pool."""

    async def _result(self, row: JSON) -> Mapping[str, Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((row, future))
        self._arrived = loop.time()
        if self._gathering is None or self._gathering.done():
            self._gathering = loop.create_task(self._gather())
        found = cast("Mapping[str, Any]", await future)
        if "error" in found:
            raise error_of(found["error"])
        return found

    async def _gather(self) -> None:
        """Cut what waits into shards."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            while len(self._waiting) < self._shards.rows:
                quiet = loop.time() - self._arrived
                if quiet >= _QUIET:
                    break
                await asyncio.sleep(_QUIET - quiet)
            rows = self._fair()
            batch, self._waiting = self._waiting[:rows], self._waiting[rows:]
            task = loop.create_task(self._send(batch))
            self._sent.add(task)
            task.add_done_callback(self._sent.discard)

    def _fair(self) -> int:
        """How many rows make the next shard: what waits is shared out among workers at rest."""
        idle = max(self._shards.pool.workers - len(self._sent), 1)
        share = -(-len(self._waiting) // idle)
        return min(self._shards.rows, max(share, _FEW))

    async def _send(self, batch: Sequence[tuple[JSON, asyncio.Future[Any]]]) -> None:
        wanted = [(row, future) for row, future in batch if not future.done()]
        if not wanted:
            return
        shard = json.dumps({**self._entry, "rows": [row for row, _ in wanted]})
        try:
            results = _rows(await self._shards.one("answer", shard))
            for (_, future), found in zip(wanted, results, strict=True):
                if not future.done():
                    future.set_result(found)
        except BaseException as error:
            for _, future in wanted:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise


async def verdicts_of(
    entry: Mapping[str, JSON],
    examples: Iterable[Example],
    shards: Shards,
    *,
    check: Callable[[Example], Verdict],
) -> AsyncGenerator[Verdict, None]:
    """The verdicts of a filter that checks examples one at a time, in their order.

    What costs less than to send the examples is done here: the first ones tell.
    """
    remaining = iter(examples)
    first = list(islice(remaining, shards.rows))
    begin = time.perf_counter()
    verdicts = [check(example) for example in first]
    checked = time.perf_counter()
    json.dumps([example.to_json() for example in first])
    sent = time.perf_counter() - checked
    for verdict in verdicts:
        yield verdict
    if checked - begin < _WORTH * sent:
        for example in remaining:
            yield check(example)
        return
    cut = (
        json.dumps({**entry, "rows": [example.to_json() for example in part]})
        for part in _parts(remaining, shards.rows)
    )
    async with aclosing(shards.map("check", cut)) as results:
        async for result in results:
            for row in _rows(result):
                yield verdict_of(row)


def _parts(examples: Iterator[Example], rows: int) -> Iterator[list[Example]]:
    while part := list(islice(examples, rows)):
        yield part


def _rows(result: str) -> list[Any]:
    data = json.loads(result)
    if "stop" in data:
        raise DidactError(f"a worker stopped: {data['stop']}")
    return data["rows"]
