"""Ablation: what a filter is worth, measured at equal size and with the same seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest

from didact.components import find
from didact.config import Evaluation, RunConfig, Training
from didact.errors import ConfigError, DidactError
from didact.experiments import ALL, NONE, ablate, effects
from didact.records import Example
from didact.runfile import load
from didact.store import Run
from toys import Length, Some, example
from toys import config as toy_config


def table(values):
    return {("m", seed, item): value for (seed, item), value in values.items()}


def test_a_filter_that_helps_every_item_has_an_interval_above_nothing():
    draw = Random(0)
    off = {(seed, f"i{n}"): draw.random() for seed in range(3) for n in range(40)}
    on = {key: value + 0.3 + draw.gauss(0, 0.2) for key, value in off.items()}
    [effect] = effects("novelty", table(on), table(off))
    assert effect.difference.low > 0.2
    assert effect.difference.mean == pytest.approx(effect.on - effect.off)
    assert effect.p < 0.01
    assert effect.items == 40
    [nothing] = effects("novelty", table(off), table(off))
    assert nothing.difference == (0, 0, 0)


def test_what_all_items_of_one_family_share_is_not_counted_many_times():
    draw = Random(1)
    keys = [(seed, f"f{family}-{n}") for seed in range(2) for family in range(5) for n in range(30)]
    luck = {family: draw.gauss(0, 1) for family in range(5)}
    off = dict.fromkeys(keys, 0.0)
    on = {key: luck[int(key[1][1])] + draw.gauss(0, 0.1) for key in keys}
    families = {item: item.split("-")[0] for _, item in keys}
    [alone] = effects("f", table(on), table(off))
    [grouped] = effects("f", table(on), table(off), families)
    width = alone.difference.high - alone.difference.low
    assert grouped.difference.high - grouped.difference.low > 3 * width


def test_items_that_one_arm_abstains_on_are_left_out_of_both():
    [effect] = effects("f", table({(0, "a"): 1.0, (0, "b"): 9.0}), table({(0, "a"): 0.5}))
    assert (effect.on, effect.off, effect.items) == (1.0, 0.5, 1)


def toy(tmp_path, **changes) -> RunConfig:
    base = toy_config(tmp_path / "calls", train=True)
    return replace(
        base,
        evaluate=Evaluation(
            on=[example(f"answer {n}", f"question {n}") for n in range(8)], evaluators=(Length(),)
        ),
        **changes,
    )


def test_every_filter_is_switched_off_once_and_all_arms_train_on_as_many_rows(tmp_path):
    config = toy(tmp_path)
    result = ablate(config, tmp_path / "out", seeds=2)
    kept = {arm.name: arm.kept for arm in result.arms}
    assert list(kept) == [ALL, "Some", "Unseen", NONE]
    assert kept[ALL] <= min(kept["Some"], kept["Unseen"]) <= max(kept.values()) == kept[NONE]
    assert result.size == min(kept.values())
    trained = [path.name for path in (tmp_path / "out").glob("*-seed-*")]
    # Arms that keep the same examples are one.
    assert {"all-seed-0", "all-seed-1"} <= set(trained)
    assert all(len(Run.open(tmp_path / "out" / name).kept()) == result.size for name in trained)
    assert {effect.filter for effect in result.effects} == {"Some", "Unseen", NONE}
    assert json.loads((tmp_path / "out" / "ablation.json").read_text()) == result.to_json()
    assert len(result.lines()) == 1 + len(result.effects)


def test_the_calls_are_made_once_and_a_second_time_changes_nothing(tmp_path):
    config = toy(tmp_path)
    first = ablate(config, tmp_path / "out", seeds=1)
    asked = (tmp_path / "calls").read_text().splitlines()
    began = [line for line in asked if line.startswith("begin ")]
    # The prompts of the recipe, and those of the evaluation, which the base answers once.
    assert len(began) == len(set(began))
    assert ablate(config, tmp_path / "out", seeds=1) == first
    assert (tmp_path / "calls").read_text().splitlines() == asked


def test_controls_of_the_same_size_stand_in_the_place_of_each_filter(tmp_path):
    result = ablate(toy(tmp_path), tmp_path / "out", seeds=1, controls=True)
    assert [arm.name for arm in result.arms] == [
        ALL, "Some", "random for Some", "longest for Some",
        "Unseen", "random for Unseen", "longest for Unseen", NONE,
    ]  # fmt: skip
    whole = Run.open(tmp_path / "out" / "all")
    for name, at in (("Some", 0), ("Unseen", 1)):
        count = sum(v.keep for _, one, v in whole.verdicts() if one == name)
        for instead in ("random", "longest"):
            arm = Run.open(tmp_path / "out" / f"{instead}-for-{name}")
            kept = sum(v.keep for _, one, v in arm.verdicts() if one == instead)
            assert kept == count
            assert list(dict.fromkeys(one for _, one, _ in arm.verdicts())).index(instead) == at
    assert {(e.filter, e.instead) for e in result.effects} == {
        ("Some", ""), ("Some", "random"), ("Some", "longest"),
        ("Unseen", ""), ("Unseen", "random"), ("Unseen", "longest"), (NONE, ""),
    }  # fmt: skip
    told = "\n".join(result.lines())
    assert "with as many at random" in told
    assert "with as many of the longest" in told


def test_a_filter_that_drops_nothing_costs_no_training_of_its_own(tmp_path):
    config = replace(toy(tmp_path), filter=(Some(last="z"), Some(last="c")))
    result = ablate(config, tmp_path / "out", seeds=1)
    trained = sorted(path.name for path in (tmp_path / "out").glob("*-seed-0"))
    assert trained == ["all-seed-0", "without-Some-2-seed-0"]
    idle = [effect for effect in result.effects if effect.filter == "Some"]
    assert [effect.difference for effect in idle] == [(0, 0, 0)]
    assert [arm.name for arm in result.arms] == [ALL, "Some", "Some-2", NONE]


def test_an_arm_that_keeps_nothing_is_named(tmp_path):
    top = find("filters", "top")(score="Some", count=3)
    config = replace(toy(tmp_path), filter=(Some(), top))
    with pytest.raises(DidactError, match="nothing is kept by all filters"):
        ablate(config, tmp_path / "out", seeds=1)


def test_a_size_bounds_the_rows(tmp_path):
    assert ablate(toy(tmp_path), tmp_path / "out", seeds=1, size=2).size == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"filter": ()}, "no filter"),
        ({"train": None}, "train"),
        ({"evaluate": Evaluation(on=[example("a")], models=("base",))}, "trained"),
    ],
)
def test_a_run_without_its_stages_cannot_be_ablated(tmp_path, changes, told):
    config = replace(toy_config(tmp_path / "calls", train=True), **changes)
    with pytest.raises(ConfigError, match=told):
        ablate(config, tmp_path / "out")


def test_the_command_prints_what_came_out_as_lines_or_as_json(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from didact.cli import app
    from didact.commands import ablate as ablation

    result = ablate(toy(tmp_path), tmp_path / "out", seeds=1)
    given = {}

    def fake(config, where, **settings):
        given.update(settings, name=config.name, where=where)
        return result

    monkeypatch.setattr(ablation, "ablate", fake)
    file = tmp_path / "mine.yaml"
    file.write_text("generate: [{use: microworld, count: 3}]\nfilter: [length]\n")
    command = ["ablate", str(file), "seed=4", "--seeds", "2", "--size", "9", "-q", "--controls"]
    told = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "there")])
    assert told.exit_code == 0
    assert told.stdout.splitlines() == result.lines()
    assert (given["seeds"], given["size"], given["controls"]) == (2, 9, True)
    assert given["where"] == tmp_path / "there"
    plain = CliRunner().invoke(app, [*command, "--json"])
    assert json.loads(plain.stdout) == result.to_json()
    assert given["where"] == Path("out") / "mine-ablation"


@pytest.mark.slow
@pytest.mark.train
def test_the_quickstart_can_be_ablated_at_small_size(tmp_path: Path):
    text = (files("didact") / "embedded" / "quickstart.yaml").read_text(encoding="utf-8")
    file = tmp_path / "quickstart.yaml"
    file.write_text(text, encoding="utf-8")
    small = [
        "filter.novelty.below=0.4",
        "generate.0.target=40",
        "generate.0.max_prompts=60",
        "train.epochs=1",
        "evaluate.on={use: microworld, per_family: 1}",
    ]
    config = load(file, small)
    result = ablate(config, tmp_path / "out", seeds=1, size=24)
    assert result.size <= 24
    assert [arm.name for arm in result.arms] == [ALL, "parsable", "length", "novelty", NONE]
    assert {effect.metric for effect in result.effects} == {"rougeL", "rouge1", "exact_match"}
    # Each arm is a run like any other: its run file opens again.
    arm = load(tmp_path / "out" / "without-novelty-seed-0" / "run.yaml")
    assert arm.seed == 0
    assert [type(component).__name__ for component in arm.filter] == ["Random"]
    held: list[Example] = Run.open(tmp_path / "out" / "all").kept()
    again = list(find("sources", "jsonl")(path=tmp_path / "out" / "data" / "all.jsonl").read())
    assert [one.id for one in again] == [one.id for one in held]
    assert isinstance(config.train, Training)
