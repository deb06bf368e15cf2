"""Two runs that have trained a tiny model, in all its weights and with an adapter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from didact import pipeline
from didact.runfile import load
from tiny_llama import EXAMPLES, save

FILE = """
name: tiny
generate: [{use: jsonl, path: data.jsonl}]
filter: [parsable]
train: {use: sft, base: ./base, batch: 4, epochs: 2, learning_rate: 1.0e-2, warmup: 0.0}
evaluate: {on: data.jsonl, with: [rouge], sampling: {max_tokens: 4}}
"""


def make(folder: Path, *overrides: str) -> Path:
    save(folder / "base")
    rows = [{"messages": [m.to_json() for m in e.messages]} for e in EXAMPLES]
    lines = [json.dumps(row) + "\n" for row in rows]
    (folder / "data.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "run.yaml").write_text(FILE, encoding="utf-8")
    pipeline.run(load(folder / "run.yaml", list(overrides), run=folder / "run"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def made_lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("lora"), "train.lora=4")


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A run whose weights were all trained."""
    shutil.copytree(made.parent, tmp_path / "here")
    return tmp_path / "here" / "run"


@pytest.fixture
def lora(made_lora: Path, tmp_path: Path) -> Path:
    """A run that trained an adapter."""
    shutil.copytree(made_lora.parent, tmp_path / "here")
    return tmp_path / "here" / "run"
