"""What a judge will be asked is known before: the calls are those made, tokens and money inside."""

from __future__ import annotations

import re

import pytest

from didact import pipeline
from didact.checked import show_check
from didact.config import Evaluation, RunConfig, Suite
from didact.errors import ConfigError
from didact.evaluators.four_level import FourLevel
from didact.evaluators.graded import Graded
from didact.evaluators.hhh import Hhh
from didact.evaluators.length_controlled import LengthControlled
from didact.evaluators.pairwise import Pairwise
from didact.evaluators.scored_pair import ScoredPair
from didact.evaluators.win_rate import WinRate
from didact.forecast import forecast
from didact.models.scripted import Scripted
from didact.prices import Price, Prices
from didact.records import Example, Message, Origin, Reply, Request, Sampling, Usage
from didact.store import Run
from judge_toys import judge_of

PRICE = Price(input=2.0, output=8.0)
MOST = 60


def counted(request: Request, text: str, **fields) -> Reply:
    """With as many tokens as a common tokenizer finds: four bytes each."""
    asked = "\n".join(turn.content for turn in request.messages)
    usage = Usage(prompt=len(asked.encode()) // 4, completion=max(len(text) // 4, 1))
    return Reply(text=text, usage=usage, **fields)


def model(name):
    return Scripted(
        replies=lambda request: counted(
            request, f"{name} says of {request.messages[-1].content}: " + "fine words " * 4
        ),
        name=name,
    )


def judge(request: Request) -> Reply:
    said = judge_of(lambda first, second: float(first < second))(request)
    return counted(request, said.text, finish=said.finish, logprobs=said.logprobs)


def items(*, turns=1, number=5):
    return [
        Example(
            messages=tuple(
                [Message("user", f"Question {n}, part {turn}?") for turn in range(turns)]
                + [Message("assistant", f"the right answer to {n}")]
            ),
            origin=Origin(recipe="test"),
        )
        for n in range(number)
    ]


def config(*suites):
    return RunConfig(
        name="judged",
        models={
            "base": model("base"),
            "other": model("other"),
            "judge": Scripted(replies=judge, name="judge", can=("chat", "logprobs")),
        },
        prices=Prices(own=dict.fromkeys(("base-*", "other-*", "judge-*"), PRICE)),
        evaluate=Evaluation(
            on=suites, models=("base", "other"), sampling=Sampling(max_tokens=MOST)
        ),
    )


def asked_of(found, evaluator):
    (part,) = [part for part in forecast(found).parts if part.part == evaluator]
    return part


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize(
    ("name", "evaluator", "calls"),
    [
        ("pairwise", Pairwise(repeats=2), 14),
        ("pairwise", Pairwise(against="reference"), 20),
        ("pairwise", Pairwise(against="base"), 10),
        ("scored-pair", ScoredPair(), 10),
        ("scored-pair", ScoredPair(mode="faithful"), 5),
        ("graded", Graded(reference_for=("all",)), 10),
        ("four-level", FourLevel(), 10),
        ("hhh", Hhh(), 30),
        ("win-rate", WinRate(), 20),
        ("win-rate", WinRate(protocol="weighted", orders="one"), 10),
        ("length-controlled", LengthControlled(against="base"), 10),
    ],
)
def test_what_a_judge_is_asked_is_what_was_foretold(name, evaluator, calls, turns, tmp_path):
    found = config(Suite(on=items(turns=turns), name="", evaluators=(evaluator,)))
    part = asked_of(found, name)
    assert part.estimate.calls == (calls, calls)
    pipeline.evaluate(found, tmp_path / "run")
    with Run.open(tmp_path / "run") as run:
        made = run.calls.totals()
    answers = forecast(found).parts[0]
    assert made.made == calls + answers.estimate.calls.high
    whole = answers.usd.plus(part.usd)
    assert whole.low <= made.usd <= whole.high


def test_the_same_verdicts_are_paid_once_and_every_suite_counts():
    both = (WinRate(), LengthControlled())
    found = config(
        Suite(on=items(), name="x", evaluators=both),
        Suite(on=items(number=2, turns=2), name="y", evaluators=both),
    )
    assert asked_of(found, "win-rate").estimate.calls == (28, 28)
    assert asked_of(found, "length-controlled").estimate.calls == (0, 0)
    assert "another evaluator asks the same" in str(asked_of(found, "length-controlled"))
    other = LengthControlled(orders="one")
    apart = config(Suite(on=items(), name="", evaluators=(WinRate(), other)))
    assert asked_of(apart, "length-controlled").estimate.calls == (10, 10)


def test_check_tells_calls_tokens_and_money_of_the_judge_and_of_paid_models():
    found = config(Suite(on=items(), name="", evaluators=(Pairwise(),)))
    told = "\n".join(show_check(found, forecast(found), []))
    assert re.search(r"evaluate/pairwise: 10 calls, [\d,]+ to [\d,]+ tokens, \$[\d.]+ to \$", told)
    assert "fewer where answers are the same" in told
    assert re.search(r"evaluate: 10 calls, [\d,]+ to [\d,]+ tokens, \$[\d.]+ to \$", told)


def test_the_own_answers_before_a_later_turn_are_paid_too():
    one = forecast(config(Suite(on=items(turns=1), name=""))).parts[0]
    two = forecast(config(Suite(on=items(turns=2), name=""))).parts[0]
    [first], [second] = [part.estimate.steps[:1] for part in (one, two)]
    assert second.calls.high == 2 * first.calls.high
    # Of two calls one has an answer of up to 60 tokens before it.
    assert second.prompt.high > first.prompt.high + MOST / 2


def test_an_opponent_without_answers_is_refused_before_anything_is_asked():
    found = config(Suite(on=items(), name="", evaluators=(Pairwise(against="nobody"),)))
    with pytest.raises(ConfigError, match="against: 'nobody' has no answers here"):
        forecast(found)
