"""The OpenAI component against a server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest

from didact.errors import ConfigError, CredentialsError, ModelError
from didact.http.waits import WAITS
from didact.models.openai import OpenAI
from didact.records import Message, Reply, Request, Sampling
from fake_server import Behaviour, FakeServer, HangUp, Raw, Refuse, Say

HELLO = Request(messages=(Message("user", "hello"),))


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WAITS, "first", 0.01)


def asked(
    *behaviours: Behaviour, request: Request = HELLO, **settings: Any
) -> tuple[Reply | ModelError | CredentialsError, FakeServer]:
    async def within() -> tuple[Reply | ModelError | CredentialsError, FakeServer]:
        async with FakeServer(*behaviours) as server:
            model = OpenAI(**{"url": server.url, "model": "m", **settings})
            try:
                return await model.ask(request), server
            except (ModelError, CredentialsError) as error:
                return error, server
            finally:
                await model.close()

    return asyncio.run(within())


def error_of(*behaviours: Behaviour, **settings: Any) -> ModelError:
    outcome, _ = asked(*behaviours, **settings)
    assert isinstance(outcome, ModelError)
    return outcome


def reply_of(*behaviours: Behaviour, **settings: Any) -> Reply:
    outcome, _ = asked(*behaviours, **settings)
    assert isinstance(outcome, Reply)
    return outcome


def test_messages_and_settings_arrive_in_the_servers_words() -> None:
    sampling = Sampling(
        max_tokens=5,
        temperature=0.7,
        top_p=0.5,
        presence_penalty=1.0,
        frequency_penalty=2.0,
        stop=("\n\n", "16."),
    )
    request = Request(messages=(Message("system", "s"), Message("user", "u")), sampling=sampling)
    _, server = asked(request=request)
    body = dict(server.received[0].body)
    seed = body.pop("seed")
    assert server.received[0].path == "/v1/chat/completions"
    assert isinstance(seed, int)
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "max_tokens": 5,
        "temperature": 0.7,
        "top_p": 0.5,
        "presence_penalty": 1.0,
        "frequency_penalty": 2.0,
        "stop": ["\n\n", "16."],
    }


def test_settings_that_do_nothing_are_not_sent() -> None:
    _, server = asked()
    assert set(server.received[0].body) == {"model", "messages", "max_tokens", "temperature"}


def test_a_prompt_goes_to_completions() -> None:
    outcome, server = asked(Say("x"), request=Request(prompt="Once"))
    assert isinstance(outcome, Reply)
    assert outcome.text == "x"
    assert server.received[0].path == "/v1/completions"
    assert server.received[0].body["prompt"] == "Once"
    assert "messages" not in server.received[0].body


def test_seeds_differ_between_draws_and_repeat_for_the_same_draw() -> None:
    def seed(draw: int) -> int:
        request = Request(prompt="p", draw=draw, sampling=Sampling(temperature=1.0))
        return asked(request=request)[1].received[0].body["seed"]

    assert seed(0) == seed(0) != seed(1)


def test_a_schema_is_asked_for_as_response_format() -> None:
    schema: dict[str, Any] = {"type": "object"}
    request = Request(messages=HELLO.messages, schema=schema)
    _, server = asked(request=request)
    assert server.received[0].body["response_format"]["json_schema"]["schema"] == schema


def test_extra_fields_are_sent_and_null_leaves_a_field_out() -> None:
    _, server = asked(extra={"top_k": 40, "max_tokens": None, "max_completion_tokens": 9})
    body = server.received[0].body
    assert body["top_k"] == 40
    assert body["max_completion_tokens"] == 9
    assert "max_tokens" not in body


def test_identity_is_the_model_and_the_extra_fields_and_never_url_or_key() -> None:
    one = OpenAI(url="http://a/v1", model="m", key_env="A", concurrency=1)
    other = OpenAI(url="http://b/v1", model="m", key_env="B", timeout=3)
    assert one.identity == other.identity
    assert one.identity != OpenAI(model="m", extra={"top_k": 1}).identity
    assert one.identity != OpenAI(model="n").identity


@pytest.mark.parametrize(
    ("stated", "finish"),
    [
        ("stop", "stop"),
        (None, "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("content_filter", "refused"),
    ],
)
def test_finish_reasons_are_mapped(stated: str | None, finish: str) -> None:
    assert reply_of(Say("x", finish=stated)).finish == finish


def test_text_usage_name_and_log_probabilities_are_read() -> None:
    logprobs = {"logprobs": {"content": [{"logprob": -0.5}, {"logprob": -1}]}}
    reply = reply_of(Say("héllo", more=logprobs))
    assert reply.text == "héllo"
    assert (reply.usage.prompt, reply.usage.completion) == (7, 3)
    assert reply.model == "fake@main"
    assert reply.logprobs == (-0.5, -1.0)


def test_a_refusal_in_the_message_is_a_refused_reply() -> None:
    refusal = {"message": {"role": "assistant", "content": None, "refusal": "I will not."}}
    reply = reply_of(Say(more=refusal))
    assert (reply.text, reply.finish) == ("I will not.", "refused")


def test_a_reply_cut_before_any_text_is_an_empty_reply_of_finish_length() -> None:
    assert reply_of(Say(None, finish="length")).text == ""


@pytest.mark.parametrize(
    "trouble",
    [
        Refuse(429),
        Refuse(500),
        Refuse(503),
        Refuse(408),
        HangUp(),
        Raw(b"{not json"),
        Raw(b"[]"),
        Raw(b'{"choices": []}'),
        Raw(b'{"choices": [{"message": {}}]}'),
        Say(None),
    ],
    ids=repr,
)
def test_trouble_that_may_pass_is_tried_again(trouble: Behaviour) -> None:
    outcome, server = asked(trouble, trouble, Say("at last"))
    assert isinstance(outcome, Reply)
    assert outcome.text == "at last"
    assert len(server.received) == 3
    error = error_of(trouble, retries=1, deadline=0.2)
    assert (error.retryable, error.fault) == (True, "transient")


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_the_server_will_never_accept_is_not_tried_again(status: int) -> None:
    outcome, server = asked(Refuse(status, "context length is 4096 tokens"))
    assert isinstance(outcome, ModelError)
    assert (outcome.retryable, outcome.status) == (False, status)
    assert "context length is 4096 tokens" in str(outcome)
    assert len(server.received) == 1
    assert error_of(Refuse(status, "no")).fault == ("too_long" if status == 413 else "request")


@pytest.mark.parametrize(
    "refusal",
    [
        Refuse(429, "pay", code="insufficient_quota"),
        Refuse(402, "pay"),
        Refuse(400, "Your credit balance is too low to access the API."),
    ],
    ids=repr,
)
def test_an_exhausted_account_is_no_matter_of_waiting(refusal: Refuse) -> None:
    outcome, server = asked(refusal)
    assert isinstance(outcome, CredentialsError)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_variable_and_never_shown(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-123")
    outcome, server = asked(Refuse(status, "bad key secret-123"), key_env="MY_KEY")
    assert isinstance(outcome, CredentialsError)
    assert server.received[0].headers["Authorization"] == "Bearer secret-123"
    assert "MY_KEY" in str(outcome)
    assert "secret-123" not in str(outcome)
    model = OpenAI(model="m", key_env="MY_KEY")
    assert "secret-123" not in repr(model) + model.identity


def test_a_key_in_an_unreadable_reply_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret-123")
    error = error_of(Raw(b"you sent secret-123"), key_env="MY_KEY", retries=0)
    assert "secret-123" not in str(error)


@pytest.mark.parametrize("value", [None, " ", "two\nlines", "ünïcode"])
def test_a_key_that_is_none_is_told_by_its_variable_before_anything_is_sent(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    outcome, server = asked(key_env="MY_KEY")
    assert isinstance(outcome, CredentialsError)
    assert "MY_KEY" in str(outcome)
    assert value is None or value.strip() == "" or value not in str(outcome)
    assert not server.received


def test_without_a_key_no_authorisation_is_sent() -> None:
    _, server = asked()
    assert "Authorization" not in server.received[0].headers


@pytest.mark.parametrize("dated", [False, True])
def test_retry_after_is_honoured_in_seconds_and_as_a_date(dated: bool) -> None:
    # A date has whole seconds: two ahead is at least one second from now.
    after = formatdate(time.time() + 2, usegmt=True) if dated else "0.6"
    start = time.monotonic()
    assert reply_of(Refuse(429, headers={"Retry-After": after}), Say("ok")).text == "ok"
    assert time.monotonic() - start > 0.55


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    start = time.monotonic()
    error = error_of(Refuse(503, headers={"Retry-After": "60"}), deadline=5.0)
    assert error.retryable
    assert time.monotonic() - start < 3


def test_a_slow_server_times_out_and_the_attempt_is_repeated() -> None:
    outcome, server = asked(Say(after=2), Say("quick"), timeout=0.3)
    assert isinstance(outcome, Reply)
    assert outcome.text == "quick"
    assert len(server.received) == 2
    assert error_of(Say(after=2), timeout=0.1, retries=0).retryable


def test_a_server_that_is_not_there_may_come_back() -> None:
    error = error_of(url="http://127.0.0.1:9/v1", retries=1)
    assert error.retryable
    assert "127.0.0.1:9" in str(error)


def test_a_url_with_the_endpoint_or_a_slash_at_its_end_is_understood() -> None:
    for ending in ("/", "/chat/completions"):

        async def within(ending: str = ending) -> str:
            async with FakeServer() as server:
                model = OpenAI(url=server.url + ending, model="m")
                await model.ask(HELLO)
                await model.close()
                return server.received[0].path

        assert asyncio.run(within()) == "/v1/chat/completions"


def test_no_more_than_the_configured_number_of_requests_is_in_flight() -> None:
    async def within() -> int:
        async with FakeServer(Say(after=0.05)) as server:
            model = OpenAI(url=server.url, model="m", concurrency=3)
            await asyncio.gather(*[model.ask(HELLO) for _ in range(9)])
            await model.close()
            return server.most_at_once

    assert asyncio.run(within()) == 3


def test_strange_text_survives_the_way_there_and_back() -> None:
    strange = "\x00 \ud800 \U0001f600 {{}} \u2028"
    request = Request(messages=(Message("user", strange),))
    reply = reply_of(Say(lambda body: body["messages"][0]["content"]), request=request)
    assert reply.text == strange


@pytest.mark.parametrize(
    "settings", [{"url": "localhost:8000"}, {"concurrency": 0}, {"timeout": 0}]
)
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        OpenAI(**{"model": "m", **settings})


def test_a_model_that_wants_another_name_for_the_limit_gets_it_from_then_on() -> None:
    def wants(body: Any) -> bool:
        return "max_completion_tokens" in body

    async def newer(server: FakeServer, received: Any) -> Any:
        if wants(received.body):
            return await Say("ok")(server, received)
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model."
            " Use 'max_completion_tokens' instead."
        )
        return await Refuse(400, message, code="unsupported_parameter")(server, received)

    async def within() -> FakeServer:
        async with FakeServer(newer) as server:
            model = OpenAI(url=server.url, model="m")
            identity = model.identity
            assert (await model.ask(HELLO)).text == "ok"
            await model.close()
            assert (await model.ask(HELLO)).text == "ok"
            assert model.identity == identity
            await model.close()
            return server

    server = asyncio.run(within())
    assert [wants(received.body) for received in server.received] == [False, True, True]
    assert "max_tokens" not in server.received[1].body


def test_several_replies_to_one_request_are_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError, match="say n: beside model:"):
        OpenAI(model="m", extra={"n": 4})
    OpenAI(model="m", extra={"n": 1})


def test_log_probabilities_are_asked_for_by_a_field_in_both_forms() -> None:
    _, server = asked(logprobs=True)
    assert server.received[0].body["logprobs"] is True
    more = {"logprobs": {"token_logprobs": [None, -0.5, -1]}}
    outcome, server = asked(Say("x", more=more), request=Request(prompt="p"), logprobs=True)
    assert server.received[0].body["logprobs"] == 1
    assert isinstance(outcome, Reply)
    assert outcome.logprobs == (-0.5, -1.0)
    plain, asking = OpenAI(model="m"), OpenAI(model="m", logprobs=True)
    assert plain.identity != asking.identity
    assert asking.capabilities - plain.capabilities == {"logprobs"}


def test_declined_content_is_a_refused_reply_and_not_an_error() -> None:
    reply = reply_of(Refuse(400, "The response was filtered", code="content_filter"))
    assert (reply.finish, reply.text) == ("refused", "The response was filtered")


def test_a_prompt_that_is_too_long_is_its_own_fault() -> None:
    error = error_of(Refuse(400, "This model's maximum context length is 8 tokens."))
    assert (error.fault, error.retryable) == ("too_long", False)


def test_an_error_inside_a_200_is_an_error() -> None:
    slow_down = Raw(b'{"error": {"message": "slow down", "code": 429}}')
    assert reply_of(slow_down, Say("ok")).text == "ok"
    assert error_of(Raw(b'{"error": {"message": "no such field", "code": 400}}')).status == 400


def test_attempts_are_counted_but_a_rate_limit_is_waited_for() -> None:
    outcome, server = asked(*[Refuse(429)] * 5, Say("ok"), retries=0)
    assert isinstance(outcome, Reply)
    assert len(server.received) == 6
    assert not isinstance(asked(Refuse(500), Say("ok"), retries=0)[0], Reply)


def test_a_url_with_a_query_keeps_it_and_one_with_a_password_is_refused() -> None:
    async def within() -> Any:
        async with FakeServer() as server:
            model = OpenAI(url=server.url + "?api-version=1", model="m")
            await model.ask(HELLO)
            await model.close()
            return server.received[0].path

    assert asyncio.run(within()) == "/v1/chat/completions"
    with pytest.raises(ConfigError, match="key_env") as refused:
        OpenAI(url="http://me:hidden-word@host/v1", model="m")
    assert "hidden-word" not in str(refused.value)


def test_asking_in_another_loop_without_closing_leaves_nothing_open() -> None:
    model = OpenAI(model="m", url="http://127.0.0.1:9/v1", retries=0)
    for _ in range(2):
        with pytest.raises(ModelError):
            asyncio.run(model.ask(HELLO))
    asyncio.run(model.close())
