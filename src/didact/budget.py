"""The budget of a run: a call reserves the most it can cost, and settles for what it did.

What is in flight counts at its most, what is done at what it cost. A call that fits only once some
of those in flight have settled waits for them; one that could not fit even then ends the stage. So
the cap holds as long as no server counts more tokens than a prompt has bytes or a reply was allowed
(``max_tokens``), however many calls run side by side. A failed call counts as a call and costs
nothing; one that was cancelled may have been answered, so it counts at its most.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from didact.calls import Call, CallLog, Totals
from didact.errors import BudgetError
from didact.prices import Prices
from didact.records import JSON, Request, Usage

__all__ = ["Budget", "Cost", "Purse", "Spending", "most"]

_CHAT = 64
"""Tokens that a chat template may add to a conversation of its own accord."""
_TURN = 8
"""Tokens that a chat template puts around a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may use, counted over its whole call log, resumed or not."""

    usd: float | None = None
    """Money, by the prices of the table and the run file."""
    tokens: int | None = None
    """Tokens of prompts and replies."""
    calls: int | None = None
    """Calls to models."""


class Cost(NamedTuple):
    """What a call costs, or can cost."""

    tokens: int = 0
    usd: float = 0.0


def most(request: Request) -> Usage:
    """The most tokens a call can take: no token of text is shorter than a byte."""
    if request.prompt is not None:
        prompt = _bytes(request.prompt) + 1
    else:
        prompt = _CHAT + sum(_bytes(turn.content) + _TURN for turn in request.messages)
    if request.schema is not None:
        prompt += _bytes(str(request.schema))
    return Usage(prompt=prompt, completion=request.sampling.max_tokens)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


class Purse:
    """What is left of a budget, while calls are made."""

    def __init__(self, budget: Budget, spent: Totals, *, usd: float = 0.0) -> None:
        """``spent`` and ``usd``: what the log holds already."""
        self._budget = budget
        self._calls = spent.made
        self._spent = Cost(spent.prompt_tokens + spent.completion_tokens, usd)
        self._flying = Cost()
        self._in_flight = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._empty: BudgetError | None = None

    @classmethod
    def of(cls, budget: Budget, log: CallLog, prices: Prices) -> Purse:
        """The purse of a run whose calls so far are in ``log``."""
        return cls(budget, log.totals(), usd=_paid(log, prices) if budget.usd is not None else 0.0)

    async def reserve(self, cost: Cost) -> None:
        """Wait until the call fits; BudgetError once it never will."""
        while True:
            if self._empty is not None:
                raise self._empty
            if over := self._over(cost):
                self._empty = BudgetError(over)
                self._wake()
                raise self._empty
            if self._fits(cost):
                self._calls += 1
                self._in_flight += 1
                self._flying = _sum(self._flying, cost)
                return
            settled = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled

    def settle(self, reserved: Cost, cost: Cost) -> None:
        """A call has ended: give back what it did not cost."""
        self._in_flight -= 1
        # Set to nothing where it is nothing, or rounding would add up over a long run.
        self._flying = _sum(self._flying, reserved, sign=-1) if self._in_flight else Cost()
        self._spent = _sum(self._spent, cost)
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _over(self, cost: Cost) -> str:
        """Why the call could not be made even if all those in flight cost nothing."""
        limits = (
            ("calls", self._budget.calls, self._calls, 1),
            ("tokens", self._budget.tokens, self._spent.tokens, cost.tokens),
            ("usd", self._budget.usd, self._spent.usd, cost.usd),
        )
        for unit, limit, spent, more in limits:
            if limit is not None and spent + more > limit:
                return (
                    f"budget: the next call could pass {limit:g} {unit} ({_figure(spent)} are"
                    f" spent, and it may take {_figure(more)}). What was paid for is in the call"
                    f" log: raise budget.{unit} and run the same command to continue."
                )
        return ""

    def _fits(self, cost: Cost) -> bool:
        taken = _sum(_sum(self._spent, self._flying), cost)
        limits = ((self._budget.tokens, taken.tokens), (self._budget.usd, taken.usd))
        return all(limit is None or total <= limit for limit, total in limits)


def _sum(a: Cost, b: Cost, *, sign: int = 1) -> Cost:
    return Cost(a.tokens + sign * b.tokens, a.usd + sign * b.usd)


def _figure(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:.4f}"


def _paid(log: CallLog, prices: Prices) -> float:
    """The money in the log; calls logged without it are priced now, at their most at worst."""
    total = 0.0
    for call in log:
        if call.copied:
            continue
        if call.usd is not None:
            total += call.usd
        elif call.reply is not None:
            usage = call.reply.usage
            known = usage.prompt or usage.completion
            total += prices.usd(call.model, usage if known else most(call.request)) or 0.0
    return total


class Spending:
    """What the calls of one part of a stage amount to, those answered from the log included."""

    __slots__ = (
        "completion_tokens",
        "failed",
        "made",
        "prompt_tokens",
        "replayed",
        "seconds",
        "unpriced",
        "usd",
    )

    def __init__(self) -> None:
        self.made = 0
        self.replayed = 0
        self.failed = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.usd = 0.0
        """What these calls cost when they were made, this time or earlier."""
        self.unpriced = 0
        """Those answered whose price is not known."""
        self.seconds = 0.0
        """Time the models took, summed over calls that ran side by side."""

    def add(self, call: Call, *, made: bool) -> None:
        """Count a call."""
        # Another run has paid for what was copied from it.
        usd = 0.0 if call.copied else call.usd
        if made:
            self.made += 1
        else:
            self.replayed += 1
        self.seconds += call.seconds
        self.usd += usd or 0.0
        if call.reply is None:
            self.failed += 1
            return
        usage = call.reply.usage
        self.prompt_tokens += usage.prompt
        self.completion_tokens += usage.completion
        self.unpriced += usd is None

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "made": self.made,
            "replayed": self.replayed,
            "failed": self.failed,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "usd": self.usd,
            "unpriced": self.unpriced,
            "seconds": round(self.seconds, 3),
        }
