"""The reward filter and the reward model: thresholds, shares, the best of a prompt."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.filters.reward import Reward
from didact.models.reward_model import RewardModel
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, Request
from tiny_model import write_tiny_model

ORIGIN = Origin(recipe="test")


def example(output, instruction="Say a word."):
    return Example.single(instruction, output, origin=ORIGIN)


def sift(component, examples, rewards, **settings):
    """Verdicts under a model that rewards an answer by what it says."""

    def reply(request):
        return f"{rewards[request.messages[-1].content]:.6g}"

    ctx = Context({"reward": Scripted(replies=reply)}, **settings)

    async def every():
        return [verdict async for verdict in component.sift(ctx, examples)]

    return asyncio.run(every())


REWARDS = {"apple": 3.0, "pear": -1.0, "plum": 3.0, "fig": 0.5}
EXAMPLES = [example(word) for word in REWARDS]


def kept(component, rewards=None, examples=EXAMPLES):
    verdicts = sift(component, examples, rewards or REWARDS)
    return [one.output for one, verdict in zip(examples, verdicts, strict=True) if verdict.keep]


@given(st.integers(-9, 9))
def test_a_constant_moves_a_threshold_by_itself_and_nothing_else(shift):
    """methods.md 17.8, invariants."""
    moved = {word: reward + shift for word, reward in REWARDS.items()}
    assert kept(Reward(at_least=0.5 + shift), moved) == kept(Reward(at_least=0.5))
    for other in (Reward(share=0.5), Reward(best_of_prompt=True), Reward(relative=True, share=0.5)):
        assert kept(other, moved) == kept(other)


def test_each_form_takes_what_the_section_says():
    """methods.md 17.8: (a) a threshold, (b) a share, (c) the best of n, ties to the first."""
    assert kept(Reward(at_least=0.5)) == ["apple", "plum", "fig"]
    assert kept(Reward(at_least=float("-inf"))) == kept(Reward()) == list(REWARDS)
    assert kept(Reward(share=0.25)) == ["apple"]
    assert kept(Reward(best_of_prompt=True)) == ["apple"]


def test_the_best_of_one_answer_is_that_one():
    """methods.md 17.8: best-of-1 is the identity."""
    each = [example(word, f"Say {word}.") for word in REWARDS]
    assert kept(Reward(best_of_prompt=True), examples=each) == list(REWARDS)


def test_relative_rewards_take_off_what_the_prompt_brings():
    examples = [example("apple", "easy"), example("plum", "easy"), example("fig", "hard"),
                example("pear", "hard")]  # fmt: skip
    assert kept(Reward(relative=True, at_least=0.1), examples=examples) == ["fig"]
    verdicts = sift(Reward(relative=True), examples, REWARDS)
    assert [verdict.score for verdict in verdicts] == [0, 0, 0.75, -0.75]
    assert [verdict.evidence["reward"] for verdict in verdicts] == [3, 3, 0.5, -1]


def test_every_drop_has_its_reason_and_what_has_no_reward_is_unscored():
    def reply(request):
        word = request.messages[-1].content
        if word == "pear":
            raise ModelError("it is down")
        return {"apple": "1", "plum": "nan", "fig": "-2"}[word]

    ctx = Context({"reward": Scripted(replies=reply)})
    nothing = Example(messages=(Message("assistant", "x"), Message("user", "y")), origin=ORIGIN)

    async def every():
        filter = Reward(at_least=0)
        return [verdict async for verdict in filter.sift(ctx, [*EXAMPLES, nothing])]

    verdicts = asyncio.run(every())
    assert [v.reason for v in verdicts] == [
        "",
        "unscored",
        "unscored",
        "reward too low",
        "unscored",
    ]
    assert [v.evidence.get("why") for v in verdicts] == [
        None, "it is down", "the reward is no number", None, "no answer"
    ]  # fmt: skip
    assert len(ctx.failures) == 1


def test_a_model_that_writes_is_no_reward_model():
    ctx = Context({"reward": Scripted(replies=("Very good!",))})
    with pytest.raises(ConfigError, match="use: reward-model"):
        asyncio.run(anext(Reward().sift(ctx, EXAMPLES)))


def test_the_statistics_tell_how_far_rewards_go_with_length():
    """methods.md 17.8, pitfalls: report the correlation before and after."""
    events = []
    words = {"a": 1.0, "a b": 2.0, "a b c": 3.0, "a b c d": 2.0}
    sift(
        Reward(at_least=2), [example(text) for text in words], words,
        on_event=lambda *event: events.append(event),
    )  # fmt: skip
    [told] = [fields for event, fields in events if event == "statistics"]
    assert told["with_length"] == pytest.approx(0.632, abs=1e-3)
    assert told["with_length_kept"] == pytest.approx(0, abs=1e-9)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A random reward model of one output, and one of two classes beside it."""
    import torch
    import transformers

    path = write_tiny_model(tmp_path_factory.mktemp("reward"))
    config = transformers.AutoConfig.from_pretrained(path, num_labels=1)
    torch.manual_seed(1)
    model = transformers.LlamaForSequenceClassification(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.dim() > 1 else 1)
    model.save_pretrained(path)
    return path


def ask(model, *conversations):
    async def every():
        try:
            requests = [Request(messages=messages) for messages in conversations]
            return await asyncio.gather(*[model.ask(request) for request in requests])
        finally:
            await model.close()

    return asyncio.run(every())


def test_a_reward_model_gives_each_conversation_what_it_gives_it_alone(classifier):
    import torch
    import transformers

    from didact.text.chat import render

    tokenizer = transformers.AutoTokenizer.from_pretrained(classifier)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(classifier)
    talks = [
        (Message("user", "ba do " * n), Message("assistant", "ki lu " * (9 - n))) for n in range(8)
    ]
    replies = ask(RewardModel(path=str(classifier), device="cpu", dtype="float32"), *talks)
    for talk, reply in zip(talks, replies, strict=True):
        ids = tokenizer(render(talk, eos="<|end|>"), return_tensors="pt").input_ids
        with torch.inference_mode():
            alone = float(model.float()(input_ids=ids).logits[0, 0])
        assert float(reply.text) == pytest.approx(alone, rel=1e-3, abs=1e-3)
        assert reply.usage.prompt == ids.shape[1]
    assert len({reply.text for reply in replies}) == len(replies)


def test_of_what_is_too_long_the_end_is_read(classifier):
    talk = (Message("user", "ba do " * 60), Message("assistant", "ki lu"))
    other = (Message("user", "lu lu " * 60), Message("assistant", "ki lu"))
    short = RewardModel(path=str(classifier), device="cpu", longest=8)
    one, same = ask(short, talk, other)
    assert one.text == same.text
    assert one.usage.prompt == 8
    assert short.identity != RewardModel(path=str(classifier)).identity


def test_a_plain_prompt_gets_no_reward(classifier):
    model = RewardModel(path=str(classifier), device="cpu")
    with pytest.raises(ModelError, match=model.model) as caught:
        asyncio.run(model.ask(Request(prompt="ba")))
    assert caught.value.fault == "request"


def test_what_is_no_reward_model_is_refused(classifier, tmp_path):
    language_model = write_tiny_model(tmp_path / "lm")
    with pytest.raises(ConfigError, match=r"no reward model: it has no score\.weight"):
        ask(RewardModel(path=str(language_model), device="cpu"), EXAMPLES[0].messages)
    for file in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_bytes((classifier / file).read_bytes())
    config = json.loads((classifier / "config.json").read_text())
    config["id2label"] = {"0": "a", "1": "b"}
    config["label2id"] = {"a": 0, "b": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="classifier"):
        ask(RewardModel(path=str(tmp_path), device="cpu"), EXAMPLES[0].messages)
