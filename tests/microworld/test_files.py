"""The files that ship beside the embedded model."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from didact.microworld.auditor import audit
from didact.microworld.world import BY_NAME
from didact.sources.microworld import Microworld as Tasks
from didact.sources.self_instruct_seeds import SelfInstructSeeds
from didact.suites.microworld import Microworld as Suite

EMBEDDED = files("didact") / "embedded"
WEIGHTS = EMBEDDED / "model.safetensors"


def test_the_175_seeds_are_true_and_come_from_seed_families_only():
    rows = [json.loads(line) for line in (EMBEDDED / "seed_tasks.jsonl").read_text().splitlines()]
    assert len(rows) == 175
    assert all(
        list(row) == ["id", "name", "instruction", "instances", "is_classification"] for row in rows
    )
    assert not [row["name"] for row in rows if BY_NAME[row["name"]].held_out]
    seeds = list(SelfInstructSeeds(path=EMBEDDED / "seed_tasks.jsonl").read())
    assert all(audit(seed).all_valid for seed in seeds)
    assert len({seed.instruction for seed in seeds}) == 175


def test_the_items_are_true_and_come_from_held_out_families_only():
    items = list(Suite().read())
    assert len({item.id for item in items}) == len(items)
    assert all(BY_NAME[item.meta["family"]].held_out for item in items)
    assert all(audit(item).all_valid for item in items)
    per_family = {}
    for item in items:
        per_family[item.meta["family"]] = per_family.get(item.meta["family"], 0) + 1
    assert set(per_family.values()) == {8}


def test_world_true_tasks_are_valid_and_never_an_item():
    tasks = list(Tasks(count=300).read())
    assert len({task.id for task in tasks}) == 300
    assert all(audit(task).all_valid for task in tasks)
    assert not {task.prompt for task in tasks} & {item.prompt for item in Suite().read()}
    assert [task.id for task in Tasks(count=300).read()] == [task.id for task in tasks]
    seed = Tasks(count=200, families="seed").read()
    assert not [task for task in seed if BY_NAME[task.meta["family"]].held_out]


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the embedded model is not in this checkout")
def test_the_embedded_model_is_small_and_said_to_be_what_it_is():
    size = sum(file.stat().st_size for file in EMBEDDED.iterdir() if file.is_file())
    assert size < 16 * 2**20
    config = json.loads((EMBEDDED / "config.json").read_text())
    assert config["model_type"] == "llama"
    assert "Apache-2.0" in (EMBEDDED / "README.md").read_text()
    assert not [
        file.name for file in EMBEDDED.iterdir() if file.name.endswith((".bin", ".pt", ".pkl"))
    ]
