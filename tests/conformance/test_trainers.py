"""What every trainer must keep to: it learns, its model loads, and a kill costs nothing."""

import asyncio
import dataclasses
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import didact.trainers
from didact.context import Context
from didact.models.reward_model import RewardModel
from didact.models.transformers import Transformers
from didact.records import Request, Sampling
from tiny_llama import EXAMPLES as PLAIN
from tiny_llama import save

pytestmark = pytest.mark.train

NAMES = [module.name for module in pkgutil.iter_modules(didact.trainers.__path__)]
EXAMPLES = [dataclasses.replace(one, meta={"rejected": ["I do not know."]}) for one in PLAIN]
SETTINGS = {"epochs": 3, "batch": 4, "learning_rate": 1e-2, "warmup": 0.0}
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_trainers import component, EXAMPLES, SETTINGS
from didact.context import Context

def watch(event, fields):
    if event == "train" and fields["step"] == 4:
        os.kill(os.getpid(), signal.SIGKILL)

trainer = component(sys.argv[2], **SETTINGS, save_seconds=0.0)
trainer.train(Context({}, seed=1, on_event=watch), EXAMPLES, Path(sys.argv[3]), Path(sys.argv[4]))
"""


def component(name, **settings):
    module = importlib.import_module(f"didact.trainers.{name}")
    (kind,) = module.__all__
    return getattr(module, kind)(**settings)


def curve(out):
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"], row["learning_rate"]) for row in rows]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module", params=NAMES)
def trained(request, base, tmp_path_factory):
    """The name of a trainer, where it trained six steps undisturbed, and what it returned."""
    out = tmp_path_factory.mktemp(request.param)
    model = component(request.param, **SETTINGS).train(Context({}, seed=1), EXAMPLES, base, out)
    return request.param, out, model


def test_training_lowers_the_loss(trained):
    losses = [loss for _, loss, _ in curve(trained[1])]
    assert len(losses) == 6
    assert losses[2] < losses[0]
    assert losses[-1] < 0.8 * losses[0]


def test_the_artefact_reloads_and_answers(trained):
    rewards = trained[0] == "reward"

    async def ask():
        model = (RewardModel if rewards else Transformers)(path=str(trained[2]))
        try:
            messages = EXAMPLES[0].messages if rewards else EXAMPLES[0].prompt
            return await model.ask(Request(messages=messages, sampling=Sampling(max_tokens=3)))
        finally:
            await model.close()

    assert asyncio.run(ask()).usage.completion > 0


def test_no_pickle_is_written(trained):
    kinds = {path.suffix for path in trained[1].rglob("*") if path.is_file()}
    assert kinds <= {".safetensors", ".json", ".jsonl", ".jinja", ".md", ".txt", ".model"}


def test_a_finished_training_is_not_repeated(trained, base):
    name, out, model = trained
    before = curve(out), (model / "model.safetensors").stat().st_mtime_ns
    again = component(name, **SETTINGS).train(Context({}, seed=1), EXAMPLES, base, out)
    assert again == model
    assert (curve(out), (model / "model.safetensors").stat().st_mtime_ns) == before


def test_a_killed_training_goes_on_to_the_same_curve_and_weights(trained, base, tmp_path):
    name, out, model = trained
    here = str(Path(__file__).parent)
    arguments = [sys.executable, "-c", KILLED, here, name, str(base), str(tmp_path)]
    path = os.pathsep.join([str(Path(here).parent), *sys.path])
    killed = subprocess.run(arguments, env={**os.environ, "PYTHONPATH": path}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(curve(tmp_path)) == 4
    assert [path.name for path in tmp_path.glob("checkpoints/*")] == ["checkpoint-00000003"]

    trainer = component(name, **SETTINGS)
    resumed = trainer.train(Context({}, seed=1), EXAMPLES, base, tmp_path)
    assert curve(tmp_path) == curve(out)
    weights = (resumed / "model.safetensors").read_bytes()
    assert weights == (model / "model.safetensors").read_bytes()
    assert not (tmp_path / "checkpoints").exists()


def test_another_configuration_starts_afresh(trained, base, tmp_path):
    trainer = component(trained[0], **{**SETTINGS, "epochs": 1})
    trainer.train(Context({}, seed=1), EXAMPLES, base, tmp_path)
    assert len(curve(tmp_path)) == 2
    other = dataclasses.replace(trainer, epochs=0.5)
    other.train(Context({}, seed=1), EXAMPLES, base, tmp_path)
    assert len(curve(tmp_path)) == 1
