"""The vLLM component against a stand-in for the package, which needs a GPU."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from didact.errors import ConfigError, ModelError
from didact.models.vllm import VLLM
from didact.records import Message, Request, Sampling
from fake_vllm import Engine, install
from tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    return install(monkeypatch)


def asked(model: VLLM, *requests: Request) -> list[Any]:
    async def within() -> list[Any]:
        try:
            return await asyncio.gather(*map(model.ask, requests), return_exceptions=True)
        finally:
            await model.close()

    return asyncio.run(within())


def prompt(text: str, **sampling: Any) -> Request:
    return Request(prompt=text, sampling=Sampling(**sampling))


def test_a_prompt_is_continued_and_its_settings_arrive(tiny: Path, engines: list[Engine]) -> None:
    sampling = {"max_tokens": 50, "temperature": 0.5, "top_p": 0.9, "stop": ("x", "y")}
    model = VLLM(path=str(tiny), extra={"top_k": 7}, engine={"max_num_seqs": 4}, longest=64)
    (reply,) = asked(model, prompt("ba do", **sampling))
    assert (reply.text, reply.finish, reply.model) == ("BA DO", "stop", tiny.name)
    assert reply.usage.prompt == len(engines[0].asked[0][0]) > 0
    assert reply.usage.completion > 0
    _, got, _ = engines[0].asked[0]
    assert (got.max_tokens, got.temperature, got.top_p, got.top_k) == (50, 0.5, 0.9, 7)
    assert got.stop == ["x", "y"]
    assert isinstance(got.seed, int)
    assert not hasattr(got, "logprobs")
    given = engines[0].arguments
    assert (given.max_num_seqs, given.max_model_len, given.tensor_parallel_size) == (4, 64, 1)
    assert engines[0].shut


def test_messages_become_text_by_the_models_template_or_ours(
    tmp_path: Path, engines: list[Engine]
) -> None:
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    path = write_tiny_model(tmp_path, chat_template=template)
    request = Request(messages=(Message("user", "ba"),))
    (own,) = asked(VLLM(path=str(path)), request)
    (alpaca,) = asked(VLLM(path=str(path), template="alpaca"), request)
    assert own.text == "<USER>BA<ASSISTANT>"
    assert "INSTRUCTION" in alpaca.text


def test_seeds_differ_between_draws_and_greedy_requests_have_none(
    tiny: Path, engines: list[Engine]
) -> None:
    draws = [Request(prompt="ba", draw=n, sampling=Sampling(temperature=1)) for n in (0, 1, 0)]
    asked(VLLM(path=str(tiny)), *draws, prompt("ba"))
    seeds = [getattr(sampling, "seed", None) for _, sampling, _ in engines[0].asked]
    assert seeds[0] == seeds[2] != seeds[1]
    assert seeds[3] is None
    assert len({name for _, _, name in engines[0].asked}) == 4


def test_a_schema_and_log_probabilities_are_asked_for(tiny: Path, engines: list[Engine]) -> None:
    model = VLLM(path=str(tiny), logprobs=True)
    (reply,) = asked(model, Request(prompt="ba", schema={"type": "object"}))
    assert engines[0].asked[0][1].structured_outputs.json == {"type": "object"}
    assert reply.logprobs == (-0.5,) * reply.usage.completion


def test_a_completion_is_scored_token_by_token(tiny: Path, engines: list[Engine]) -> None:
    async def within() -> tuple[Any, Any]:
        model = VLLM(path=str(tiny))
        return await model.score("ba do", " ki lu"), await model.score("ba", "")

    scores, none = asyncio.run(within())
    start = len(engines[0].tokenizer.encode("ba do"))
    assert scores == tuple(-float(start - 1 + n) for n in range(len(scores)))
    assert len(scores) == len(engines[0].tokenizer.encode(" ki lu"))
    assert none == ()


@pytest.mark.parametrize(
    ("text", "fault", "retryable"),
    [
        ("too long", "too_long", False),
        ("dead", "down", True),
        ("again", "transient", True),
        ("abort", "transient", True),
    ],
)
def test_failures_are_told_apart(
    tiny: Path, engines: list[Engine], text: str, fault: str, retryable: bool
) -> None:
    (error,) = asked(VLLM(path=str(tiny)), prompt(text))
    assert isinstance(error, ModelError)
    assert (error.fault, error.retryable) == (fault, retryable)


def test_a_reply_that_was_cut_is_not_complete(tiny: Path, engines: list[Engine]) -> None:
    (reply,) = asked(VLLM(path=str(tiny)), prompt("ba do ki", max_tokens=1))
    assert reply.finish == "length"


def test_a_cancelled_request_leaves_the_engine(tiny: Path, engines: list[Engine]) -> None:
    async def within() -> None:
        model = VLLM(path=str(tiny))
        asking = asyncio.create_task(model.ask(prompt("slowly")))
        while not engines or not engines[0].asked:
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert engines[0].aborted == ["didact-0"]
        await model.close()

    asyncio.run(within())


def test_asked_in_another_loop_it_starts_another_engine(tiny: Path, engines: list[Engine]) -> None:
    model = VLLM(path=str(tiny))
    first = asyncio.run(model.ask(prompt("ba")))
    second = asyncio.run(model.ask(prompt("ba")))
    assert first == second
    assert [engine.shut for engine in engines] == [True, False]


@pytest.mark.parametrize(
    "settings",
    [{"gpus": 0}, {"memory": 0.0}, {"memory": 1.5}, {"longest": 0}, {"extra": {"n": 2}}],
)
def test_impossible_settings_are_refused_at_once(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="vllm"):
        VLLM(path="x", **settings)


@pytest.mark.parametrize("settings", [{"extra": {"top_q": 1}}, {"engine": {"gpu": 1}}])
def test_settings_that_vllm_does_not_have_are_named(
    tiny: Path, engines: list[Engine], settings: dict[str, Any]
) -> None:
    (error,) = asked(VLLM(path=str(tiny), **settings), prompt("ba"))
    assert isinstance(error, ConfigError)
    assert "top_q" in str(error) or "'gpu'" in str(error)


def test_where_vllm_is_not_installed_both_ways_out_are_told(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    (error,) = asked(VLLM(path=str(tiny)), prompt("ba"))
    assert isinstance(error, ConfigError)
    assert "uv pip install vllm" in str(error)
    assert "use: openai" in str(error)


def test_identity_is_the_weights_and_what_changes_replies_and_needs_no_vllm(tiny: Path) -> None:
    plain = VLLM(path=str(tiny))
    assert plain.identity == VLLM(path=str(tiny), gpus=2, memory=0.5).identity
    for settings in ({"logprobs": True}, {"longest": 9}, {"extra": {"top_k": 1}}):
        assert VLLM(path=str(tiny), **settings).identity != plain.identity  # type: ignore[arg-type]
