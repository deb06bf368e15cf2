"""Several draws of one request in one call to the server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from didact.calls import CallLog
from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.http.waits import WAITS
from didact.models.openai import OpenAI
from didact.records import Message, Reply, Request, Sampling
from fake_server import FakeServer, Received, Refuse

DRAWN = Sampling(temperature=1.0)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WAITS, "first", 0.01)


async def choices(_: FakeServer, received: Received) -> web.Response:
    """As many choices as were asked for, each its own."""
    count = received.body.get("n", 1)
    word = received.body["messages"][-1]["content"]
    made = [
        {
            "index": place,
            "finish_reason": "length" if place == 2 else "stop",
            "message": {"role": "assistant", "content": f"{word} {place}"},
        }
        for place in range(count)
    ]
    usage = {"prompt_tokens": 7, "completion_tokens": 3 * count + 1}
    return web.json_response({"model": "fake", "choices": made, "usage": usage})


def draws(word: str, count: int) -> list[Request]:
    message = (Message("user", word),)
    return [Request(messages=message, sampling=DRAWN, draw=draw) for draw in range(count)]


def asked(
    requests: list[Request], *behaviours: Any, **settings: Any
) -> tuple[list[Reply | BaseException], FakeServer]:
    async def within() -> Any:
        async with FakeServer(*behaviours) as server:
            model = OpenAI(**{"url": server.url, "model": "m", "n": 4, **settings})
            try:
                asking = [model.ask(request) for request in requests]
                return await asyncio.gather(*asking, return_exceptions=True), server
            finally:
                await model.close()

    return asyncio.run(within())


def test_draws_that_come_together_are_one_call_and_keep_their_own_replies() -> None:
    replies, server = asked(draws("a", 3) + draws("b", 2), choices)
    assert [reply.text for reply in replies] == ["a 0", "a 1", "a 2", "b 0", "b 1"]
    assert [reply.finish for reply in replies[:3]] == ["stop", "stop", "length"]
    assert sorted(received.body["n"] for received in server.received) == [2, 3]


def test_the_tokens_of_all_choices_are_counted_once() -> None:
    replies, _ = asked(draws("a", 3), choices)
    assert [reply.usage.prompt for reply in replies] == [7, 0, 0]
    assert [reply.usage.completion for reply in replies] == [4, 3, 3]


def test_no_more_than_n_go_together_and_one_alone_goes_without() -> None:
    _, server = asked(draws("a", 9), choices)
    assert sorted(received.body.get("n", 1) for received in server.received) == [1, 4, 4]


def test_a_greedy_request_is_never_repeated() -> None:
    one = Request(messages=(Message("user", "a"),))
    _, server = asked([one, one], choices)
    assert [received.body.get("n") for received in server.received] == [None, None]


def test_what_fails_fails_for_all_draws_of_the_call_and_for_no_other() -> None:
    refused = Refuse(400)
    replies, _ = asked(draws("a", 2) + draws("b", 2), refused, choices, concurrency=1)
    assert [isinstance(reply, ModelError) for reply in replies] == [True, True, False, False]


def test_a_server_that_gives_fewer_choices_is_asked_again() -> None:
    async def one_only(server: FakeServer, received: Received) -> web.Response:
        fewer = Received(received.path, {**received.body, "n": 1}, received.headers)
        return await choices(server, fewer)

    replies, server = asked(draws("a", 3), one_only, choices)
    assert [reply.text for reply in replies] == ["a 0", "a 1", "a 2"]
    assert len(server.received) == 2


def test_every_draw_is_a_row_of_the_call_log_and_replays_alone(tmp_path: Path) -> None:
    async def within(n: int) -> tuple[list[str], int]:
        async with FakeServer(choices) as server:
            model = OpenAI(url=server.url, model="m", n=n)
            log = CallLog.open(tmp_path / "calls.db", write=True)
            ctx = Context({"teacher": model}, log=log)
            texts = [reply.text async for reply in ctx.map(ctx.ask, draws("a", 3))]
            await model.close()
            log.close()
            return texts, len(server.received)

    assert asyncio.run(within(4)) == (["a 0", "a 1", "a 2"], 1)
    assert asyncio.run(within(1)) == (["a 0", "a 1", "a 2"], 0)


def test_n_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        OpenAI(model="m", n=0)
