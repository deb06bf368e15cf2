"""Packing, bucketing, checkpointing of activations, NEFTune: what may change and what may not."""

import json

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.trainers.sft import SFT
from tiny_llama import EXAMPLES, save

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def losses(base, out, **settings):
    given = {"epochs": 1, "batch": 4, "learning_rate": 1e-2, "warmup": 0.0, "dtype": "float32"}
    SFT(**{**given, **settings}).train(Context({}, seed=1), EXAMPLES, base, out)
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


@pytest.fixture(scope="module")
def plain(base, tmp_path_factory):
    return losses(base, tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("settings", [{"packing": True}, {"gradient_checkpointing": True}])
def test_the_layout_of_a_step_changes_no_loss(base, plain, tmp_path, settings):
    assert losses(base, tmp_path, **settings) == pytest.approx(plain, rel=1e-4)


def test_trl_trains_packed_rows_to_the_same_losses(base, plain, tmp_path, monkeypatch):
    """The way of a GPU: TRL's own step, on our packed rows."""
    from didact.training import lean

    monkeypatch.setattr(lean, "_plain", lambda _: False)
    assert losses(base, tmp_path, packing=True) == pytest.approx(plain, rel=1e-4)


def test_noise_on_the_embeddings_changes_the_losses_and_a_seed_fixes_it(base, plain, tmp_path):
    noisy = losses(base, tmp_path / "one", neftune=5.0)
    assert noisy != pytest.approx(plain, rel=1e-3)
    assert noisy == losses(base, tmp_path / "two", neftune=5.0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"neftune": 5.0, "packing": True}, "not with packing"),
        ({"neftune": -1.0}, "neftune must not be negative"),
        ({"patience": 2}, "patience needs examples"),
        ({"held_out": 1.0}, "held_out at least 0 and below 1"),
        ({"four_bit": True}, "trains an adapter: set lora"),
        ({"targets": ("q_proj",)}, "are of LoRA: set lora"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        SFT(**settings)


def test_four_bits_without_a_gpu_are_refused_in_words(base, tmp_path, monkeypatch):
    from didact.training import hardware

    monkeypatch.setattr(hardware, "device", lambda: "cpu")
    with pytest.raises(ConfigError, match="needs a GPU with CUDA"):
        losses(base, tmp_path, four_bit=True, lora=4)
