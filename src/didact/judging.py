"""Verdicts of one filter on examples: of a plain one, or of one that asks models.

A filter that asks has ``async def check(self, ctx, example)``, asked for many examples at once, or
``async def sift(self, ctx, examples)``, an async generator. Verdicts come in the order of the
examples either way. An example whose check came to nothing (no reply, or none that could be read)
is dropped as `unscored` and counted among the failures: it is never given the worst score.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, cast

from didact.context import AskingChecker, AskingSifter, Checker, Context, Filter, Sifter
from didact.errors import DidactError, ModelError, ParseError
from didact.records import Example, Verdict
from didact.scale.asking import named, verdicts_of
from didact.scale.joining import judged
from didact.scale.shards import Shards
from didact.text.parted import Pooled

__all__ = ["UNSCORED", "asks", "plain", "verdicts", "waits"]

UNSCORED = "unscored"
"""The reason of a drop for want of an answer."""


def asks(component: Filter) -> bool:
    """Whether a filter takes ``ctx``, to ask models."""
    return inspect.iscoroutinefunction(
        getattr(component, "check", None)
    ) or inspect.isasyncgenfunction(getattr(component, "sift", None))


def waits(component: Filter, shards: Shards | None = None) -> bool:
    """Whether its verdicts are waited for: those of models, or of workers in its place."""
    return asks(component) or _shared(component, (), shards) is not None


def plain(component: Filter, examples: Iterable[Example]) -> Iterator[Verdict]:
    """What a filter that asks nobody says, as it reads on."""
    if hasattr(component, "check"):
        return map(cast("Checker", component).check, examples)
    return cast("Sifter", component).sift(iter(examples))


async def verdicts(
    component: Filter,
    ctx: Context,
    examples: Sequence[Example],
    *,
    name: str,
    shards: Shards | None = None,
) -> AsyncGenerator[Verdict, None]:
    """One verdict per example, in order; DidactError where the filter breaks its promise.

    With ``shards``, examples that are checked one at a time without a model go to workers, and so
    does the looking up of a filter that holds each against those kept before it.
    """
    count = 0
    checked = _shared(component, examples, shards) or _given(component, ctx, examples)
    async with aclosing(checked) as given:
        async for verdict in given:
            if count == len(examples):
                count += 1
                break
            if not verdict.keep and not verdict.reason:
                raise DidactError(f"filter {name}: dropped {examples[count].id} without a reason")
            count += 1
            yield verdict
    if count != len(examples):
        raise DidactError(f"filter {name}: not one verdict for each of {len(examples)} examples")


def _shared(
    component: Filter, examples: Sequence[Example], shards: Shards | None
) -> AsyncGenerator[Verdict, None] | None:
    """The verdicts with the work done by workers; None where they cannot do any of it."""
    if shards is None:
        return None
    if hasattr(component, "pool"):
        pool = cast("Pooled | None", cast("Any", component).pool())
        return judged(pool, examples, shards) if pool is not None else None
    # One that was told something before is another one than a worker would find.
    told = any(hasattr(component, hook) for hook in ("prime", "protect", "hear"))
    if told or asks(component) or not hasattr(component, "check"):
        return None
    entry = named(component, "filters")
    check = cast("Checker", component).check
    return verdicts_of(entry, examples, shards, check=check) if entry is not None else None


async def _given(
    component: Filter, ctx: Context, examples: Sequence[Example]
) -> AsyncGenerator[Verdict, None]:
    if not asks(component):
        for verdict in plain(component, examples):
            yield verdict
        return
    if hasattr(component, "check"):
        stream = _checked(cast("AskingChecker", component), ctx, examples)
    else:
        stream = cast("AskingSifter", component).sift(ctx, examples)
    try:
        async for verdict in stream:
            yield verdict
    finally:
        if isinstance(stream, AsyncGenerator):
            await cast("AsyncGenerator[Verdict, None]", stream).aclose()


async def _checked(
    component: AskingChecker, ctx: Context, examples: Sequence[Example]
) -> AsyncIterator[Verdict]:
    async def check(example: Example) -> tuple[Example, Verdict | ModelError | ParseError]:
        try:
            return example, await component.check(ctx, example)
        except (ModelError, ParseError) as error:
            return example, error

    async with aclosing(ctx.map(check, examples)) as results:
        async for example, outcome in results:
            if isinstance(outcome, Verdict):
                yield outcome
                continue
            # Here and not in `check`, so that failures are counted in the order of the examples.
            ctx.fail(example, outcome)
            yield Verdict(keep=False, reason=UNSCORED, evidence={"error": str(outcome)[:500]})
