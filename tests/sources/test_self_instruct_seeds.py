"""Seed files: the public one, and what is said of bad ones."""

import json

import pytest

from didact.errors import ConfigError
from didact.sources.self_instruct_seeds import SelfInstructSeeds

TASK = {
    "id": "seed_task_0",
    "name": "sum",
    "instruction": "Add the numbers.",
    "instances": [{"input": "1 1", "output": "2"}, {"input": "2 2", "output": "4"}],
    "is_classification": False,
}


def read(tmp_path, *tasks):
    path = tmp_path / "seeds.jsonl"
    path.write_text("".join(json.dumps(task) + "\n" for task in tasks))
    return list(SelfInstructSeeds(path=path).read())


def test_every_instance_is_an_example_that_knows_its_task(tmp_path):
    one, two = read(tmp_path, TASK)
    assert (one.instruction, one.input, one.output) == ("Add the numbers.", "1 1", "2")
    assert (two.input, two.output) == ("2 2", "4")
    assert one.meta == {"seed_task": "seed_task_0", "name": "sum", "is_classification": False}
    assert one.origin.recipe == "self-instruct-seeds"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_classification": "no"}, "'is_classification' must be true or false, it is \"no\""),
        ({"instances": []}, "'instances' must be a list that is not empty"),
        ({"instances": [{"input": "a"}]}, "entry 1 of 'instances': the key 'output' is missing"),
        ({"instances": [{"output": ""}]}, "'output' must be a text that is not empty"),
        ({"instruction": None}, "'instruction' must be a text that is not empty, it is null"),
        ({"id": 7}, "'id' must be a text, it is 7"),
    ],
)
def test_the_first_bad_task_is_named_with_its_key(tmp_path, change, message):
    with pytest.raises(ConfigError, match=r"seeds\.jsonl, line 2") as caught:
        read(tmp_path, TASK, {**TASK, **change})
    assert message in str(caught.value)


def test_a_missing_key_is_answered_with_the_nearest_one(tmp_path):
    task = {key: value for key, value in TASK.items() if key != "is_classification"}
    with pytest.raises(ConfigError, match="Did you mean 'is_clasification'"):
        read(tmp_path, {**task, "is_clasification": True})


def test_the_175_public_seeds_load(data):
    examples = list(SelfInstructSeeds(path=data / "self_instruct" / "seed_tasks.jsonl").read())
    assert len(examples) == 175
    assert sum(bool(example.meta["is_classification"]) for example in examples) == 26
    assert sum(not example.input for example in examples) == 50
    words = [len(example.instruction.split()) for example in examples]
    assert sum(words) / len(words) == pytest.approx(12.96, abs=0.005)
