"""A tiny reward model."""

import asyncio
import dataclasses
import json
import math

import pytest

from didact.context import Context
from didact.errors import ConfigError, DidactError
from didact.filters.reward import Reward as Filter
from didact.models.reward_model import RewardModel
from didact.records import Message
from didact.trainers.reward import Reward
from tiny_llama import EXAMPLES as PLAIN
from tiny_llama import save

WORSE = "I do not know."
EXAMPLES = [dataclasses.replace(one, meta={"rejected": [WORSE]}) for one in PLAIN]
BAD = [
    dataclasses.replace(one, messages=(*one.prompt, Message("assistant", WORSE))) for one in PLAIN
]


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"batch": -1}, {"lora": -1}, {"warmup": 1.0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Reward(**settings)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def train(base, out, *, examples=EXAMPLES, **settings):
    settings = {
        "epochs": 5, "batch": 4, "learning_rate": 1e-3, "warmup": 0.0, "dtype": "float32",
        **settings,
    }  # fmt: skip
    return Reward(**settings).train(Context({}, seed=1), examples, base, out)


def curve(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def kept(model, examples):
    """Whether the filter keeps each as the best of its prompt."""

    async def every():
        reward = RewardModel(path=str(model))
        ctx = Context({"reward": reward})
        try:
            return [v.keep async for v in Filter(best_of_prompt=True).sift(ctx, examples)]
        finally:
            await reward.close()

    return asyncio.run(every())


@pytest.mark.train
def test_the_loss_starts_at_ln_2_and_the_filter_keeps_what_was_preferred(base, tmp_path):
    """methods.md 11.3: equal rewards give ln 2."""
    model = train(base, tmp_path)
    rows = curve(tmp_path)
    assert rows[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert rows[0]["margin"] == rows[0]["accuracy"] == 0
    assert rows[1]["margin"] < rows[-1]["margin"]
    assert rows[-1]["accuracy"] == 1
    assert min(gaps(model)) > 0.05
    assert kept(model, [*BAD, *EXAMPLES]) == [False] * 8 + [True] * 8


def gaps(model):
    """Reward of every better answer less that of the worse one."""
    from didact.records import Request, Sampling

    async def every():
        reward = RewardModel(path=str(model))
        try:
            requests = [
                Request(messages=one.messages, sampling=Sampling(max_tokens=0))
                for one in (*EXAMPLES, *BAD)
            ]
            replies = await asyncio.gather(*map(reward.ask, requests))
        finally:
            await reward.close()
        return [float(reply.text) for reply in replies]

    values = asyncio.run(every())
    return [a - b for a, b in zip(values[:8], values[8:], strict=True)]


@pytest.mark.train
def test_the_last_margin_of_training_is_what_the_saved_model_gives(base, tmp_path):
    model = train(base, tmp_path, epochs=1, batch=8, learning_rate=1e-2)
    again = train(model, tmp_path / "again", epochs=1, batch=8, learning_rate=1e-9)
    assert curve(tmp_path / "again")[0]["margin"] == pytest.approx(sum(gaps(model)) / 8, abs=1e-4)
    assert again.is_dir()


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT reads it
def test_lora_trains_the_head_too_and_the_merged_model_is_read(base, tmp_path):
    model = train(base, tmp_path, lora=4, learning_rate=1e-2)
    assert curve(tmp_path)[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert min(gaps(model)) > 0.1


@pytest.mark.train
def test_no_pair_at_all_is_the_error(base, tmp_path):
    with pytest.raises(DidactError, match=r"none of 8 .*\(8 no rejected answer\)"):
        train(base, tmp_path, examples=PLAIN)
