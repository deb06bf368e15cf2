"""Curves: nested subsets, matched sizes, honest numbers, and going on after a kill."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from didact.config import Evaluation, RunConfig, Training
from didact.context import Context
from didact.curves import ALL, curve, parse_sizes
from didact.errors import ConfigError, DidactError
from didact.models.scripted import Scripted
from didact.records import Answer, Example, Score
from didact.store import Run
from toys import config as toy_config
from toys import example


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """'Trains' by noting how often and for how long it was asked."""

    epochs: float = 2
    """Passes."""
    notes: Path | None = field(default=None, metadata={"operational": True})
    dies: bool = field(default=False, metadata={"operational": True})

    def train(self, ctx: Context, examples: Sequence[Example], base: Path, out: Path) -> Path:
        """A folder."""
        if self.dies and self.notes and len(self.notes.read_text().splitlines()) == 2:
            raise KeyboardInterrupt
        if self.notes:
            with self.notes.open("a") as file:
                file.write(f"{len(examples)} {self.epochs}\n")
        (out / "model").mkdir()
        (out / "state.json").write_text(json.dumps({"steps": round(len(examples) * self.epochs)}))
        return out / "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grows:
    """Scores the trained model by a number that the items and the answer decide."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """A score an answer."""
        for number, answer in enumerate(answers):
            value = 40.0 + number % 7 + (5 if answer.model == "trained" else 0)
            yield Score(
                example_id=answer.example.id, model=answer.model, metric="points", value=value
            )


def arm(tmp_path: Path, name: str = "toy", **trainer) -> RunConfig:
    base = toy_config(tmp_path / "calls")
    return replace(
        base,
        name=name,
        models={**base.models, "trained": Scripted(replies=("b",) * 500)},
        filter=(),
        train=Training(use=Counting(notes=tmp_path / "notes", **trainer)),
        evaluate=Evaluation(
            on=[example(f"answer {n}", f"question {n}") for n in range(8)], evaluators=(Grows(),)
        ),
    )


def ids(run: Path) -> list[str]:
    return [one.id for one in Run.open(run).kept()]


def test_a_smaller_subset_is_a_part_of_a_larger_one_and_each_seed_draws_its_own(tmp_path):
    result = curve([arm(tmp_path)], tmp_path / "out", sizes=[4, 2, 6], seeds=2)
    drawn = {
        (size, seed): set(ids(tmp_path / f"out/toy-{size}-seed-{seed}"))
        for size in (2, 4, 6)
        for seed in (0, 1)
    }
    assert all(len(found) == size for (size, _), found in drawn.items())
    for seed in (0, 1):
        assert drawn[2, seed] < drawn[4, seed] < drawn[6, seed]
    assert drawn[4, 0] != drawn[4, 1]
    assert result.sizes == (2, 4, 6)
    assert json.loads((tmp_path / "out" / "curve.json").read_text()) == result.to_json()


@pytest.mark.parametrize(("match", "epochs"), [("epochs", [2, 2]), ("steps", [6, 2])])
def test_what_is_matched_is_what_was_said_and_the_steps_are_told(tmp_path, match, epochs):
    result = curve([arm(tmp_path)], tmp_path / "out", sizes=[2, 6], seeds=1, match=match)
    lines = (tmp_path / "notes").read_text().splitlines()
    assert [float(line.split()[1]) for line in lines] == epochs
    assert [point.steps for point in result.points] == [2 * epochs[0], 6 * epochs[1]]
    assert result.match == match
    assert f"as many {match}" in result.lines()[0]


def test_a_killed_curve_goes_on_and_no_call_and_no_training_is_made_again(tmp_path):
    (tmp_path / "notes").write_text("")
    with pytest.raises(KeyboardInterrupt):
        curve([arm(tmp_path, dies=True)], tmp_path / "out", sizes=[2, 4, 6], seeds=2)
    result = curve([arm(tmp_path)], tmp_path / "out", sizes=[2, 4, 6], seeds=2)
    assert len((tmp_path / "notes").read_text().splitlines()) == 6
    asked = (tmp_path / "calls").read_text().splitlines()
    assert curve([arm(tmp_path)], tmp_path / "out", sizes=[2, 4, 6], seeds=2) == result
    assert (tmp_path / "calls").read_text().splitlines() == asked
    began = [line for line in asked if line.startswith("begin ")]
    assert len(began) == len(set(began))


def test_arms_are_compared_on_the_same_items_at_the_same_size(tmp_path):
    arms = [arm(tmp_path), arm(tmp_path, "other")]
    result = curve(arms, tmp_path / "out", sizes=[3, ALL], seeds=2)
    largest = min(one.kept for one in result.arms)
    assert result.sizes == (3, largest)
    first, second = ([p for p in result.points if p.arm == one] for one in ("toy", "other"))
    assert [p.over_first for p in first] == [None, None]
    # The same data and the same seeds: no difference at all, and the base is 5 below.
    assert [p.over_first for p in second] == [(0, 0, 0)] * 2
    assert all(p.p == 1 for p in second)
    assert [p.score for p in first] == [p.score for p in second]
    assert {one.model for one in result.baselines} == {"base"}
    assert [fit.alpha.mean for fit in result.fits] == pytest.approx([0, 0], abs=1e-9)
    assert len(result.lines()) > 8


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "toy"}, "two arms are named toy"),
        ({"train": None}, "needs generate, train and evaluate"),
        ({"evaluate": Evaluation(on=[example("x")], evaluators=(Grows(),))}, "other items"),
        ({"evaluate": Evaluation(on=[example("x")], models=("base",))}, "must name 'trained'"),
    ],
)
def test_arms_that_cannot_be_compared_are_refused_before_any_call(tmp_path, change, told):
    other = replace(arm(tmp_path, "other"), **change)
    with pytest.raises(ConfigError, match=told):
        curve([arm(tmp_path), other], tmp_path / "out", sizes=[2], seeds=1)
    assert not (tmp_path / "calls").exists()


def test_a_size_beyond_the_data_is_told_with_the_largest_that_can_be_had(tmp_path):
    with pytest.raises(DidactError, match="too few for a size of 900"):
        curve([arm(tmp_path)], tmp_path / "out", sizes=[2, 900], seeds=1)


def test_steps_cannot_be_matched_for_a_trainer_without_epochs(tmp_path):
    from toys import Copyist

    config = replace(arm(tmp_path), train=Training(use=Copyist()))
    with pytest.raises(ConfigError, match="--match epochs"):
        curve([config], tmp_path / "out", sizes=[2, 4], seeds=1, match="steps")


def test_sizes_are_read_as_people_write_them():
    assert parse_sizes("175,500, 1k,4K,1.5k,all") == [175, 500, 1000, 4000, 1500, ALL]
    for wrong in ("", "0", "-3", "many", "1m", "inf", "nan"):
        with pytest.raises(ConfigError, match="--sizes"):
            parse_sizes(wrong)
