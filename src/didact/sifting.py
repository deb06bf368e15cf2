"""Filters one after another on the same examples, each on what those before it kept.

What a filter may be told before it judges: the seeds (``prime``), the test items of the run
(``protect``), the scores of the filters before it (``hear``). One that changes examples before it
judges them (``rewrite``, as where private data is redacted) gives what follows the changed ones;
its verdicts stay under the id of the example as it came in, and name the new one in their evidence.
Two examples that are the same once changed are one: the second is dropped for that reason.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, NamedTuple, cast

from didact.components import name_of, numbered
from didact.context import Context, Filter
from didact.judging import verdicts
from didact.records import Example, Verdict
from didact.scale.shards import Shards

__all__ = ["REWRITTEN", "Judgement", "Sifting", "prepare"]

REWRITTEN = "rewritten_id"
"""In the evidence of a filter that changed an example: the id that it has from then on."""


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
    of: int
    """How many this filter sees."""


class Sifting:
    """Some filters, and what they have kept so far."""

    def __init__(
        self,
        components: Sequence[Filter],
        examples: Sequence[Example],
        *,
        context: Callable[[str], Context],
        seeds: Sequence[Example] = (),
        items: Sequence[Example] = (),
        shards: Shards | None = None,
    ) -> None:
        self.names = numbered([name_of(component) for component in components])
        self.kept: Sequence[Example] = examples
        """What the filters that are done have kept."""
        self._components = components
        self._ids = [example.id for example in examples]
        self._context = context
        self._seeds, self._items = seeds, items
        self._shards = shards
        self._scores: dict[str, dict[str, float | None]] = {}
        self._heard = any(hasattr(component, "hear") for component in components)

    async def judgements(self) -> AsyncGenerator[Judgement, None]:
        """Every verdict, filter by filter; the contexts are asked for as their turn comes."""
        for name, component in zip(self.names, self._components, strict=True):
            prepare(component, seeds=self._seeds, items=self._items, scores=self._scores)
            async with aclosing(self._judged(name, component)) as judged:
                async for judgement in judged:
                    yield judgement

    async def _judged(self, name: str, component: Filter) -> AsyncGenerator[Judgement, None]:
        examples, ids = self._rewritten(component), self._ids
        alike = _alike(self.kept, examples) if examples is not self.kept else {}
        scores = self._scores.setdefault(name, {}) if self._heard else {}
        kept: list[tuple[str, Example]] = []
        ctx = self._context(name)
        found = verdicts(component, ctx, examples, name=name, shards=self._shards)
        async with aclosing(found) as given:
            number = 0
            async for verdict in given:
                example, key, before = examples[number], ids[number], self.kept[number]
                if example is not before:
                    evidence = {**verdict.evidence, REWRITTEN: example.id}
                    verdict = replace(verdict, evidence=evidence)
                if number in alike and verdict.keep:
                    verdict = _same(verdict, alike[number])
                if self._heard:
                    scores[example.id] = verdict.score
                number += 1
                if verdict.keep:
                    kept.append((key, example))
                yield Judgement(name, key, example, verdict, number, len(examples))
        self.kept = [example for _, example in kept]
        self._ids = [key for key, _ in kept]

    def _rewritten(self, component: Filter) -> Sequence[Example]:
        """The examples as the filter leaves them; one left as it is stays the same object."""
        if not hasattr(component, "rewrite"):
            return self.kept
        rewrite = cast("Callable[[Example], Example]", cast("Any", component).rewrite)
        changed: list[Example] = []
        for example in self.kept:
            after = rewrite(example)
            changed.append(after if after.id != example.id else example)
            # A filter that looks for the score of an earlier one looks under the new id.
            if after.id != example.id:
                for scores in self._scores.values():
                    if example.id in scores:
                        scores[after.id] = scores[example.id]
        return changed


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


def _alike(before: Sequence[Example], after: Sequence[Example]) -> dict[int, str]:
    """Place to id, for those that a change made the same as one before them."""
    first: dict[str, str] = {}
    found: dict[int, str] = {}
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if first.setdefault(new.id, old.id) != old.id:
            found[place] = new.id
    return found


def _same(verdict: Verdict, other: str) -> Verdict:
    return Verdict(
        keep=False,
        reason="the same as another once changed",
        score=verdict.score,
        evidence={**verdict.evidence, "nearest_id": other},
    )
