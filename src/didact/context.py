"""What a component is given: models to ask, an ordered concurrent map, randomness, notes.

Why a run replays to the same bytes: everything a component may depend on comes through here. All
model output from ``ask`` (through the call log), all randomness from ``rng``, all concurrency from
``map``, whose order never depends on which call finishes first. No clock, no globals.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from didact.calls import Call, CallLog, Totals, call_key
from didact.errors import BudgetError, ConfigError, DidactError, ModelError, ParseError
from didact.records import JSON, Answer, Example, Reply, Request, Score, Verdict, digest

__all__ = [
    "Budget",
    "Checker",
    "Context",
    "Evaluator",
    "Failure",
    "Filter",
    "Listener",
    "Model",
    "Recipe",
    "Sifter",
    "Source",
    "Trainer",
]

Item = TypeVar("Item")
Result = TypeVar("Result")
Listener: TypeAlias = Callable[[str, Mapping[str, JSON]], None]

_WIDE = 256
"""How many independent items are under way at once; the models themselves limit what is sent."""

_log = logging.getLogger("didact")


class Model(Protocol):
    """Who answers requests."""

    @property
    def identity(self) -> str:
        """What answers, without URL or key: part of the key of every call."""
        ...

    async def ask(self, request: Request) -> Reply:
        """The reply, or ModelError."""
        ...

    async def close(self) -> None:
        """Let go of connections and memory."""
        ...


class Source(Protocol):
    """Reads examples that exist."""

    def read(self) -> Iterator[Example]:
        """Every example; the first bad row is a ConfigError that names file and line."""
        ...


class Recipe(Protocol):
    """Makes examples."""

    def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        """Examples in an order that depends on nothing but ``ctx`` and the seeds."""
        ...


class Checker(Protocol):
    """Judges examples one at a time."""

    def check(self, example: Example) -> Verdict:
        """The verdict."""
        ...


class Sifter(Protocol):
    """Judges examples in order, each in the light of those before it."""

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order."""
        ...


Filter: TypeAlias = Checker | Sifter


class Trainer(Protocol):
    """Makes a model from examples."""

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """Train ``base``, keep everything under ``out``; the directory of the model to load.

        ``out`` outlives a killed process: called again with the same one, continue from there.
        """
        ...


class Evaluator(Protocol):
    """Scores answers."""

    def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """Scores of the answers of every model that was asked."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """An item of ``map`` that came to nothing."""

    item: str
    """What it was: the id of an example, or the start of its text."""
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may use, counted over its whole call log, resumed or not."""

    calls: int | None = None
    """Calls to models."""
    tokens: int | None = None
    """Tokens of prompts and replies."""


class Context:
    """A stage's access to models, randomness, progress and failures. Passed, never global."""

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        log: CallLog | None = None,
        seed: int = 0,
        stage: str = "stage",
        max_failures: int = 100,
        budget: Budget | None = None,
        on_event: Listener | None = None,
    ) -> None:
        self.seed = seed
        self.stage = stage
        self.failures: list[Failure] = []
        self.used: dict[str, str] = {}
        """Role to identity of every model asked."""
        self.tally = Totals()
        """Calls of this context, made and replayed."""
        self._models = models
        self._calls = log if log is not None else CallLog.in_memory()
        self._max_failures = max_failures
        self._ledger = _Ledger(budget, self._calls.totals()) if budget else None
        self._on_event = on_event
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def model_names(self) -> frozenset[str]:
        """The roles that can be asked."""
        return frozenset(self._models)

    async def ask(self, request: Request, model: str = "teacher") -> Reply:
        """The reply, from the call log if it is there; raises ModelError or BudgetError."""
        if model not in self._models:
            known = ", ".join(sorted(self._models)) or "none"
            raise ConfigError(f"models: no role {model!r} (there are: {known})")
        component = self._models[model]
        request = replace(request, seed=self.seed)
        identity = component.identity
        self.used[model] = identity
        key = call_key(identity, request)
        # Two identical requests at the same time make one call: the second waits, then finds the
        # first in the log; if the first was cancelled, the second makes the call.
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            call = self._calls.get(key)
            made = call is None
            if call is None:
                call = await self._make(component, key, request, role=model, identity=identity)
        self._count(call, made=made)
        return call.outcome()

    async def _make(
        self, component: Model, key: str, request: Request, *, role: str, identity: str
    ) -> Call:
        reserved = self._ledger.reserve(request) if self._ledger else 0
        used = 0
        start = time.perf_counter()
        try:
            outcome: Reply | ModelError
            try:
                reply = await component.ask(request)
                used = reply.usage.prompt + reply.usage.completion
                outcome = replace(reply, text=_whole(reply.text))
            except ModelError as error:
                outcome = error
            seconds = time.perf_counter() - start
            return self._calls.record(
                key, request, role=role, model=identity, outcome=outcome, seconds=seconds
            )
        finally:
            if self._ledger:
                self._ledger.settle(reserved, used)

    def _count(self, call: Call, *, made: bool) -> None:
        usage = call.reply.usage if made and call.reply else None
        self.tally += Totals(
            made=int(made),
            replayed=int(not made),
            failed=int(call.reply is None),
            prompt_tokens=usage.prompt if usage else 0,
            completion_tokens=usage.completion if usage else 0,
            seconds=call.seconds if made else 0.0,
        )
        if self._on_event:
            self._on_event("call", {"stage": self.stage, "role": call.role, "made": made})

    async def map(
        self,
        fn: Callable[[Item], Awaitable[Result]],
        items: Iterable[Item],
        width: int | None = None,
    ) -> AsyncGenerator[Result, None]:
        """Results of ``fn`` in the order of the items, ``width`` of them under way at once.

        An item whose ``fn`` raises ModelError or ParseError is recorded in ``failures`` and left
        out; past ``max_failures`` the stage fails. The window is strict: item *i* is drawn from
        ``items`` only once result *i - width* was yielded and the next one asked for, so a
        generator that reads what became of earlier results sees the same on every run.
        """
        if width is not None and width < 1:
            raise ValueError("width must be at least 1")
        source = iter(items)
        window: deque[tuple[Item, asyncio.Task[Result]]] = deque()
        drawn_all = False
        try:
            while True:
                while not drawn_all and len(window) < (width or _WIDE):
                    try:
                        item = next(source)
                    except StopIteration:
                        drawn_all = True
                    else:
                        window.append((item, asyncio.ensure_future(_call(fn, item))))
                if not window:
                    return
                item, task = window[0]
                try:
                    result = await task
                except (ModelError, ParseError) as error:
                    window.popleft()
                    self._fail(item, error)
                    continue
                except BudgetError:
                    # Calls under way are already spent: let them reach the log.
                    await asyncio.gather(*(task for _, task in window), return_exceptions=True)
                    raise
                window.popleft()
                yield result
        finally:
            tasks = [task for _, task in window]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _fail(self, item: object, error: DidactError) -> None:
        name = item.id if isinstance(item, Example) else _text(item)[:200]
        self.failures.append(Failure(name, str(error)))
        self.note("failure", item=name, error=str(error))
        if len(self.failures) > self._max_failures:
            raise DidactError(
                f"{self.stage}: more than {self._max_failures} items failed; the last one,"
                f" {name!r}: {error}. Failed calls stay failed until you run with --retry;"
                " max_failures in the run file sets how many are tolerated."
            ) from error

    def rng(self, *key: str | int) -> random.Random:
        """Randomness that depends on the run's seed, the stage and ``key``, and nothing else."""
        return random.Random(int(digest([self.seed, self.stage, *key]), 16))

    def note(self, event: str, **fields: JSON) -> None:
        """Tell the log and whoever watches the progress what happened."""
        _log.info("%s %s %s", self.stage, event, " ".join(f"{k}={v!r}" for k, v in fields.items()))
        if self._on_event:
            self._on_event(event, {"stage": self.stage, **fields})


class _Ledger:
    """Keeps the budget: a call reserves the most it can cost and settles for what it did."""

    def __init__(self, budget: Budget, spent: Totals) -> None:
        self._budget = budget
        self._calls = spent.made
        self._tokens = spent.prompt_tokens + spent.completion_tokens

    def reserve(self, request: Request) -> int:
        # A token is rarely shorter than three bytes of text.
        prompt = len(_text(request).encode("utf-8", "replace")) // 3
        tokens = prompt + request.sampling.max_tokens
        limits = (
            ("calls", self._budget.calls, self._calls + 1),
            ("tokens", self._budget.tokens, self._tokens + tokens),
        )
        for unit, limit, total in limits:
            if limit is not None and total > limit:
                raise BudgetError(
                    f"budget: the next call could pass {limit} {unit}. What was paid for is in the"
                    f" call log: raise budget.{unit} and run the same command to continue."
                )
        self._calls += 1
        self._tokens += tokens
        return tokens

    def settle(self, reserved: int, used: int) -> None:
        self._tokens += used - reserved


async def _call(fn: Callable[[Item], Awaitable[Result]], item: Item) -> Result:
    return await fn(item)


def _text(item: object) -> str:
    if isinstance(item, Request):
        return item.prompt or "\n".join(message.content for message in item.messages)
    return str(item)


def _whole(text: str) -> str:
    """The text with lone surrogates replaced: no file can hold them, and some servers send them."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
