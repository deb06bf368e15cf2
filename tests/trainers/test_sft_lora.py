"""LoRA's settings, its seed, and going on with an adapter."""

import dataclasses
import json
import shutil

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.trainers.sft import SFT
from tiny_llama import EXAMPLES, save

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def train(base, out, *, seed=1, **settings):
    given = {"epochs": 1, "batch": 4, "learning_rate": 1e-2, "warmup": 0.0, "dtype": "float32"}
    SFT(**{**given, **settings}).train(Context({}, seed=seed), EXAMPLES, base, out)
    return (out / "model" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def adapted(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("adapted")
    return out, train(base, out, lora=4, alpha=4.0, targets=("q_proj", "v_proj"))


def test_rank_alpha_and_layers_are_those_asked_for(adapted):
    settings = json.loads((adapted[0] / "adapter" / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (4, 4.0)
    assert sorted(settings["target_modules"]) == ["q_proj", "v_proj"]
    proofs = json.loads((adapted[0] / "proofs.json").read_text())
    assert {proof["name"]: proof["passed"] for proof in proofs} == {
        "template": True, "mask": True, "border": True, "stop": True, "truncation": True,
        "accumulation": True, "adapter": True, "start": True,
    }  # fmt: skip


def test_the_same_seed_gives_the_same_adapter_to_the_byte(base, adapted, tmp_path):
    settings = {"lora": 4, "alpha": 4.0, "targets": ("q_proj", "v_proj")}
    assert train(base, tmp_path / "again", **settings) == adapted[1]
    assert train(base, tmp_path / "other", seed=2, **settings) != adapted[1]


def test_an_adapter_is_gone_on_with(base, adapted, tmp_path):
    train(base, tmp_path, adapter=adapted[0] / "adapter")
    first = json.loads((adapted[0] / "metrics.jsonl").read_text().splitlines()[-1])["loss"]
    on = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])["loss"]
    start = json.loads((adapted[0] / "metrics.jsonl").read_text().splitlines()[0])["loss"]
    assert on < start
    assert first < start


def test_an_adapter_of_another_base_is_refused(adapted, tmp_path):
    other = save(tmp_path / "other", context=128)
    with pytest.raises(ConfigError, match="made on another base"):
        train(other, tmp_path / "out", adapter=adapted[0] / "adapter")


def test_an_adapter_that_does_not_say_its_base_is_refused_by_its_shapes(adapted, base, tmp_path):
    from tiny_model import write_tiny_model

    other = write_tiny_model(tmp_path / "other", width=32)
    shutil.copytree(adapted[0] / "adapter", tmp_path / "adapter")
    (tmp_path / "adapter" / "base.json").unlink()
    named = tmp_path / "adapter" / "adapter_config.json"
    settings = {**json.loads(named.read_text()), "base_model_name_or_path": "some/base"}
    named.write_text(json.dumps(settings))
    with pytest.raises(ConfigError, match="made for another model"):
        train(other, tmp_path / "out", adapter=tmp_path / "adapter")


def test_a_folder_without_an_adapter_is_refused(base, tmp_path):
    with pytest.raises(ConfigError, match=r"no adapter_config\.json"):
        train(base, tmp_path / "out", adapter=tmp_path)


def test_a_layer_that_is_not_there_is_named_with_those_that_are(base, tmp_path):
    with pytest.raises(ConfigError, match=r"q_poj cannot be adapted; .* end in down_proj"):
        train(base, tmp_path, lora=4, targets=("q_poj",))


def test_layers_are_part_of_what_a_training_is_made_from():
    one = SFT(lora=4)
    assert dataclasses.replace(one, targets=("q_proj",)) != one
