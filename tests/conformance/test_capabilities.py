"""What a model declares that it can do, tried on every model that there is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from batch_server import Running, started
from didact.capabilities import ALL
from didact.components import find, names
from didact.errors import ModelError
from didact.models.embedded import Embedded
from didact.records import Message, Request, Sampling
from fake_server import FakeServer, Say
from fake_vllm import install
from tiny_model import write_tiny_model

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}
LOGPROBS = {"logprobs": {"content": [{"logprob": -1.0}], "token_logprobs": [-1.0]}}
FORMS = {
    "chat": Request(messages=(Message("user", "ba do"),), sampling=Sampling(max_tokens=4)),
    "completion": Request(prompt="ba do", sampling=Sampling(max_tokens=4)),
}
WITH_LOGPROBS = ("openai", "openai-batch", "vllm")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


def write_reward_model(path: Path) -> Path:
    """A random classifier of one output."""
    import transformers

    write_tiny_model(path)
    config: Any = transformers.AutoConfig.from_pretrained(path, num_labels=1)
    transformers.LlamaForSequenceClassification(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def batches() -> Any:
    with started() as server:
        yield server


@pytest.fixture(params=names("models"))
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Opens a model by name with further settings; gives it and what reached its server."""
    name = request.param
    kind = find("models", name)

    @asynccontextmanager
    async def open_model(**settings: Any) -> AsyncIterator[tuple[Any, list[Any]]]:
        received: list[Any] = []
        if name in ("openai", "anthropic"):
            said = Say("ok", more=LOGPROBS if settings else {})
            async with FakeServer(said) as server:
                model = kind(url=server.url, model="m", key_env=None, retries=0, **settings)
                yield model, server.received
                await model.close()
            return
        if name.endswith("-batch"):
            running: Running = request.getfixturevalue("batches")
            quick: dict[str, Any] = {"quiet": 0.02, "poll": 0.02, "key_env": None, "model": "m"}
            model = kind(url=running.url, journal=tmp_path, **quick, **settings)
            received = _Sent(running)
        elif name == "vllm":
            received = install(monkeypatch)
            model = kind(path=str(request.getfixturevalue("tiny")), **settings)
        elif name == "reward-model":
            model = kind(path=str(write_reward_model(tmp_path)), device="cpu", **settings)
        elif name == "openvino":
            pytest.importorskip("openvino", reason="OpenVINO is not installed")
            model = kind(path=str(request.getfixturevalue("tiny")), **settings)
        elif name == "transformers":
            model = kind(path=str(request.getfixturevalue("tiny")), device="cpu", **settings)
        elif name == "embedded":
            tiny = request.getfixturevalue("tiny")
            monkeypatch.setattr(Embedded, "directory", staticmethod(lambda: tiny))
            model = kind(**settings)
        else:
            model = kind(**({"replies": ("one",)} if name == "scripted" else {}), **settings)
        try:
            yield model, received
        finally:
            await model.close()

    open_model.name = name  # type: ignore[attr-defined]
    return open_model


class _Sent(list[Any]):
    """The batches that a server has, whenever one looks."""

    def __init__(self, server: Running) -> None:
        super().__init__()
        self._server = server

    def __len__(self) -> int:
        return len(self._server.ledger()["batches"])


def test_every_model_declares_something_that_there_is(opened: Any) -> None:
    async def check() -> None:
        async with opened() as (model, _):
            assert isinstance(model.capabilities, frozenset)
            assert model.capabilities <= ALL
            assert model.capabilities & {"chat", "completion"}

    asyncio.run(check())


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_is_declared_is_answered_and_another_is_refused_before_it_is_sent(
    opened: Any, form: str
) -> None:
    async def check() -> None:
        async with opened() as (model, received):
            before = len(received)
            if form in model.capabilities:
                assert (await model.ask(FORMS[form])).finish in ("stop", "length")
                return
            with pytest.raises(ModelError, match=model.model) as caught:
                await model.ask(FORMS[form])
            assert (caught.value.fault, caught.value.retryable) == ("request", False)
            assert len(received) == before

    asyncio.run(check())


def test_log_probabilities_are_declared_where_replies_carry_them(opened: Any) -> None:
    async def check() -> None:
        settings = {"logprobs": True} if opened.name in WITH_LOGPROBS else {}
        async with opened(**settings) as (model, _):
            reply = await model.ask(FORMS["chat"])
            # The batch server gives none; what was asked of it is its own test.
            if opened.name != "openai-batch":
                assert (reply.logprobs is not None) == ("logprobs" in model.capabilities)
        if settings:
            async with opened() as (model, _):
                assert "logprobs" not in model.capabilities

    asyncio.run(check())


def test_a_schema_is_declared_where_it_reaches_who_enforces_it(opened: Any) -> None:
    async def check() -> None:
        async with opened() as (model, received):
            if opened.name in ("openai", "anthropic"):
                await model.ask(Request(messages=FORMS["chat"].messages, schema=SCHEMA))
                assert ('"a": {"type": "integer"}' in json.dumps(received[0].body)) == (
                    "schema" in model.capabilities
                )
            elif opened.name == "vllm":
                await model.ask(Request(prompt="ba", schema=SCHEMA))
                assert received[0].asked[0][1].structured_outputs.json == SCHEMA
                assert "schema" in model.capabilities
            elif not opened.name.endswith("-batch"):
                assert "schema" not in model.capabilities

    asyncio.run(check())


def test_a_batch_carries_schema_and_log_probabilities_to_its_server(tmp_path: Path) -> None:
    model = find("models", "openai-batch")(model="m", journal=tmp_path, logprobs=True)
    row = model._row(Request(prompt="x", schema=SCHEMA), "max_tokens")
    body = json.loads(row.body)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["logprobs"] == 1
    assert {"schema", "logprobs"} <= model.capabilities
