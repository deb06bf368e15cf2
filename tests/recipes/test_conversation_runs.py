"""The run files of Orca, of dialogues and of Magpie: checked as a user checks them."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from didact import pipeline
from didact.cli import app
from didact.components import fingerprint
from didact.errors import ConfigError
from didact.models.scripted import Scripted
from didact.recipes.dialogue import Dialogue
from didact.recipes.magpie import Magpie
from didact.recipes.orca import Orca
from didact.runfile import load
from didact.store import Run

RUNS = Path(__file__).parents[2] / "runs"
RECIPES = {"orca": Orca, "dialogue": Dialogue, "magpie": partial(Magpie, family="llama-3")}


@pytest.mark.parametrize("name", RECIPES)
def test_check_finds_nothing_wrong_with_it_and_counts_its_calls(name):
    result = CliRunner().invoke(app, ["check", str(RUNS / f"{name}.yaml")])
    assert result.exit_code == 0, result.output
    assert f"generate  {name.capitalize()}\n" in result.output
    assert "not known; --pilot tells" not in result.output


@pytest.mark.parametrize("name", RECIPES)
def test_its_numbers_are_the_paper_s(name):
    [entry] = load(RUNS / f"{name}.yaml").generate
    given, own = (fingerprint(one)["settings"] for one in (entry.use, RECIPES[name]()))
    assert {key for key in own if given[key] != own[key]} <= {"samples"}


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("orca", ["generate.0.weaker=nobody"]),
        ("dialogue", ["generate.0.form=turns", "generate.0.human=nobody"]),
    ],
)
def test_a_role_that_is_missing_is_told(name, overrides):
    with pytest.raises(ConfigError, match="no role 'nobody' under models:"):
        load(RUNS / f"{name}.yaml", overrides)


def teacher(request):
    """Writes a question to nothing, a conversation to a scene, a tag to a query, else an answer."""
    text = request.prompt or request.messages[-1].content
    if request.prompt:
        return f"What is {request.draw} and {request.draw * 7}?"
    if "[Human]" in text:
        return "[Human] One?\n[AI] First.\n[Human] Two?\n[AI] Second."
    if "[End of query]" in text:
        return '{"input_quality": "good", "difficulty": "easy", "primary_tag": "Math"}'
    return f"It is so: {text[:20]}"


def made(config, where):
    pipeline.generate(config, where)
    with Run.open(where) as run:
        return run.examples(), run.stage("generate")


@pytest.mark.parametrize(("name", "overrides"), [("dialogue", []), ("magpie", ["samples=8"])])
def test_it_runs_with_a_scripted_teacher(name, overrides, tmp_path):
    config = load(RUNS / f"{name}.yaml", [f"generate.{name}.{one}" for one in overrides])
    config = replace(config, models={"teacher": Scripted(replies=teacher)})
    examples, stage = made(config, tmp_path / "run")
    assert len(examples) == stage["kept"] > 0
    assert {example.origin.recipe for example in examples} == {name}
    assert "Second." in examples[0].output or name == "magpie"


def test_orca_takes_the_questions_of_another_run_and_keeps_the_order_of_its_teachers(tmp_path):
    """methods.md 15.1: the order is in the data that is written."""
    source = tmp_path / "flan.yaml"
    source.write_text("name: flan\ngenerate:\n  - {use: flan, seeds: builtin}\n")
    questions, _ = made(load(source), tmp_path / "flan")
    config = load(RUNS / "orca.yaml", [f"generate.orca.seeds={tmp_path / 'flan'}"])
    strong = lambda request: f"{teacher(request)}, for a reason."  # noqa: E731
    models = {"teacher": Scripted(replies=strong), "weaker": Scripted(replies=teacher)}
    examples, _ = made(replace(config, models=models), tmp_path / "run")
    stages = [example.meta["stage"] for example in examples]
    assert stages == sorted(stages)
    assert stages.count(2) == round(stages.count(1) / 5)
    assert {example.meta["collection"] for example in examples} == {"flan2021"}
    assert {example.origin.parents[0] for example in examples} <= {one.id for one in questions}
