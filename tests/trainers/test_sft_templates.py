"""Bases without a template, without an end token, without padding: what the tuned model has."""

import asyncio
import json
import shutil

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.models.transformers import Transformers
from didact.records import Request, Sampling
from didact.text.templates import TEMPLATES
from didact.trainers.sft import SFT
from tiny_llama import EXAMPLES, save

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def train(base, out, **settings):
    given = {"epochs": 40, "batch": 8, "learning_rate": 1e-2, "warmup": 0.0, "dtype": "float32"}
    return SFT(**{**given, **settings}).train(Context({}, seed=1), EXAMPLES, base, out)


def answers(model):
    async def ask():
        asked = Transformers(path=str(model))
        try:
            sampling = Sampling(max_tokens=20)
            requests = [Request(messages=e.prompt, sampling=sampling) for e in EXAMPLES]
            return await asyncio.gather(*map(asked.ask, requests))
        finally:
            await asked.close()

    return asyncio.run(ask())


def retokenized(base, folder, **values):
    """A copy of the base whose tokenizer lacks some of its special tokens."""
    shutil.copytree(base, folder)
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        settings = json.loads((folder / name).read_text())
        for key, value in values.items():
            if name == "tokenizer_config.json":
                settings[key] = value
            elif f"{key}_id" in settings and value is None:
                settings[f"{key}_id"] = None
        (folder / name).write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize("lora", [0, 16])
def test_chatml_brings_its_tokens_to_a_base_without_them_and_they_are_learned(base, tmp_path, lora):
    """Every answer of eight examples ends in the new token, with LoRA too."""
    from transformers import AutoTokenizer

    model = train(base, tmp_path, template="chatml", lora=lora)
    tokenizer = AutoTokenizer.from_pretrained(str(model))
    assert tokenizer.chat_template == TEMPLATES["chatml"].jinja
    assert len(tokenizer.encode("<|im_end|>", add_special_tokens=False)) == 1
    assert {reply.finish for reply in answers(model)} == {"stop"}


def test_a_pad_token_that_is_the_end_token_does_not_hide_it(base, tmp_path):
    same = retokenized(base, tmp_path / "base", pad_token="<|end|>")
    replies = answers(train(same, tmp_path / "out", template="alpaca"))
    assert {reply.finish for reply in replies} == {"stop"}


def test_a_tokenizer_without_padding_is_trained(base, tmp_path):
    bare = retokenized(base, tmp_path / "base", pad_token=None)
    model = train(bare, tmp_path / "out", epochs=1)
    assert json.loads((tmp_path / "out" / "state.json").read_text())["template"] == "didact"
    assert (model / "model.safetensors").exists()


def test_a_tokenizer_without_an_end_token_is_refused_with_what_would_help(base, tmp_path):
    bare = retokenized(base, tmp_path / "base", eos_token=None)
    with pytest.raises(ConfigError, match=r"no end token .* template: chatml or dolly"):
        train(bare, tmp_path / "out", epochs=1)
    assert (train(bare, tmp_path / "chatml", epochs=1, template="chatml") / "config.json").exists()


def test_a_template_given_replaces_the_tokenizers_own_and_says_so(base, tmp_path):
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / "chat_template.jinja").write_text(TEMPLATES["plain"].jinja)
    events = []
    SFT(epochs=0.5, batch=4, template="vicuna").train(
        Context({}, on_event=lambda *event: events.append(event)),
        EXAMPLES, tmp_path / "base", tmp_path / "out",
    )  # fmt: skip
    assert dict(events)["template"]["name"] == "vicuna, in place of the tokenizer's"
