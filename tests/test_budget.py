from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.budget import Budget, Cost, Purse, most
from didact.calls import CallLog, Totals
from didact.context import Context
from didact.errors import BudgetError, ConfigError, CredentialsError, ModelError
from didact.models.scripted import Scripted
from didact.prices import Price, Prices
from didact.records import Message, Reply, Request, Sampling, Usage

PRICE = Price(input=1_000_000, output=2_000_000)
"""A dollar a token in, two a token out."""


@dataclass(frozen=True, kw_only=True)
class Till:
    """A server that notes what it has charged."""

    seed: int = 0
    failing: float = 0.0
    price: Price = PRICE
    model: str = "till"
    identity: ClassVar[str] = "till"
    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "completion"})
    charged: list[float] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)

    async def ask(self, request: Request) -> Reply:
        rng = random.Random(f"{self.seed} {request.prompt}")
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        if rng.random() < self.failing:
            raise ModelError("down")
        top = most(request)
        usage = Usage(prompt=rng.randint(1, top.prompt), completion=rng.randint(1, top.completion))
        self.charged.append(self.price.usd(usage))
        return Reply(text="a", usage=usage)

    async def close(self) -> None:
        """Nothing."""


def spend(till: Till, log: CallLog, budget: Budget, *, calls: int, width: int) -> bool:
    """Whether the budget let all the calls through."""

    async def main() -> None:
        prices = Prices(own={"till": till.price})
        ctx = Context({"teacher": till}, log=log, budget=budget, prices=prices, max_failures=10**6)
        sizes = random.Random(till.seed)

        async def one(number: int) -> Reply:
            sampling = Sampling(max_tokens=1 + number * 7919 % 50)
            return await ctx.ask(
                Request(prompt=f"{number} {'x' * (number % 60)}", sampling=sampling)
            )

        order = sizes.sample(range(calls), calls)
        async for _ in ctx.map(one, order, width=width):
            pass

    try:
        asyncio.run(main())
    except BudgetError:
        return False
    return True


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    dear=st.floats(0, 100),
    reply=st.floats(0, 100),
    cap=st.floats(0, 50_000),
    tokens=st.one_of(st.none(), st.integers(0, 3000)),
    width=st.integers(1, 40),
    failing=st.sampled_from([0.0, 0.2, 0.9]),
)
def test_the_caps_are_never_passed_whatever_the_prices_sizes_width_and_failures(
    seed: int, dear: float, reply: float, cap: float, tokens: int | None, width: int, failing: float
) -> None:
    price = Price(input=dear * 1e6, output=reply * 1e6)
    till, log = Till(seed=seed, failing=failing, price=price), CallLog.in_memory()
    through = spend(till, log, Budget(usd=cap, tokens=tokens), calls=40, width=width)
    totals = log.totals()
    assert sum(till.charged) <= cap * (1 + 1e-9)
    assert tokens is None or totals.prompt_tokens + totals.completion_tokens <= tokens
    # Everything charged is in the log: nothing under way was lost when it stopped.
    assert totals.made - totals.failed == len(till.charged)
    if not through:
        # It stopped because the next call might have passed the cap, not earlier.
        dearest = price.usd(Usage(prompt=64, completion=50))
        short = sum(till.charged) + dearest > cap * (1 - 1e-9)
        spent = totals.prompt_tokens + totals.completion_tokens
        assert short or (tokens is not None and spent + 64 + 50 > tokens)
    # A higher cap goes on from there and repeats nothing.
    before = len(till.charged)
    assert spend(till, log, Budget(usd=1e12), calls=40, width=width)
    assert log.totals().made == 40
    assert len(till.charged) - before == 40 - totals.made - (log.totals().failed - totals.failed)


def test_a_call_that_fits_only_once_another_has_settled_waits_for_it() -> None:
    async def main() -> list[str]:
        purse = Purse(Budget(usd=10), Totals())
        told: list[str] = []

        async def call(name: str) -> None:
            await purse.reserve(Cost(usd=6))
            told.append(f"{name} begins")
            await asyncio.sleep(0)
            told.append(f"{name} ends")
            purse.settle(Cost(usd=6), Cost(usd=1))

        await asyncio.gather(call("a"), call("b"))
        return told

    assert asyncio.run(main()) == ["a begins", "a ends", "b begins", "b ends"]


def test_those_who_wait_are_told_when_the_budget_is_at_its_end() -> None:
    async def main() -> list[Any]:
        purse = Purse(Budget(usd=10), Totals())
        await purse.reserve(Cost(usd=6))
        waiting = [asyncio.ensure_future(purse.reserve(Cost(usd=6))) for _ in range(3)]
        await asyncio.sleep(0)
        purse.settle(Cost(usd=6), Cost(usd=6))
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert all(isinstance(found, BudgetError) for found in asyncio.run(main()))


def test_a_call_that_was_cut_off_counts_at_its_most() -> None:
    async def hang(_: Request) -> str:
        await asyncio.sleep(60)
        return "a"

    model = Scripted(replies=hang)
    prices = Prices(own={"scripted-*": PRICE})

    async def main() -> None:
        ctx = Context({"teacher": model}, budget=Budget(usd=100), prices=prices)
        request = Request(prompt="x" * 9, sampling=Sampling(max_tokens=40))
        task = asyncio.ensure_future(ctx.ask(request))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ctx.ask(Request(prompt="y" * 9, sampling=Sampling(max_tokens=40)))

    with pytest.raises(BudgetError, match=r"90\.0000 are spent"):
        asyncio.run(main())


def test_a_reply_without_counted_tokens_counts_at_its_most() -> None:
    model = Scripted(replies=lambda _: Reply(text="a"))

    async def main() -> None:
        ctx = Context({"teacher": model}, budget=Budget(tokens=100))
        for number in range(9):
            await ctx.ask(Request(prompt=f"{number}", sampling=Sampling(max_tokens=30)))

    with pytest.raises(BudgetError):
        asyncio.run(main())
    assert len(model.asked) == 3


def test_no_call_begins_after_the_budget_has_ended_even_one_that_would_fit() -> None:
    async def main() -> None:
        purse = Purse(Budget(tokens=10), Totals())
        with pytest.raises(BudgetError):
            await purse.reserve(Cost(tokens=11))
        with pytest.raises(BudgetError):
            await purse.reserve(Cost(tokens=1))

    asyncio.run(main())


@pytest.mark.parametrize(
    "text", ["a", "é漢字😀" * 9, "\x00\x01", "supercalifragilistic " * 9, "\ud800"]
)
def test_a_prompt_has_at_most_as_many_tokens_as_bytes(text: str) -> None:
    assert most(Request(prompt=text)).prompt >= len(text)
    chat = Request(messages=(Message("user", text),), schema={"type": "object"})
    assert most(chat).prompt > most(Request(prompt=text)).prompt


@pytest.mark.parametrize("error", [CredentialsError("no key"), ConfigError("no url")])
def test_a_refused_key_stops_the_stage_after_the_calls_under_way_and_is_not_logged(
    error: Exception,
) -> None:
    asked: list[str] = []
    log = CallLog.in_memory()

    async def script(request: Request) -> str:
        asked.append(request.prompt or "")
        await asyncio.sleep(0.002 * len(asked))
        if request.prompt == "1":
            raise error
        return "a"

    async def main() -> None:
        ctx = Context({"teacher": Scripted(replies=script)}, log=log)
        async for _ in ctx.map(lambda n: ctx.ask(Request(prompt=str(n))), range(50), width=4):
            pass

    with pytest.raises(type(error)):
        asyncio.run(main())
    logged = {call.request.prompt for call in log}
    assert "1" not in logged
    if isinstance(error, CredentialsError):
        assert logged == set(asked) - {"1"}
    assert len(asked) <= 5


def test_money_spent_before_a_price_was_known_counts_by_its_tokens() -> None:
    till, log = Till(), CallLog.in_memory()

    async def main(prices: Prices, budget: Budget | None) -> None:
        ctx = Context({"teacher": till}, log=log, prices=prices, budget=budget)
        for number in range(3):
            await ctx.ask(Request(prompt=f"{number} {budget}", sampling=Sampling(max_tokens=9)))

    asyncio.run(main(Prices(), None))
    with pytest.raises(BudgetError, match=r"raise budget\.usd"):
        asyncio.run(main(Prices(own={"till": PRICE}), Budget(usd=sum(till.charged))))
    assert len(till.charged) == 3
