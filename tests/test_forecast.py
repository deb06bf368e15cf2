"""What `didact check` says of a run before it is paid for: arithmetic, pilot, who answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from didact import pipeline
from didact.checked import check_json, show_check
from didact.config import Evaluation, Generation, RunConfig
from didact.context import Budget, Context
from didact.errors import ConfigError, ModelError
from didact.estimate import Span
from didact.forecast import answering, forecast
from didact.models.openai import OpenAI
from didact.models.openai_batch import OpenAIBatch
from didact.models.scripted import Scripted
from didact.pilot import pilot
from didact.ping import ping
from didact.prices import Price, Prices
from didact.recipes.self_instruct import SelfInstruct
from didact.records import Example, Message, Origin, Reply, Request, Sampling, Usage
from didact.store import Run
from toys import example

PRICE = Price(input=1.0, output=3.0)


def tokens(request: Request, text: str) -> Reply:
    """A reply with about as many tokens as a real model counts."""
    asked = request.prompt or "".join(turn.content for turn in request.messages)
    usage = Usage(prompt=len(asked) // 4, completion=max(len(text) // 4, 1))
    return Reply(text=text, usage=usage)


def teacher(request: Request) -> Reply:
    """Writes lists of instructions, each time others, and simple instances of them."""
    prompt = request.prompt or ""
    if re.search(r"\n\d+\.\Z", prompt):
        code = hashlib.md5(prompt.encode()).hexdigest()
        lines = [f" Tell of {code[i : i + 4]} {code[i + 9 : i + 13]} now." for i in range(7)]
        return tokens(request, "".join(f"{t}\n{n}." for n, t in enumerate(lines, 10)))
    return tokens(request, " No" if prompt.endswith("classification?") else "Output: done it")


def self_instructing(target: int, **fields: Any) -> RunConfig:
    config = RunConfig(
        name="x",
        models={"teacher": Scripted(replies=teacher, name="teacher")},
        prices=Prices(own={"teacher-*": PRICE}),
        generate=(Generation(use=SelfInstruct(target=target), seeds="builtin"),),
    )
    return replace(config, **fields)


def within(span: Span | None, value: float) -> bool:
    return span is not None and span.low <= value <= span.high


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The totals of a whole run of sixty instructions."""
    with Run.create(tmp_path_factory.mktemp("made") / "run") as run:
        pipeline.generate(self_instructing(60), run)
        return run.calls.totals()


def test_the_arithmetic_of_self_instruct_holds_what_a_run_then_asks(made: Any) -> None:
    (part,) = forecast(self_instructing(60)).parts
    assert part.estimate is not None
    assert within(part.estimate.calls, made.made)
    assert within(part.estimate.tokens, made.prompt_tokens + made.completion_tokens)
    assert within(part.usd, made.usd)
    assert [step.name for step in part.estimate.steps] == ["lists", "kinds", "instances"]


def test_a_pilot_makes_twenty_calls_that_the_run_reuses_and_narrows_the_forecast(
    tmp_path: Path, made: Any
) -> None:
    config = self_instructing(60)
    (projected,) = pilot(config, tmp_path / "run")
    assert projected.sampled == projected.made <= 20
    assert projected.examples == 7
    assert not projected.finished
    (part,) = forecast(config).parts
    assert part.usd is not None
    assert projected.usd is not None
    assert within(projected.usd, made.usd)
    assert projected.usd.high - projected.usd.low < (part.usd.high - part.usd.low) / 3
    # No stage was made, and the second pilot asks nobody.
    assert Run.open(tmp_path / "run").stage("generate") is None
    assert pilot(config, tmp_path / "run")[0].made == 0
    summary = pipeline.generate(config, tmp_path / "run")
    assert summary.calls.replayed == projected.sampled
    assert summary.calls.made + summary.calls.replayed == made.made


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Two calls an example, and every third comes to nothing."""

    target: int = 500

    async def run(self, ctx: Context, seeds: Sequence[Example]) -> AsyncIterator[Example]:
        async def one(number: int) -> Example | None:
            first = await ctx.ask(Request(prompt=f"a {number}"))
            second = await ctx.ask(Request(prompt=f"b {number}"))
            origin = Origin(recipe="pairs", calls=(first.key, second.key))
            return Example.single(str(number), "x", origin=origin) if number % 3 else None

        async for made in ctx.map(one, range(self.target * 3 // 2)):
            if made is not None:
                yield made


def pairs(**fields: Any) -> RunConfig:
    model = Scripted(replies=lambda request: tokens(request, "x" * 400), name="teacher")
    given = {"models": {"teacher": model}, "generate": (Generation(use=Pairs()),), **fields}
    return self_instructing(1, **given)


def test_a_recipe_without_arithmetic_is_projected_by_what_an_example_cost(tmp_path: Path) -> None:
    (part,) = forecast(pairs()).parts
    assert (part.estimate, part.usd) == (None, None)
    assert "not known; --pilot tells" in str(part)
    (projected,) = pilot(pairs(), tmp_path / "run")
    assert projected.sampled == 20
    # 500 examples take 750 pairs of calls; a call costs 100 tokens of reply and one of prompt.
    assert within(projected.calls, 1500)
    assert within(projected.usd, 1500 * 300e-6)
    assert projected.calls is not None
    assert projected.calls.high < 4 * 1500


def test_a_pilot_that_reaches_the_end_is_the_whole_and_exact(tmp_path: Path) -> None:
    short = pairs(generate=(Generation(use=Pairs(target=4)),))
    (projected,) = pilot(short, tmp_path / "run")
    assert projected.finished
    assert projected.calls == Span(12, 12)
    with Run.open(tmp_path / "run") as run:
        assert projected.usd == pytest.approx((run.calls.totals().usd,) * 2)


def test_a_pilot_says_when_it_learnt_nothing_and_why(tmp_path: Path) -> None:
    def down(_: Request) -> str:
        raise ModelError("out of order")

    broken = pairs(models={"teacher": Scripted(replies=down, name="teacher")})
    (projected,) = pilot(broken, tmp_path / "run")
    assert projected.usd is None
    assert "out of order" in str(projected)
    assert "not known" in projected.note


def test_a_pilot_keeps_to_the_budget_of_the_run(tmp_path: Path) -> None:
    (projected,) = pilot(pairs(budget=Budget(calls=6)), tmp_path / "run")
    assert projected.made == 6


def test_an_evaluation_counts_its_items_for_every_role_and_local_ones_are_free() -> None:
    tests = [example("x", f"question {number}") for number in range(10)]
    config = pairs(
        generate=(),
        evaluate=Evaluation(on=tests, models=("teacher", "base"), sampling=Sampling(max_tokens=9)),
    )
    (part,) = forecast(config).parts
    assert part.estimate is not None
    assert part.estimate.calls == Span(20, 20)
    assert part.usd is not None
    most = 10 * (3 * 9 + part.estimate.steps[0].prompt.high) / 1e6
    assert part.usd.high == pytest.approx(most, rel=0.1)


def test_who_answers_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-very-secret-indeed")
    models = {
        "teacher": OpenAI(model="gpt-4o", url="https://api.example.com/v1", key_env="A_KEY"),
        "judge": OpenAI(model="mine", url="http://localhost:1/v1", key_env="NO_SUCH_KEY"),
        "local": Scripted(replies=("a",)),
    }
    config = pairs(models=models, budget=Budget(usd=0.00001))
    told = "\n".join(show_check(config, forecast(config), []))
    assert "teacher: openai gpt-4o at https://api.example.com/v1; the key A_KEY is set" in told
    assert "judge: openai mine at http://localhost:1/v1; the key NO_SUCH_KEY is NOT SET" in told
    assert "its price is not known" in told
    assert "local: scripted in this process, free" in told
    whole = str(check_json(Path("x"), config, forecast(config), [], []))
    assert "secret" not in told + whole


def test_a_budget_that_will_not_do_is_told_before_it_is_spent() -> None:
    config = self_instructing(60, budget=Budget(usd=0.00001))
    told = show_check(config, forecast(config), [])
    assert told[-1].startswith("budget    $0.00001000 is too little")
    rich = self_instructing(60, budget=Budget(usd=100))
    assert not show_check(rich, forecast(rich), [])[-1].startswith("budget")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """A model behind a server."""

    error: bool = False
    url: str = "http://localhost:1"
    capabilities: ClassVar[frozenset[str]] = frozenset({"chat"})
    identity: ClassVar[str] = "answering"
    closed: ClassVar[list[bool]] = []

    async def ask(self, request: Request) -> Reply:
        assert request.messages == (Message("user", "Hello"),)
        assert request.sampling.max_tokens == 1
        if self.error:
            raise ModelError("no route")
        return Reply(text="a", model="served-as")

    async def close(self) -> None:
        self.closed.append(True)


def test_a_ping_asks_each_server_for_one_token_and_local_models_not_at_all() -> None:
    pongs = ping({"a": Answering(), "b": Answering(error=True), "c": Scripted(replies=("x",))})
    assert [(pong.role, pong.model, pong.error) for pong in pongs] == [
        ("a", "served-as", ""),
        ("b", "", "no route"),
    ]
    assert "as served-as" in str(pongs[0])
    assert "does not answer: no route" in str(pongs[1])
    assert len(Answering.closed) == 2


def test_the_address_of_a_server_is_shown_without_its_query() -> None:
    @dataclass(frozen=True)
    class Served:
        url: str = "https://me:pass@example.com:8443/v1?token=abc#x"
        model: str = "gpt-4o"
        identity: str = "served"

    served: Any = Served()
    (role,) = answering(pairs(models={"teacher": served}))
    assert role.where == "https://example.com:8443/v1"


def test_no_pilot_waits_a_day_for_a_batch(tmp_path: Path) -> None:
    batch = OpenAIBatch(url="http://127.0.0.1:1/v1", model="m", key_env=None)
    config = RunConfig(name="r", models={"teacher": batch})
    with pytest.raises(ConfigError, match=r"models\.teacher: a batch API.*use: openai"):
        pilot(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
