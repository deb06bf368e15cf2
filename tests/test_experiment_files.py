"""The experiments of runs/experiments: what their data is, and all of them at reduced size."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from didact.commands.curve import arms_of
from didact.config import Generation
from didact.curves import ALL, curve
from didact.experiments import ablate
from didact.microworld.auditor import audit
from didact.microworld.world import HELD_OUT
from didact.records import Example
from didact.report.curve_figures import curve_figures
from didact.resolve import items
from didact.runfile import load

FOLDER = Path(__file__).parents[1] / "runs" / "experiments"
COMMANDS = re.findall(
    r"`didact curve runs/experiments/(\S+) ?(.*?)`", (FOLDER / "README.md").read_text()
)
CURVES = {
    file: re.search(r"--arms (\S+)", rest)[1] if "--arms" in rest else None
    for file, rest in COMMANDS
}
OWN = ["generate.0.target=24", "generate.0.max_prompts=16"]
SMALL = ["train.epochs=0.5", "evaluate.models=[trained]", "evaluate.sampling.max_tokens=8"]


def data(name: str, *overrides: str) -> list[Example]:
    [entry] = load(FOLDER / name, list(overrides)).generate
    assert isinstance(entry, Generation)
    return list(entry.use.read())


def test_the_page_lists_every_run_file_and_every_file_names_its_command():
    listed = {FOLDER / name for name in (*CURVES, "filters.yaml", "style.yaml")}
    for file, arms in CURVES.items():
        listed |= {(FOLDER / file).parent / arm for arm in (arms or "").split(",") if arm}
    files = set(FOLDER.rglob("*.yaml"))
    assert files == listed
    for file in files:
        assert "#   didact " in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", CURVES)
def test_the_arms_of_an_experiment_are_asked_the_same_items(file):
    arms = arms_of(FOLDER / file, CURVES[file], [])
    expected = [item.id for item in items(arms[0].evaluate)]
    assert len(expected) >= 100
    for arm in arms:
        assert [item.id for item in items(arm.evaluate)] == expected
        assert arm.train == arms[0].train
    assert len({arm.name for arm in arms}) == len(arms)


def test_shuffled_answers_are_those_of_the_same_families_and_mostly_wrong():
    right, shuffled = data("labels/right.yaml"), data("labels/shuffled.yaml")
    assert [one.prompt for one in right] == [one.prompt for one in shuffled]
    assert Counter(one.output for one in right) == Counter(one.output for one in shuffled)
    assert all(audit(one).output_correct for one in right[:40])
    same = sum(a.output == b.output for a, b in zip(right, shuffled, strict=True))
    assert same < len(right) / 3
    held_out = {family.name for family in HELD_OUT}
    assert not held_out & {str(one.meta["family"]) for one in right}


def test_flan_s_arms_differ_in_what_says_what_to_do_and_in_nothing_else():
    told, named, bare = (data(f"flan/{arm}.yaml") for arm in ("instruction", "name", "none"))
    assert (
        [one.output for one in told]
        == [one.output for one in named]
        == [one.output for one in bare]
    )
    assert [one.input for one in told] == [one.input for one in named]
    assert [one.instruction for one in bare] == [one.input for one in told]
    assert all(one.instruction.startswith("[") for one in named)
    assert len({one.instruction for one in told}) > 300


def test_worked_answers_end_in_the_answer_and_pairs_of_steps_are_held_out():
    worked, plain = data("reasons/all.yaml"), data("reasons/none.yaml")
    assert [one.prompt for one in worked] == [one.prompt for one in plain]
    for one, other in zip(worked, plain, strict=True):
        assert one.output.endswith(other.output)
        assert len(one.output) > len(other.output)
    half = data("reasons/half.yaml")
    share = sum(a.output == b.output for a, b in zip(half, worked, strict=True)) / len(half)
    assert 0.4 < share < 0.6
    tests = items(load(FOLDER / "reasons/all.yaml").evaluate)
    assert not {one.meta["family"] for one in tests} & {one.meta["family"] for one in worked}


def test_a_judge_by_looks_prefers_the_shorter_answer_wherever_it_stands():
    from didact.components import find
    from didact.evaluators.pairwise import Pairwise

    judge = find("models", "./judge_by_looks.py", folder=FOLDER)()
    ask = Pairwise()._prompt  # the form that the judge reads
    item = data("labels/right.yaml")[0]
    for first, second, said in (("ab", "abc", "A"), ("abc", "ab", "B"), ("ab", "cd", "C")):
        reply = asyncio.run(judge.ask(ask(item, first, second)))
        assert reply.text.endswith(f"[[{said}]]")


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.parametrize("file", CURVES)
def test_every_experiment_runs_to_its_figures_at_reduced_size(tmp_path, file):
    first = load(FOLDER / file)
    own = hasattr(first.generate[0].use, "max_prompts")
    suite = ["evaluate.on.count=8"] if "reasons" in file else ["evaluate.on.per_family=1"]
    arms = [
        load(
            FOLDER / file if n == 0 else (FOLDER / file).parent / name,
            [*SMALL, *suite, *(OWN if own and "human" not in str(name) else [])],
        )
        for n, name in enumerate([file, *filter(None, (CURVES[file] or "").split(","))])
    ]
    sizes = [ALL] if len(arms) > 1 else [2, ALL]
    result = curve(arms, tmp_path / "out", sizes=sizes, seeds=1)
    assert {point.arm for point in result.points} == {arm.name for arm in arms}
    assert result.sizes[-1] >= 2
    assert [figure for figure in curve_figures(result.to_json()) if figure.svg]


@pytest.mark.slow
@pytest.mark.train
def test_the_ablation_of_filters_runs_at_reduced_size(tmp_path):
    small = [*SMALL, *OWN, "evaluate.on.per_family=1"]
    result = ablate(load(FOLDER / "filters.yaml", small), tmp_path / "out", seeds=1, size=6)
    assert [arm.name for arm in result.arms][1:-1] == [
        "parsable",
        "length",
        "novelty",
        "perplexity",
    ]
    assert result.effects
