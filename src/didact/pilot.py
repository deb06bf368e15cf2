"""A pilot: the first calls of the real recipe, made into the run's own call log and projected.

Nothing is wasted: the whole run replays them. Each projection is the mean over the pilot's calls
with a percentile bootstrap interval over those calls (2,000 resamples, 95 %, moved out for few). A
recipe that counts its own calls is projected step by step: the interval then spans its arithmetic,
too, and a step that the pilot did not reach keeps its arithmetic. Any other: by what examples cost
where it is known how many are wanted. Twenty calls are few: read the interval, not the mean.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from didact.calls import Call
from didact.components import name_of
from didact.config import RunConfig
from didact.context import Listener, Recipe
from didact.errors import BudgetError, ConfigError
from didact.estimate import Estimate, Sample, Span, Step
from didact.forecast import between, estimate_of
from didact.records import JSON, Example
from didact.resolve import seeds
from didact.stats.student import expanded_tail
from didact.work import Work, opened, run_async

__all__ = ["CALLS", "Projection", "pilot"]

CALLS = 20
"""Calls of a pilot, for each recipe."""

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What a recipe will ask, as its first calls say."""

    part: str
    sampled: int
    """Calls of the pilot, made or replayed."""
    made: int
    """Calls made now; the others were in the log."""
    failed: int
    examples: int
    """Examples that came of them."""
    finished: bool
    """Whether the recipe came to its end within the pilot."""
    calls: Span | None
    tokens: Span | None
    usd: Span | None
    """None where a price is not known, or there is nothing to project by."""
    note: str = ""
    error: str = ""
    """Of the first call that failed."""

    def __str__(self) -> str:
        """One line."""
        failed = f"{self.failed} failed" + (f", the first: {self.error}" if self.error else "")
        told = (
            f"generate/{self.part}: {self.sampled} calls ({self.made} made now; {failed})"
            f" gave {self.examples} examples"
        )
        if self.calls is None or self.tokens is None:
            return f"{told}; {self.note}"
        cost = "cost not known" if self.usd is None else between(self.usd)
        note = f" ({self.note})" if self.note else ""
        return f"{told}; in all {self.calls} calls, {self.tokens} tokens, {cost}{note}"

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        spans = {"calls": self.calls, "tokens": self.tokens, "usd": self.usd}
        return {
            "part": self.part,
            "sampled": self.sampled,
            "made": self.made,
            "failed": self.failed,
            "examples": self.examples,
            "finished": self.finished,
            **{name: list(span) if span else None for name, span in spans.items()},
            "note": self.note,
            "error": self.error,
        }


def pilot(
    config: RunConfig, where: Path, *, calls: int = CALLS, on_event: Listener | None = None
) -> list[Projection]:
    """Make the first calls of every recipe of a run, and project the rest.

    ConfigError for a model behind a batch API: a pilot would wait for it up to a day.
    """
    for role, model in config.models.items():
        if getattr(model, "half_price", False):
            raise ConfigError(
                f"models.{role}: a batch API may take a day to answer a pilot. Say use: openai (or"
                " anthropic) for the pilot, its calls are the same and the run reuses them; or"
                " leave --pilot out"
            )
    with opened(config, where) as run:
        work = Work("generate", config, run, on_event=on_event, retry=False)
        return run_async(lambda: _pilots(work, calls))


async def _pilots(work: Work, calls: int) -> list[Projection]:
    found: list[Projection] = []
    try:
        for entry in work.config.generate:
            if not hasattr(entry.use, "read"):
                recipe, given = cast("Recipe", entry.use), seeds(entry)
                found.append(await _pilot(work, recipe, given, calls=calls, cap=entry.cap))
    finally:
        await work.close()
    return found


async def _pilot(
    work: Work, recipe: Recipe, given: Sequence[Example], *, calls: int, cap: int | None
) -> Projection:
    sample = Sample(calls)
    ctx = work.context(name_of(recipe), sample=sample)
    smaller = getattr(recipe, "pilot", None)
    small = cast("Recipe", smaller()) if smaller is not None else recipe
    examples: list[Example] = []
    finished = small == recipe
    stream = small.run(ctx, given)
    try:
        async with aclosing(cast("AsyncGenerator[Example, None]", stream)) as made:
            async for example in made:
                examples.append(example)
                if len(examples) == cap:
                    break
    except BudgetError:
        # Of the pilot, or of the run: either way what there is, is what there is.
        finished = False
    prices = {role: work.config.prices.of(model) for role, model in work.models.items()}
    projected = _project(
        sample.calls,
        examples,
        estimate=estimate_of(recipe, given),
        finished=finished,
        wanted=cap if cap is not None else getattr(recipe, "target", None),
        arithmetic=lambda step: step.usd(prices.get(step.role)),
    )
    return Projection(
        part=name_of(recipe),
        sampled=len(sample.calls),
        made=ctx.tally.made,
        failed=ctx.tally.failed,
        examples=len(examples),
        finished=finished,
        calls=projected.calls,
        tokens=projected.tokens,
        usd=projected.usd,
        note=projected.note,
        error=next((call.error for call in sample.calls if call.reply is None), ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Projected:
    calls: Span | None = None
    tokens: Span | None = None
    usd: Span | None = None
    note: str = ""


def _project(
    calls: Sequence[Call],
    examples: Sequence[Example],
    *,
    estimate: Estimate | None,
    finished: bool,
    wanted: object,
    arithmetic: Callable[[Step], Span | None],
) -> _Projected:
    costs = _costs(calls)
    if finished:
        total = costs.sum(axis=0)
        return _spans(np.stack([total, total]), note="the pilot was the whole of it")
    if not calls:
        return _Projected(note="not one call was made")
    if estimate is not None:
        return _by_steps(estimate, calls, costs, arithmetic=arithmetic)
    if not isinstance(wanted, int):
        return _Projected(note="how many examples are wanted is not known: set a cap")
    return _by_examples(calls, costs, examples, wanted=wanted)


def _by_steps(
    estimate: Estimate,
    calls: Sequence[Call],
    costs: NDArray[np.float64],
    *,
    arithmetic: Callable[[Step], Span | None],
) -> _Projected:
    total = np.zeros((2, 3))
    missed: list[str] = []
    for step in estimate.steps:
        bounds = np.array(step.calls)
        mine = [
            call.role == step.role and call.request.sampling.max_tokens in step.max_tokens
            for call in calls
        ]
        if any(mine):
            each = _interval(_resampled(costs[mine]).mean(axis=1), sum(mine))
        else:
            missed.append(step.name)
            tokens, usd = step.prompt.plus(step.reply), arithmetic(step)
            rows = [
                (1.0, token, np.nan if usd is None or not number else money / number)
                for token, money, number in zip(tokens, usd or (0, 0), step.calls, strict=True)
            ]
            each = np.array(rows)
        total += each * bounds[:, None]
    note = f"by arithmetic alone: {', '.join(missed)}" if missed else ""
    return _spans(total, note=note)


def _by_examples(
    calls: Sequence[Call], costs: NDArray[np.float64], examples: Sequence[Example], *, wanted: int
) -> _Projected:
    """What an example costs: an example is shared evenly among the calls it was read from."""
    shares = dict.fromkeys((call.key for call in calls), 0.0)
    for example in examples:
        for key in example.origin.calls:
            if key in shares:
                shares[key] += 1 / len(example.origin.calls)
    made = np.array([shares[call.key] for call in calls])
    if not made.sum():
        return _Projected(note="its calls gave no example yet: not known")
    drawn = _resampled(np.column_stack([costs, made])).sum(axis=1)
    drawn = drawn[drawn[:, -1] > 0]
    return _spans(_interval(drawn[:, :-1] / drawn[:, -1:], len(calls)) * wanted)


def _resampled(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    return rows[rng.integers(len(rows), size=(_RESAMPLES, len(rows)))]


def _interval(values: NDArray[np.float64], calls: int) -> NDArray[np.float64]:
    """Where 95 of 100 resampled values lie, a little further out for few calls."""
    tail = expanded_tail(calls, 0.95)
    return np.quantile(values, [tail, 1 - tail], axis=0)


def _spans(bounds: NDArray[np.float64], *, note: str = "") -> _Projected:
    calls, tokens, usd = (Span(float(low), float(high)) for low, high in bounds.T)
    known = not np.isnan(bounds[:, 2]).any()
    return _Projected(calls=calls, tokens=tokens, usd=usd if known else None, note=note)


def _costs(calls: Sequence[Call]) -> NDArray[np.float64]:
    """One, tokens and money of every call; money is not a number where it is not known."""
    rows = [
        (
            1.0,
            float(call.reply.usage.prompt + call.reply.usage.completion) if call.reply else 0.0,
            (np.nan if call.usd is None else call.usd) if call.reply else 0.0,
        )
        for call in calls
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)
