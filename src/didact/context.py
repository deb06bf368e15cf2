"""What a component is given: models to ask, an ordered concurrent map, randomness, notes.

Why a run replays to the same bytes: everything a component may depend on comes through here. All
model output from ``ask`` (through the call log), all randomness from ``rng``, all concurrency from
``map``, whose order never depends on which call finishes first. No clock, no globals.
"""

from __future__ import annotations

import asyncio
import logging
import random
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

from didact.asking import Asking
from didact.budget import Budget, Purse, Spending
from didact.calls import Call, CallLog, Totals, call_key
from didact.capabilities import capabilities_of, needed_by
from didact.errors import (
    BudgetError,
    ConfigError,
    CredentialsError,
    DidactError,
    ModelError,
    ParseError,
)
from didact.estimate import Sample
from didact.identities import Identities
from didact.prices import Prices
from didact.records import JSON, Answer, Example, Reply, Request, Score, Usage, Verdict, digest

__all__ = [
    "AskingChecker",
    "AskingSifter",
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

    @property
    def capabilities(self) -> frozenset[str]:
        """Some of ``didact.capabilities.ALL``."""
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


class AskingChecker(Protocol):
    """Judges examples one at a time, asking models; a call that fails leaves one unscored."""

    async def check(self, ctx: Context, example: Example) -> Verdict:
        """The verdict."""
        ...


class AskingSifter(Protocol):
    """Judges examples in order, asking models."""

    def sift(self, ctx: Context, examples: Sequence[Example]) -> AsyncIterator[Verdict]:
        """One verdict per example, in order, whatever becomes of the calls."""
        ...


Filter: TypeAlias = Checker | Sifter | AskingChecker | AskingSifter


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
    call: str = ""
    """Key of the call whose reply could not be read."""


class Context:
    """A stage's access to models, randomness, progress and failures. Passed, never global."""

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        log: CallLog | None = None,
        identities: Identities | None = None,
        seed: int = 0,
        stage: str = "stage",
        max_failures: int = 100,
        budget: Budget | Purse | None = None,
        prices: Prices | None = None,
        sample: Sample | None = None,
        most: int | None = None,
        on_event: Listener | None = None,
    ) -> None:
        self.seed = seed
        self.stage = stage
        self.failures: list[Failure] = []
        self.used: dict[str, str] = {}
        """Role to identity of every model asked."""
        self.tally = Totals()
        """Calls of this context, made and replayed."""
        self.spending: dict[str, Spending] = {}
        """Role to what its calls amount to, replayed ones included."""
        self._models = models
        self._calls = log if log is not None else CallLog.in_memory()
        self._identities = identities or Identities(self._calls)
        self._max_failures = max_failures
        prices = prices or Prices()
        purse = Purse.of(budget, self._calls, prices) if isinstance(budget, Budget) else budget
        self._asking = Asking(self._calls, prices=prices, purse=purse)
        self._sample = sample
        # A batch model wants as many requests together as a batch may hold. A pilot goes through
        # few items to their end rather than through the start of many.
        wide = max([_WIDE, *(getattr(model, "width", 0) for model in models.values())])
        self._wide = wide if sample is None else 2
        if most is not None:
            # Who wants few examples does not pay for many: no more are under way than are wanted.
            self._wide = min(self._wide, most)
        self._on_event = on_event
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def model_names(self) -> frozenset[str]:
        """The roles that can be asked."""
        return frozenset(self._models)

    def capabilities(self, model: str = "teacher") -> frozenset[str]:
        """What the model of a role can do, for a recipe that has two ways."""
        return capabilities_of(self._model(model))

    async def ask(self, request: Request, model: str = "teacher") -> Reply:
        """The reply, from the call log if it is there.

        Raises ModelError where there is none, and BudgetError, CredentialsError or ConfigError
        where none of the calls to come would get one.
        """
        component = self._model(model)
        if (needed := needed_by(request)) not in capabilities_of(component):
            raise ConfigError(
                f"models.{model}: {type(component).__name__} cannot answer a request for"
                f" {needed} (it can do {', '.join(sorted(capabilities_of(component)))}):"
                f" {_text(request)[:80]!r}"
            )
        if self._sample is not None:
            self._sample.begin()
        if request.seed != self.seed:
            request = replace(request, seed=self.seed)
        identity = self.used[model] = self._identities.of(model, component)
        key = call_key(identity, request)
        call = self._calls.get(key, role=model)
        made = False
        if call is None:
            # Two identical requests at the same time make one call: the second waits, then finds
            # the first in the log; if the first was cancelled, the second makes the call.
            own = asyncio.Lock()
            lock = self._locks.setdefault(key, own)
            async with lock:
                call = self._calls.get(key, role=model) if lock is not own else None
                if call is None:
                    made = True
                    call = await self._asking.make(
                        component, key, request, role=model, identity=identity
                    )
        self._count(call, role=model, made=made)
        return call.outcome()

    def _model(self, role: str) -> Model:
        if role not in self._models:
            known = ", ".join(sorted(self._models)) or "none"
            raise ConfigError(f"models: no role {role!r} (there are: {known})")
        return self._models[role]

    def _count(self, call: Call, *, role: str, made: bool) -> None:
        usage = call.reply.usage if made and call.reply else Usage()
        usd = (call.usd or 0.0) if made else 0.0
        self.tally += Totals(
            made=int(made),
            replayed=int(not made),
            failed=int(call.reply is None),
            prompt_tokens=usage.prompt,
            completion_tokens=usage.completion,
            seconds=call.seconds if made else 0.0,
            usd=usd,
        )
        if self._sample is not None:
            self._sample.end(call)
        self.spending.setdefault(role, Spending()).add(call, made=made)
        if self._on_event:
            fields: dict[str, JSON] = {"stage": self.stage, "role": role, "made": made}
            if made:
                fields |= {"tokens": usage.completion, "usd": usd}
            self._on_event("call", fields)

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
                while not drawn_all and len(window) < (width or self._wide):
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
                    self.fail(item, error)
                    continue
                except (BudgetError, CredentialsError):
                    # Calls under way are already spent: let them reach the log. No new one begins.
                    await asyncio.gather(*(task for _, task in window), return_exceptions=True)
                    raise
                window.popleft()
                yield result
        finally:
            tasks = [task for _, task in window]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def fail(self, item: object, error: DidactError) -> None:
        """Record an item that came to nothing; DidactError past ``max_failures``."""
        name = item.id if isinstance(item, Example) else _text(item)[:200]
        call = error.call if isinstance(error, ParseError) else ""
        self.failures.append(Failure(name, str(error), call))
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


async def _call(fn: Callable[[Item], Awaitable[Result]], item: Item) -> Result:
    return await fn(item)


def _text(item: object) -> str:
    if isinstance(item, Request):
        return item.prompt or "\n".join(message.content for message in item.messages)
    return str(item)
