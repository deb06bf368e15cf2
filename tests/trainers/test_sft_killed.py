"""A training with everything random in it, killed and run again: the same curve and weights."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from didact.context import Context
from didact.errors import StoreError
from didact.trainers.sft import SFT
from tiny_llama import EXAMPLES, save

pytestmark = pytest.mark.train

SETTINGS = {
    "epochs": 8, "batch": 2, "learning_rate": 1e-2, "lora": 4, "lora_dropout": 0.1, "neftune": 5.0,
    "held_out": 0.25, "patience": 8, "dtype": "float32",
}  # fmt: skip
KILLED = """
import os, signal, sys
from pathlib import Path
from test_sft_killed import EXAMPLES, SETTINGS
from didact.context import Context
from didact.trainers.sft import SFT

def watch(event, fields):
    if event == "train" and fields["step"] == 8:
        os.kill(os.getpid(), signal.SIGKILL)

trainer = SFT(**SETTINGS, save_seconds=0.0)
trainer.train(Context({}, seed=1, on_event=watch), EXAMPLES, Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def curves(out):
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    held = [json.loads(line) for line in (out / "held_out.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in rows], held


def test_dropout_noise_and_the_best_weights_survive_a_kill(base, tmp_path):
    whole = SFT(**SETTINGS).train(Context({}, seed=1), EXAMPLES, base, tmp_path / "whole")
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), *sys.path])
    arguments = [sys.executable, "-c", KILLED, str(base), str(tmp_path / "cut")]
    killed = subprocess.run(arguments, env={**os.environ, "PYTHONPATH": path}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "cut" / "model").exists()

    resumed = SFT(**SETTINGS).train(Context({}, seed=1), EXAMPLES, base, tmp_path / "cut")
    assert curves(tmp_path / "cut") == curves(tmp_path / "whole")
    weights = (resumed / "model.safetensors").read_bytes()
    assert weights == (whole / "model.safetensors").read_bytes()
    assert not (tmp_path / "cut" / "checkpoints").exists()


def test_a_full_disk_at_a_checkpoint_is_told_and_the_training_goes_on_later(
    base, tmp_path, monkeypatch
):
    from safetensors import SafetensorError, torch

    whole = SFT(**SETTINGS).train(Context({}, seed=1), EXAMPLES, base, tmp_path / "whole")
    written = torch.save_file
    left = [3]

    def fills(tensors, path, **given):
        left[0] -= 1
        if left[0] < 0:
            raise SafetensorError("I/O error: No space left on device (os error 28)")
        return written(tensors, path, **given)

    monkeypatch.setattr(torch, "save_file", fills)
    trainer = SFT(**SETTINGS, save_seconds=0.0)
    with pytest.raises(StoreError, match="the disk is full"):
        trainer.train(Context({}, seed=1), EXAMPLES, base, tmp_path / "cut")
    monkeypatch.setattr(torch, "save_file", written)
    resumed = trainer.train(Context({}, seed=1), EXAMPLES, base, tmp_path / "cut")
    assert curves(tmp_path / "cut") == curves(tmp_path / "whole")
    weights = (resumed / "model.safetensors").read_bytes()
    assert weights == (whole / "model.safetensors").read_bytes()
