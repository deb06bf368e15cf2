"""Pairs of a model's own answers: who is the best, what becomes of ties, and dpo on them."""

import asyncio
from contextlib import aclosing

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.models.scripted import Scripted
from didact.recipes.best_of_n import BestOfN
from didact.records import Example, Origin

ORIGIN = Origin(recipe="test")
SEEDS = [
    Example.single("Name a colour.", "Blue.", origin=ORIGIN),
    Example.single("Say yes.", "Yes.", origin=ORIGIN),
]
ANSWERS = ["red", "a long answer about red", "red", "blue red"]


def answer(request):
    if request.messages[0].content == "Say yes.":
        return "yes"
    return ANSWERS[request.draw]


def run(reward, seeds=SEEDS, **settings):
    events = []
    models = {"teacher": Scripted(replies=answer), "reward": Scripted(replies=reward)}
    ctx = Context(models, on_event=lambda *event: events.append(event))

    async def collect():
        async with aclosing(BestOfN(**settings).run(ctx, seeds)) as found:
            return [example async for example in found]

    return asyncio.run(collect()), dict(events).get("statistics"), ctx


def by_length(request):
    return str(-len(request.messages[-1].content))


def test_the_best_rewarded_answer_is_paired_with_the_worst():
    (pair,), told, ctx = run(by_length)
    assert pair.output == "red"
    assert pair.meta["rejected"] == ["a long answer about red"]
    assert pair.meta["rewards"] == [-3.0, -8.0, -23.0]
    # Four answers, three of them different: seven calls.
    assert len(pair.origin.calls) == 7
    assert pair.origin.parents == (SEEDS[0].id,)
    assert told["funnel"] == {
        "candidates": 2, "accepted": 1, "dropped": {"answers too alike": 1},
    }  # fmt: skip
    assert ctx.tally.made == 12


def test_answers_that_the_reward_does_not_tell_apart_are_no_pair():
    assert run(lambda _: "1.0")[0] == []
    assert run(by_length, margin=20.0)[0] == []
    assert len(run(by_length, margin=19.0)[0]) == 1


def test_a_model_that_gives_no_reward_fails_the_item_with_the_reason():
    found, _, ctx = run(lambda _: "good")
    assert found == []
    assert "must be a model under `use: reward-model`" in ctx.failures[0].error


@pytest.mark.parametrize("settings", [{"samples": 1}, {"margin": -1.0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError):
        BestOfN(**settings)


@pytest.mark.train
def test_dpo_trains_on_its_pairs(tmp_path):
    import json

    from didact.trainers.dpo import DPO
    from tiny_llama import save

    found, _, _ = run(by_length)
    base = save(tmp_path / "base")
    DPO(epochs=4, batch=1, learning_rate=1e-3, warmup=0.0, dtype="float32").train(
        Context({}), found, base, tmp_path / "out"
    )
    rows = [json.loads(line) for line in (tmp_path / "out/metrics.jsonl").read_text().splitlines()]
    assert rows[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert rows[-1]["margin"] > rows[1]["margin"] > 0
