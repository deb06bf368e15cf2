"""The run files of the recipes: checked as a user checks them, and run with a scripted teacher."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from didact import pipeline
from didact.cli import app
from didact.components import fingerprint
from didact.life import life
from didact.models.scripted import Scripted
from didact.recipes.alpaca import Alpaca
from didact.recipes.evol_instruct import EvolInstruct
from didact.recipes.reanswer import Reanswer
from didact.recipes.unnatural import Unnatural
from didact.runfile import load
from didact.shown import show_life, show_run
from didact.store import Run
from didact.text.masks import IGNORED, Row
from didact.training.pairs import found_pairs

RUNS = Path(__file__).parents[2] / "runs"
RECIPES = {
    "alpaca": Alpaca,
    "evol-instruct": EvolInstruct,
    "reanswer": Reanswer,
    "unnatural": Unnatural,
}


@pytest.mark.parametrize("name", RECIPES)
def test_check_finds_nothing_wrong_with_it(name):
    result = CliRunner().invoke(app, ["check", str(RUNS / f"{name}.yaml")])
    assert result.exit_code == 0, result.output
    assert RECIPES[name].__name__ in result.output
    assert f"generate/{name}: not known" not in result.output


def test_check_of_a_preference_training_does_not_miss_the_pairs_that_its_recipe_will_make():
    result = CliRunner().invoke(app, ["check", str(RUNS / "reanswer-pairs.yaml")])
    assert result.exit_code == 0, result.output
    assert "FAILED" not in result.output


def test_a_recipe_that_asks_nobody_is_forecast_as_no_calls():
    result = CliRunner().invoke(app, ["check", str(RUNS / "backtranslation/backward.yaml")])
    assert "estimate  generate/backward: 0 calls, 0 tokens, $0.00" in result.output


@pytest.mark.parametrize("name", RECIPES)
def test_its_numbers_are_the_paper_s_but_for_how_much(name):
    [entry] = load(RUNS / f"{name}.yaml").generate
    given, own = (fingerprint(one)["settings"] for one in (entry.use, RECIPES[name]()))
    assert {key for key in own if given[key] != own[key]} <= {"target", "width"}


def teacher(request):
    """Evolves by a word a round, finds nothing equal, and answers."""
    text = request.messages[-1].content
    if text.endswith("Prompt#:\n"):
        asked = text.rsplit("Prompt#:\n", 2)[1].rpartition("\n#")[0]
        return f"{asked.splitlines()[0]} Be exact."
    return "Not Equal" if text.endswith("judgement:") else "Seven times seven of them."


def test_show_tells_the_whole_lineage_of_an_evolution(tmp_path):
    config = load(RUNS / "evol-instruct.yaml", ["generate.0.rounds=3"])
    [entry] = config.generate
    seeds = [pipeline.seeds(entry)[0]]
    config = replace(
        config,
        models={"teacher": Scripted(replies=teacher)},
        generate=(replace(entry, seeds=seeds),),
        train=None,
        evaluate=None,
    )
    pipeline.generate(config, tmp_path / "run")
    with Run.open(tmp_path / "run") as run:
        *_, last = run.examples()
        found = life(run, last.id)
        shown = show_life(found, as_json=False)
    assert last.meta["round"] == 3
    assert [parent.origin.recipe for parent in found.parents] == [
        "self-instruct-seeds",
        "evol-instruct",
        "evol-instruct",
    ]
    assert shown.count("\nparent ") == 3
    assert len(found.calls) == 3
    assert '"lineage"' in shown
    assert "#The Given Prompt#" in shown or "#Given Prompt#" in shown


def reanswered(folder, replies, **settings):
    config = load(RUNS / "reanswer.yaml")
    [entry] = config.generate
    config = replace(
        config,
        models={"teacher": Scripted(replies=replies)},
        generate=(replace(entry, use=Reanswer(), **settings),),
        train=None,
        evaluate=None,
    )
    return pipeline.generate(config, folder / "run")


def test_show_puts_old_and_new_answers_side_by_side_with_what_changed(tmp_path):
    reanswered(tmp_path, lambda request: "a lamp, tiger", cap=1)
    with Run.open(tmp_path / "run") as run:
        [example] = run.examples()
        shown = show_life(life(run, example.id), as_json=False)
    assert f"\nold       {example.meta['old_output']}\nnew       a lamp, tiger\n" in shown
    [changed] = [line for line in shown.splitlines() if line.startswith("changed   ")]
    assert "[-" in changed
    assert "{+" in changed
    assert "\nparent    " in shown


def test_show_tells_what_a_recipe_did_not_keep_and_why(tmp_path):
    reanswered(tmp_path, lambda request: "" if "list" in str(request.messages) else "Yes.")
    with Run.open(tmp_path / "run") as run:
        shown = show_run(run, count=1, dropped_by=None, as_json=False)
    assert " candidates accepted; dropped: " in shown
    assert " answer empty" in shown


def test_a_cap_on_a_recipe_keeps_it_from_asking_for_all_that_there_is(tmp_path):
    summary = reanswered(tmp_path, lambda request: f"It is {len(str(request.messages))}.", cap=4)
    assert summary.kept == 4
    assert 4 <= summary.calls.made <= 8


def test_the_pairs_of_several_teachers_are_what_the_preference_stage_trains_on(tmp_path):
    config = load(RUNS / "reanswer-pairs.yaml")
    [entry] = config.generate

    def judged(request):
        text = str(request.messages[-1].content)
        # The order of the answers changes; the longer one is the better one.
        said = re.findall(r"\[Answer \d+\]\n(.*?)\n\[End of answer", text, re.S)
        return (
            " ".join(str(min(10, 1 + len(one) // 4)) for one in said) if said else "A long reply."
        )

    models = {"teacher": Scripted(replies=judged), "weaker": Scripted(replies=["No."])}
    config = replace(
        config, models=models, generate=(replace(entry, cap=12),), evaluate=None, train=None
    )
    pipeline.generate(config, tmp_path / "run")
    with Run.open(tmp_path / "run") as run:
        examples = run.examples()
    assert len(examples) == 12

    def encode(messages):
        ids = [ord(letter) for turn in messages for letter in turn.content]
        return Row(ids, [*[IGNORED] * (len(ids) - 1), ids[-1]])

    pairs, refused = found_pairs(examples, against="every", encode=encode)
    assert len(pairs) == sum(len(example.rejected) for example in examples) >= 12
    assert not refused
