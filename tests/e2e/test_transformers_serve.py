"""A real engine: ``transformers serve`` on loopback, asked through the OpenAI component."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from didact.models.openai import OpenAI
from didact.records import Message, Reply, Request, Sampling
from didact.text.chat import ALPACA_TEMPLATE
from tiny_model import write_tiny_model

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("served"), chat_template=ALPACA_TEMPLATE)


def ask(url: str, tiny: Path, requests: list[Request], *, concurrency: int) -> list[Reply]:
    async def within() -> list[Reply]:
        # The server loads the model that a request names: a directory works without any hub.
        model = OpenAI(url=url, model=str(tiny), concurrency=concurrency, timeout=300.0)
        try:
            return await asyncio.gather(*[model.ask(request) for request in requests])
        finally:
            await model.close()

    return asyncio.run(within())


def test_a_real_engine_answers_messages(url: str, tiny: Path) -> None:
    request = Request(messages=(Message("user", "ba do ki"),), sampling=Sampling(max_tokens=8))
    (reply,) = ask(url, tiny, [request], concurrency=1)
    assert reply.text
    assert reply.finish in ("stop", "length")
    assert 0 < reply.usage.completion <= 8
    assert reply.usage.prompt > 0
    assert reply.model.startswith(str(tiny))


def test_many_requests_at_once_all_come_back_in_their_places(url: str, tiny: Path) -> None:
    requests = [
        Request(messages=(Message("user", f"ba do {n}"),), sampling=Sampling(max_tokens=5))
        for n in range(12)
    ]
    at_once = ask(url, tiny, requests, concurrency=6)
    one_by_one = ask(url, tiny, requests, concurrency=1)
    assert [reply.text for reply in at_once] == [reply.text for reply in one_by_one]


def test_a_plain_prompt_is_continued(url: str, tiny: Path) -> None:
    request = Request(prompt="ba do ki", sampling=Sampling(max_tokens=6, stop=("\0",)))
    (reply,) = ask(url, tiny, [request], concurrency=1)
    assert reply.text
    assert reply.usage.completion <= 6
