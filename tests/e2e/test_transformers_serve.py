"""A real engine: ``transformers serve`` on loopback, asked through the OpenAI component."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def url(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, up and answering."""
    pytest.importorskip("fastapi", reason="needs pip install transformers[serving]")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = tmp_path_factory.mktemp("log") / "server.txt"
    program = "from transformers.cli.transformers import main; main()"
    command = [sys.executable, "-c", program, "serve", "--host", "127.0.0.1", "--port", str(port)]
    with said.open("wb") as log:
        server = subprocess.Popen(
            [*command, "--device", "cpu"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        )
        try:
            _wait(server, f"http://127.0.0.1:{port}/health", said)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: subprocess.Popen[bytes], address: str, said: Path) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if server.poll() is not None:
            pytest.fail(f"the server ended: {said.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it answers, whatever it answers
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not come up: {said.read_text()[-2000:]}")


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
