"""Filters one after another, each on what those before it kept: examples stream through all.

A filter that asks nobody judges while it reads, so examples go from one such filter to the next as
they are kept, a few at a time. What a filter has read and not judged waits, in memory while it is
little and on the disk beyond (``spool``): a selection that must have seen all examples before its
first verdict holds what it computes of them, not the examples. A filter whose verdicts come from
models or workers is given all that came through the filters before it, in the same way.

What a filter may be told before it judges: the seeds (``prime``), the test items of the run
(``protect``), the scores of the filters before it (``hear``). One that changes examples before it
judges them (``rewrite``, as where private data is redacted) gives what follows the changed ones;
its verdicts stay under the id of the example as it came in, and name the new one in their evidence.
Two examples that are the same once changed are one: the second is dropped for that reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

from didact.components import name_of, numbered
from didact.context import Context, Filter
from didact.digests import Digests, Scores
from didact.errors import DidactError
from didact.judging import plain, verdicts, waits
from didact.records import Example, Verdict
from didact.scale.shards import Shards
from didact.spool import Examples, Spool
from didact.tables import Waiting

__all__ = ["REWRITTEN", "Hear", "Judgement", "Sifting", "prepare"]

REWRITTEN = "rewritten_id"
"""In the evidence of a filter that changed an example: the id that it has from then on."""

_TURN = 1024
"""Examples after which whoever waits in this process gets a turn: Ctrl-C, for one."""


class Judgement(NamedTuple):
    """What one filter says of one example."""

    filter: str
    """Its name; of the second of two alike ``name-2``."""
    id: str
    """Of the example as it came in, before any filter changed it."""
    example: Example
    """As it was judged."""
    verdict: Verdict
    number: int
    """The how many-th of this filter, from 1."""
    of: int | None
    """How many this filter sees; None where they are still coming."""


Hear: TypeAlias = Callable[[Judgement], None]
"""Told every judgement: those of one filter in order, those of several as they come."""


class Sifting:
    """Some filters, for one stream of examples."""

    def __init__(
        self,
        components: Sequence[Filter],
        *,
        folder: Path,
        hear: Hear,
        context: Callable[[str], Context] = lambda _: Context({}),
        seeds: Sequence[Example] = (),
        items: Sequence[Example] = (),
        shards: Shards | None = None,
    ) -> None:
        self.names = numbered([name_of(component) for component in components])
        self._components = components
        self._folder = folder
        """Where examples wait that are too many for memory."""
        self._hear = hear
        self._context = context
        self._seeds, self._items = seeds, items
        self._shards = shards
        heard = any(hasattr(component, "hear") for component in components)
        self._scores = {name: Scores() for name in self.names} if heard else {}

    def stream(self, examples: Iterable[Example]) -> Iterator[Example]:
        """What every filter keeps, as it comes; for filters that ask nobody."""
        rows, of = _rows(examples), _length(examples)
        for number in range(len(self.names)):
            rows, of = self._passed(number, rows, of), None
        return (row.example for row in rows)

    async def kept(self, examples: Iterable[Example]) -> AsyncGenerator[Example, None]:
        """What every filter keeps; the contexts are asked for as their turn comes."""
        rows, of = _rows(examples), _length(examples)
        for number, component in enumerate(self._components):
            if waits(component, self._shards):
                kept = await self._awaited(number, rows)
                rows, of = kept.taken(), len(kept)
            else:
                rows, of = self._passed(number, rows, of), None
        for count, row in enumerate(rows):
            if count % _TURN == 0:
                await asyncio.sleep(0)
            yield row.example

    def _passed(self, number: int, rows: Iterator[Waiting], of: int | None) -> Iterator[Waiting]:
        """What a filter keeps of what comes; it reads on when the next is asked for."""
        name, component = self._prepared(number)
        waiting = Spool(self._folder / str(number))

        def shown() -> Iterator[Example]:
            for row in self._rewritten(component, rows):
                waiting.add(row)
                yield row.example

        count = 0
        for verdict in plain(component, shown()):
            try:
                row, count = waiting.take(), count + 1
            except IndexError:
                raise _uneven(name, count) from None
            if self._judged(name, row, verdict, count, of):
                yield Waiting(row.key, row.example)
        if waiting or next(rows, None) is not None:
            raise _uneven(name, count)

    async def _awaited(self, number: int, rows: Iterator[Waiting]) -> Spool:
        """What a filter keeps whose verdicts are waited for."""
        name, component = self._prepared(number)
        given, kept = (Spool(self._folder / f"{number}-{part}") for part in ("given", "kept"))
        for count, row in enumerate(self._rewritten(component, rows)):
            if count % _TURN == 0:
                await asyncio.sleep(0)
            given.add(row)
        examples, following, count = Examples(given), iter(given), 0
        found = verdicts(component, self._context(name), examples, name=name, shards=self._shards)
        async with aclosing(found) as judged:
            async for verdict in judged:
                row, count = next(following), count + 1
                if self._judged(name, row, verdict, count, len(given)):
                    kept.add(Waiting(row.key, row.example))
        return kept

    def _prepared(self, number: int) -> tuple[str, Filter]:
        name, component = self.names[number], self._components[number]
        scores = {earlier: self._scores[earlier] for earlier in self.names[:number] if self._scores}
        prepare(component, seeds=self._seeds, items=self._items, scores=scores)
        return name, component

    def _judged(
        self, name: str, row: Waiting, verdict: Verdict, count: int, of: int | None
    ) -> bool:
        """Tell of a verdict; whether the example is kept."""
        if not verdict.keep and not verdict.reason:
            raise DidactError(f"filter {name}: dropped {row.example.id} without a reason")
        if row.changed:
            verdict = replace(verdict, evidence={**verdict.evidence, REWRITTEN: row.example.id})
        if row.alike and verdict.keep:
            verdict = _same(verdict, row.alike)
        if self._scores:
            self._scores[name].put(row.example.id, verdict.score)
        self._hear(Judgement(name, row.key, row.example, verdict, count, of))
        return verdict.keep

    def _rewritten(self, component: Filter, rows: Iterator[Waiting]) -> Iterator[Waiting]:
        """The examples as the filter leaves them; one left as it is stays the same object."""
        if not hasattr(component, "rewrite"):
            yield from rows
            return
        rewrite = cast("Callable[[Example], Example]", cast("Any", component).rewrite)
        places, first = Digests(), bytearray()
        for key, before, *_ in rows:
            after = rewrite(before)
            new, old = bytes.fromhex(after.id), bytes.fromhex(before.id)
            place = 16 * places.add(new)
            if place == len(first):
                first += old
            alike = after.id if not first.startswith(old, place) else ""
            if new == old:
                yield Waiting(key, before, changed=False, alike=alike)
                continue
            # A filter that looks for the score of an earlier one looks under the new id.
            for scores in self._scores.values():
                if before.id in scores:
                    scores.put(after.id, scores[before.id])
            yield Waiting(key, after, changed=True, alike=alike)


def prepare(
    component: Filter,
    *,
    seeds: Sequence[Example] = (),
    items: Sequence[Example] = (),
    scores: Mapping[str, Mapping[str, float | None]] | None = None,
) -> None:
    """Tell a filter what it wants to know before it judges."""
    hooks = cast("Any", component)
    if hasattr(component, "prime"):
        hooks.prime(seeds)
    if hasattr(component, "protect"):
        hooks.protect(items)
    if hasattr(component, "hear"):
        hooks.hear(scores or {})


def _rows(examples: Iterable[Example]) -> Iterator[Waiting]:
    return (Waiting(example.id, example) for example in examples)


def _length(examples: Iterable[Example]) -> int | None:
    return len(examples) if isinstance(examples, Sized) else None


def _uneven(name: str, count: int) -> DidactError:
    return DidactError(f"filter {name}: not one verdict for each example (it gave {count})")


def _same(verdict: Verdict, other: str) -> Verdict:
    return Verdict(
        keep=False,
        reason="the same as another once changed",
        score=verdict.score,
        evidence={**verdict.evidence, "nearest_id": other},
    )
