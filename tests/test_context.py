from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from didact.calls import CallLog
from didact.context import Budget, Context
from didact.errors import BudgetError, ConfigError, DidactError, ModelError, ParseError
from didact.models.scripted import Scripted
from didact.records import Message, Reply, Request, Sampling, Usage


def ask(text: str, **fields: Any) -> Request:
    return Request(prompt=text, **fields)


async def collect(results: Any) -> list[Any]:
    return [result async for result in results]


def test_a_reply_is_asked_once_and_then_replayed() -> None:
    model = Scripted(replies=("a", "b", "c"))
    log = CallLog.in_memory()

    async def main() -> tuple[Context, list[Reply]]:
        ctx = Context({"teacher": model}, log=log)
        return ctx, [await ctx.ask(ask(text)) for text in ("x", "y", "x")]

    first, replies = asyncio.run(main())
    assert len(model.asked) == 2
    assert replies[0] == replies[2]
    assert replies[0].key
    again, replayed = asyncio.run(main())
    assert replayed == replies
    assert len(model.asked) == 2
    assert (first.tally.made, first.tally.replayed) == (2, 1)
    assert (again.tally.made, again.tally.replayed) == (0, 3)
    assert again.used == {"teacher": model.identity}


def test_identical_requests_at_the_same_time_make_one_call() -> None:
    async def slow(request: Request) -> str:
        await asyncio.sleep(0.01)
        return "a"

    model = Scripted(replies=slow)

    async def main() -> list[Reply]:
        ctx = Context({"teacher": model})
        return await asyncio.gather(*(ctx.ask(ask("x")) for _ in range(5)))

    assert len(set(asyncio.run(main()))) == 1
    assert len(model.asked) == 1


def test_when_the_first_of_two_identical_requests_is_cancelled_the_second_still_gets_a_reply() -> (
    None
):
    async def slow(request: Request) -> str:
        await asyncio.sleep(0.02)
        return "a"

    async def main() -> str:
        ctx = Context({"teacher": Scripted(replies=slow)})
        first = asyncio.ensure_future(ctx.ask(ask("x")))
        second = asyncio.ensure_future(ctx.ask(ask("x")))
        await asyncio.sleep(0.005)
        first.cancel()
        return (await second).text

    assert asyncio.run(main()) == "a"


def test_one_that_comes_while_the_call_passes_from_a_cancelled_one_makes_no_second_call() -> None:
    async def slow(request: Request) -> str:
        await asyncio.sleep(0.02)
        return "a"

    async def main() -> int:
        model = Scripted(replies=slow)
        ctx = Context({"teacher": model})
        first, second = (asyncio.ensure_future(ctx.ask(ask("x"))) for _ in range(2))
        await asyncio.sleep(0.005)
        first.cancel()
        third: list[asyncio.Future[Reply]] = []
        # Runs once the first has let go and before the second has gone on.
        first.add_done_callback(lambda _: third.append(asyncio.ensure_future(ctx.ask(ask("x")))))
        assert (await second).text == "a"
        assert (await third[0]).text == "a"
        return len(model.asked)

    assert asyncio.run(main()) == 2


def test_draw_and_seed_tell_sampled_requests_apart() -> None:
    model = Scripted(replies=lambda request: f"{request.draw} {request.seed}")
    warm = Sampling(temperature=1.0)
    log = CallLog.in_memory()

    async def main(seed: int) -> list[str]:
        ctx = Context({"teacher": model}, log=log, seed=seed)
        return [(await ctx.ask(ask("x", sampling=warm, draw=draw))).text for draw in (0, 1)]

    assert asyncio.run(main(5)) == ["0 5", "1 5"]
    assert asyncio.run(main(6)) == ["0 6", "1 6"]


def test_an_unknown_role_is_a_config_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'judge'.*teacher"):
        asyncio.run(Context({"teacher": Scripted()}).ask(ask("x"), model="judge"))


def test_a_lone_surrogate_in_a_reply_is_replaced() -> None:
    ctx = Context({"teacher": Scripted(replies=lambda _: "a\ud800b\U0001f600")})
    assert asyncio.run(ctx.ask(ask("x"))).text == "a\ufffdb\U0001f600"


def test_a_model_error_is_logged_and_replayed_but_a_bug_is_not_logged() -> None:
    log = CallLog.in_memory()

    def script(request: Request) -> str:
        raise ModelError("down", status=500) if request.prompt == "x" else ZeroDivisionError("bug")

    ctx = Context({"teacher": Scripted(replies=script)}, log=log)
    for _ in range(2):
        with pytest.raises(ModelError, match="down"):
            asyncio.run(ctx.ask(ask("x")))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ctx.ask(ask("y")))
    assert (ctx.tally.made, ctx.tally.replayed, ctx.tally.failed) == (1, 1, 2)
    assert log.totals().made == 1


def test_map_yields_in_the_order_of_the_items_whatever_finishes_first() -> None:
    async def main() -> list[int]:
        async def fn(item: int) -> int:
            await asyncio.sleep(random.Random(item).random() / 200)
            return item

        return await collect(Context({}).map(fn, range(50), width=7))

    assert asyncio.run(main()) == list(range(50))


@pytest.mark.parametrize("width", [1, 3, 8])
def test_map_draws_an_item_only_after_the_result_a_width_before_it_was_taken(width: int) -> None:
    taken: list[int] = []
    seen: list[tuple[int, int]] = []

    def items() -> Iterator[int]:
        for item in range(30):
            seen.append((item, len(taken)))
            yield item

    async def main() -> None:
        async def fn(item: int) -> int:
            await asyncio.sleep(random.random() / 500)
            return item

        async for result in Context({}).map(fn, items(), width=width):
            await asyncio.sleep(0.001)
            taken.append(result)

    asyncio.run(main())
    assert seen == [(item, max(0, item - width + 1)) for item in range(30)]


def test_map_records_failed_items_and_goes_on() -> None:
    async def fn(item: int) -> int:
        if item == 2:
            raise ModelError("down")
        if item == 4:
            raise ParseError("not a number", reply="?", call="k4")
        return item

    ctx = Context({})
    assert asyncio.run(collect(ctx.map(fn, range(6)))) == [0, 1, 3, 5]
    assert [(failure.item, failure.error, failure.call) for failure in ctx.failures] == [
        ("2", "down", ""),
        ("4", "not a number", "k4"),
    ]


def test_a_model_that_wants_more_requests_together_widens_the_map() -> None:
    class Wide(Scripted):
        width = 300

    async def most_at_once(model: Scripted) -> int:
        under_way, most = 0, 0

        async def fn(item: int) -> int:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1
            return item

        assert len(await collect(Context({"teacher": model}).map(fn, range(400)))) == 400
        return most

    assert asyncio.run(most_at_once(Scripted())) == 256
    assert asyncio.run(most_at_once(Wide())) == 300


def test_map_fails_past_max_failures_and_says_how_to_go_on() -> None:
    async def fn(item: int) -> int:
        raise ModelError("down")

    ctx = Context({}, max_failures=2)
    with pytest.raises(DidactError, match=r"more than 2 items failed.*--retry"):
        asyncio.run(collect(ctx.map(fn, range(10))))
    assert len(ctx.failures) == 3


def test_a_bug_in_a_mapped_function_comes_out_as_it_is() -> None:
    async def fn(item: int) -> float:
        return 1 / item

    with pytest.raises(ZeroDivisionError):
        asyncio.run(collect(Context({}).map(fn, [1, 0, 2])))


@pytest.mark.parametrize("how", ["cancel", "close", "bug"])
def test_map_leaves_no_task_behind(how: str) -> None:
    async def main() -> int:
        async def fn(item: int) -> int:
            if how == "bug" and item == 1:
                raise ZeroDivisionError
            await asyncio.sleep(0 if item == 0 else 5)
            return item

        results = Context({}).map(fn, range(10), width=4)
        assert await anext(results) == 0
        if how == "close":
            await results.aclose()
        elif how == "bug":
            with pytest.raises(ZeroDivisionError):
                await anext(results)
        else:
            waiting = asyncio.ensure_future(anext(results))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(main()) == 0


def test_the_window_must_be_at_least_one() -> None:
    async def fn(item: int) -> int:
        return item

    with pytest.raises(ValueError, match="width"):
        asyncio.run(collect(Context({}).map(fn, [1], width=0)))


def test_a_budget_of_calls_stops_at_the_call_and_counts_those_of_earlier_sessions() -> None:
    log = CallLog.in_memory()
    model = Scripted(replies=("a",))

    async def main() -> None:
        ctx = Context({"teacher": model}, log=log, budget=Budget(calls=5))
        async for _ in ctx.map(lambda text: ctx.ask(ask(text)), [str(n) for n in range(50)]):
            pass

    for _ in range(2):
        with pytest.raises(BudgetError, match="5 calls"):
            asyncio.run(main())
        assert len(model.asked) == 5


def test_calls_under_way_when_the_budget_ends_still_reach_the_log() -> None:
    log = CallLog.in_memory()

    async def slow(request: Request) -> str:
        await asyncio.sleep(0.01)
        return "a"

    async def main() -> None:
        ctx = Context({"teacher": Scripted(replies=slow)}, log=log, budget=Budget(calls=5))
        async for _ in ctx.map(lambda text: ctx.ask(ask(text)), [str(n) for n in range(50)]):
            pass

    with pytest.raises(BudgetError):
        asyncio.run(main())
    assert log.totals().made == 5


def test_a_budget_of_tokens_reserves_what_a_call_can_cost_and_settles_for_what_it_did() -> None:
    reply = Reply(text="a", usage=Usage(prompt=1, completion=9))
    model = Scripted(replies=lambda _: reply)

    async def main() -> None:
        ctx = Context({"teacher": model}, budget=Budget(tokens=100))
        for number in range(50):
            await ctx.ask(ask(f"{number:03}", sampling=Sampling(max_tokens=60)))

    with pytest.raises(BudgetError, match="100 tokens"):
        asyncio.run(main())
    assert len(model.asked) == 4


@pytest.mark.parametrize(
    ("can", "request_", "missing"),
    [
        (frozenset({"chat"}), ask("x"), "completion"),
        (frozenset({"completion"}), Request(messages=(Message("user", "x"),)), "chat"),
    ],
)
def test_a_request_that_the_model_cannot_answer_is_a_config_error_that_names_it(
    can: frozenset[str], request_: Request, missing: str
) -> None:
    class Limited(Scripted):
        capabilities = can

    ctx = Context({"teacher": Limited(replies=("a",))})
    with pytest.raises(ConfigError, match=f"models.teacher: Limited cannot .* {missing}.*'x'"):
        asyncio.run(ctx.ask(request_))
    assert ctx.capabilities() == can


def test_randomness_follows_from_seed_stage_and_key() -> None:
    def draw(*key: str | int, seed: int = 0, stage: str = "s") -> float:
        return Context({}, seed=seed, stage=stage).rng(*key).random()

    assert draw("a", 1) == draw("a", 1)
    others = [draw("a", 2), draw("a"), draw("a", 1, seed=1), draw("a", 1, stage="t")]
    assert len({draw("a", 1), *others}) == 5


def test_notes_and_calls_reach_whoever_listens() -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    ctx = Context(
        {"teacher": Scripted(replies=("a",))},
        stage="generate",
        on_event=lambda event, fields: events.append((event, dict(fields))),
    )
    asyncio.run(ctx.ask(ask("x")))
    ctx.note("pool", kept=3)
    assert events == [
        (
            "call",
            {"stage": "generate", "role": "teacher", "made": True, "tokens": 1, "usd": 0.0},
        ),
        ("pool", {"stage": "generate", "kept": 3}),
    ]
