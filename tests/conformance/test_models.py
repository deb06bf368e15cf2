"""What every model promises, tried on all of them."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from didact.errors import ModelError
from didact.models.anthropic import Anthropic
from didact.models.copy_input import CopyInput
from didact.models.embedded import Embedded
from didact.models.openai import OpenAI
from didact.models.scripted import Scripted
from didact.models.transformers import Transformers
from didact.records import Message, Request, Sampling
from fake_server import FakeServer, Say
from tiny_model import write_tiny_model

KINDS = ["anthropic", "copy-input", "embedded", "openai", "scripted", "transformers"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Opens a fresh model of each kind, closed at the end of the block."""

    @asynccontextmanager
    async def open_model() -> AsyncIterator[Any]:
        model: Any
        if request.param in ("openai", "anthropic"):
            async with FakeServer(Say(after=0.05)) as server:
                kind = OpenAI if request.param == "openai" else Anthropic
                model = kind(url=server.url, model="m", key_env=None, retries=0)
                try:
                    yield model
                finally:
                    await model.close()
            return
        if request.param == "copy-input":
            model = CopyInput()
        elif request.param == "scripted":
            model = Scripted(replies=("one", "two", "three"))
        elif request.param == "embedded":
            tiny = request.getfixturevalue("tiny")
            monkeypatch.setattr(Embedded, "directory", staticmethod(lambda: tiny))
            model = Embedded()
        else:
            model = Transformers(path=str(request.getfixturevalue("tiny")), device="cpu")
        try:
            yield model
        finally:
            await model.close()

    return open_model


def chat(text: str, **sampling: Any) -> Request:
    return Request(messages=(Message("user", text),), sampling=Sampling(**sampling))


def run(coroutine: Awaitable[Any]) -> Any:
    async def within() -> Any:
        return await coroutine

    return asyncio.run(within())


def test_the_same_settings_have_the_same_identity_before_and_after_asking(opened: Any) -> None:
    async def check() -> None:
        async with opened() as one, opened() as other:
            before = one.identity
            await one.ask(chat("hello", max_tokens=2))
            assert one.identity == before == other.identity
            assert before

    run(check())


def test_the_same_request_gets_the_same_reply_in_every_form_that_the_model_has(opened: Any) -> None:
    async def check() -> None:
        async with opened() as model:
            plain = Request(prompt="ba do", sampling=Sampling(max_tokens=6, temperature=1.0))
            requests = [chat("ba do", max_tokens=6, temperature=1.0), plain]
            if isinstance(model, Anthropic):
                requests.remove(plain)
                with pytest.raises(ModelError, match="plain prompts"):
                    await model.ask(plain)
            for request in requests:
                first, second = await model.ask(request), await model.ask(request)
                assert (first.text, first.finish, first.usage) == (
                    second.text,
                    second.finish,
                    second.usage,
                )
                assert first.usage.prompt > 0
                assert first.model

    run(check())


def test_a_cancelled_request_leaves_no_task_and_the_next_one_is_answered(opened: Any) -> None:
    async def check() -> None:
        async with opened() as model:
            await model.ask(chat("warm up", max_tokens=1))
            idle = asyncio.all_tasks()
            asking = [
                asyncio.create_task(model.ask(chat(f"ba {n}", max_tokens=400))) for n in range(3)
            ]
            await asyncio.sleep(0.02)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            until = time.monotonic() + 5
            while asyncio.all_tasks() - idle and time.monotonic() < until:
                await asyncio.sleep(0.01)
            left = {t for t in asyncio.all_tasks() - idle if "didact" in repr(t.get_coro())}
            assert not left
            assert (await model.ask(chat("ba", max_tokens=1))) is not None

    run(check())


def test_a_closed_model_can_be_closed_again_and_asked_in_another_loop(opened: Any) -> None:
    async def check() -> None:
        async with opened() as model:
            await model.ask(chat("ba", max_tokens=1))
            await model.close()
            await model.close()
            await model.ask(chat("ba", max_tokens=1))

    run(check())
    run(check())


def test_components_are_frozen_and_hide_their_live_state(opened: Any) -> None:
    async def check() -> None:
        async with opened() as model:
            await model.ask(chat("ba", max_tokens=1))
            shown = repr(model)
            public = [f.name for f in dataclasses.fields(model) if not f.name.startswith("_")]
            assert all(f"{name}=" in shown for name in public)
            assert " object at " not in shown
            # Python 3.11 says TypeError where a frozen class with slots has no such field.
            with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
                model.anything = 1

    run(check())


def test_the_copy_baseline_answers_with_the_input_else_the_instruction() -> None:
    model = CopyInput()
    assert run(model.ask(chat("Sort.\n\nInput:\npear apple"))).text == "pear apple"
    assert run(model.ask(chat("Say hello."))).text == "Say hello."
    assert run(model.ask(Request(prompt="as it is"))).text == "as it is"


def test_an_error_that_may_pass_is_told_apart_from_one_that_stays() -> None:
    assert not ModelError("no").retryable
    assert ModelError("later", retryable=True, status=503).retryable
