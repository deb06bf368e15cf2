"""The Anthropic component against a server that speaks the messages API."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from didact.errors import CredentialsError, ModelError
from didact.http.waits import WAITS
from didact.models.anthropic import Anthropic
from didact.records import Message, Reply, Request, Sampling
from fake_server import Behaviour, FakeServer, Refuse, Say

HELLO = Request(messages=(Message("user", "hello"),))
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WAITS, "first", 0.01)


def asked(
    *behaviours: Behaviour, request: Request = HELLO, **settings: Any
) -> tuple[Reply | ModelError | CredentialsError, FakeServer]:
    async def within() -> tuple[Reply | ModelError | CredentialsError, FakeServer]:
        async with FakeServer(*behaviours) as server:
            model = Anthropic(**{"url": server.url, "model": "m", "key_env": None, **settings})
            try:
                return await model.ask(request), server
            except (ModelError, CredentialsError) as error:
                return error, server
            finally:
                await model.close()

    return asyncio.run(within())


def reply_of(*behaviours: Behaviour, request: Request = HELLO, **settings: Any) -> Reply:
    outcome, _ = asked(*behaviours, request=request, **settings)
    assert isinstance(outcome, Reply), outcome
    return outcome


def body_of(request: Request, **settings: Any) -> dict[str, Any]:
    _, server = asked(request=request, **settings)
    return dict(server.received[0].body)


def test_system_turns_are_split_out_and_settings_arrive_in_the_apis_words() -> None:
    sampling = Sampling(max_tokens=5, temperature=0.7, top_p=0.5, stop=("16.",))
    turns = (Message("system", "be kind"), Message("system", "be brief"), Message("user", "u"))
    assert body_of(Request(messages=turns, sampling=sampling)) == {
        "model": "m",
        "system": "be kind\n\nbe brief",
        "messages": [{"role": "user", "content": "u"}],
        "max_tokens": 5,
        "temperature": 0.7,
        "top_p": 0.5,
        "stop_sequences": ["16."],
    }


def test_settings_that_do_nothing_are_not_sent_and_null_leaves_one_out() -> None:
    assert set(body_of(HELLO)) == {"model", "messages", "max_tokens", "temperature"}
    extra = {"temperature": None, "top_k": 3}
    assert set(body_of(HELLO, extra=extra)) == {"model", "messages", "max_tokens", "top_k"}


def test_key_and_version_are_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret-123")
    _, server = asked(key_env="ANTHROPIC_API_KEY")
    headers = server.received[0].headers
    assert headers["x-api-key"] == "secret-123"
    assert headers["anthropic-version"] == "2023-06-01"
    assert "Authorization" not in headers
    assert server.received[0].path == "/v1/messages"
    assert Anthropic(model="m").key_env == "ANTHROPIC_API_KEY"


@pytest.mark.parametrize(
    ("stated", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("tool_use", "length"),
        ("something new", "length"),
        (None, "length"),
        ("refusal", "refused"),
    ],
)
def test_only_a_known_end_is_an_end(stated: str | None, finish: str) -> None:
    assert reply_of(Say("x", finish=stated)).finish == finish


def test_text_blocks_are_joined_and_cached_tokens_counted_with_the_prompt() -> None:
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    usage = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 300,
        "output_tokens": 2,
    }
    reply = reply_of(Say(more={"content": content, "usage": usage}))
    assert (reply.text, reply.model) == ("ab", "fake@main")
    assert (reply.usage.prompt, reply.usage.completion) == (325, 2)


def test_a_schema_is_a_tool_that_must_be_used_and_its_input_is_the_reply() -> None:
    request = Request(messages=HELLO.messages, schema=SCHEMA)
    body = body_of(request)
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"]["type"] == "tool"
    assert body["tool_choice"]["name"] == body["tools"][0]["name"]
    used = {"type": "tool_use", "id": "1", "name": body["tools"][0]["name"], "input": {"n": 3}}
    reply = reply_of(Say(finish="tool_use", more={"content": [used]}), request=request)
    assert (json.loads(reply.text), reply.finish) == ({"n": 3}, "stop")
    cut = reply_of(Say(finish="max_tokens", more={"content": [used]}), request=request)
    assert cut.finish == "length"


def test_a_schema_that_is_no_object_is_wrapped_and_unwrapped() -> None:
    request = Request(messages=HELLO.messages, schema={"type": "array"})
    body = body_of(request)
    assert body["tools"][0]["input_schema"]["properties"]["value"] == {"type": "array"}
    used = {"type": "tool_use", "name": body["tools"][0]["name"], "input": {"value": [1, 2]}}
    reply = reply_of(Say(finish="tool_use", more={"content": [used]}), request=request)
    assert json.loads(reply.text) == [1, 2]


def test_a_model_that_thinks_is_offered_the_tool_and_not_forced() -> None:
    request = Request(messages=HELLO.messages, schema=SCHEMA)
    body = body_of(request, extra={"thinking": {"type": "adaptive"}})
    assert body["tool_choice"]["type"] == "auto"


def test_blank_stops_which_the_api_refuses_cut_the_text_here() -> None:
    request = Request(messages=HELLO.messages, sampling=Sampling(stop=("\n\n", "#")))
    assert body_of(request)["stop_sequences"] == ["#"]
    reply = reply_of(Say("one\n\ntwo", finish="max_tokens"), request=request)
    assert (reply.text, reply.finish) == ("one", "stop")


def test_an_overloaded_server_is_asked_again() -> None:
    busy = Refuse(529, "Overloaded", type="overloaded_error")
    outcome, server = asked(busy, busy, Say("at last"))
    assert isinstance(outcome, Reply)
    assert len(server.received) == 3


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [
        (Refuse(400, "prompt is too long: 208310 tokens > 200000 maximum"), "too_long"),
        (Refuse(413, "too big", type="request_too_large"), "too_long"),
        (Refuse(400, "messages: at least one", type="invalid_request_error"), "request"),
        (Refuse(404, "model: m", type="not_found_error"), "request"),
    ],
    ids=repr,
)
def test_a_request_that_the_api_will_never_take_is_sent_once(refusal: Refuse, fault: str) -> None:
    outcome, server = asked(refusal)
    assert isinstance(outcome, ModelError)
    assert (outcome.fault, outcome.retryable, len(server.received)) == (fault, False, 1)


def test_a_field_that_a_model_does_not_take_is_told_with_what_to_do() -> None:
    outcome, _ = asked(Refuse(400, "`temperature` is deprecated for this model."))
    assert "leaves a field out" in str(outcome)


@pytest.mark.parametrize(
    "refusal",
    [
        Refuse(401, "invalid x-api-key", type="authentication_error"),
        Refuse(403, "no", type="permission_error"),
        Refuse(402, "no", type="billing_error"),
        Refuse(400, "Your credit balance is too low to access the Anthropic API."),
    ],
    ids=repr,
)
def test_a_refused_key_or_an_empty_account_stops_at_once(refusal: Refuse) -> None:
    outcome, server = asked(refusal)
    assert isinstance(outcome, CredentialsError)
    assert len(server.received) == 1


def test_identity_is_the_model_and_the_extra_fields() -> None:
    one = Anthropic(url="http://a/v1", model="m", key_env="A")
    assert one.identity == Anthropic(model="m").identity
    assert one.identity != Anthropic(model="m", extra={"top_k": 1}).identity
