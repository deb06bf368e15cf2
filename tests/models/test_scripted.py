from __future__ import annotations

import asyncio

import pytest

from didact.errors import ModelError
from didact.models.scripted import Scripted
from didact.records import Reply, Request


def say(model: Scripted, *texts: str) -> list[str]:
    async def main() -> list[str]:
        return [(await model.ask(Request(prompt=text))).text for text in texts]

    return asyncio.run(main())


def test_a_request_gets_the_same_reply_in_any_order() -> None:
    replies = tuple("abcdefgh")
    texts = [f"request {number}" for number in range(20)]
    forward = say(Scripted(replies=replies), *texts)
    assert forward == say(Scripted(replies=replies), *reversed(texts))[::-1]
    assert len(set(forward)) > 3


def test_a_sequence_is_given_out_in_order_and_then_ends() -> None:
    model = Scripted(replies=("a", "b"), order="sequence")
    assert say(model, "x", "x") == ["a", "b"]
    with pytest.raises(ModelError, match="only 2"):
        say(model, "x")


def test_a_function_may_be_async_and_may_return_a_whole_reply() -> None:
    async def script(request: Request) -> Reply:
        return Reply(text="cut", finish="length")

    model = Scripted(replies=script)
    assert asyncio.run(model.ask(Request(prompt="x"))).finish == "length"
    assert [request.prompt for request in model.asked] == ["x"]


def test_without_replies_there_is_none() -> None:
    with pytest.raises(ModelError, match="no replies"):
        say(Scripted(), "x")


def test_other_replies_or_another_name_are_another_model() -> None:
    models = [Scripted(), Scripted(name="b"), Scripted(replies=("a",)), Scripted(replies=len)]  # type: ignore[arg-type]
    assert len({model.identity for model in models}) == 4
