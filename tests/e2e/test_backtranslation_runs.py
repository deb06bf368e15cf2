"""The ready run files of backtranslation, one after another, on the embedded model."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from didact import pipeline
from didact.runfile import load
from didact.store import Run
from didact.text.backtranslation import ASSISTANT_TAG, WEB_TAG

pytestmark = [pytest.mark.train, pytest.mark.engine, pytest.mark.slow]

FOLDER = Path(__file__).parents[2] / "runs" / "backtranslation"
STEPS = ("documents", "backward", "candidates", "m0", "m1", "m2")
SMALL = {
    "documents": ["generate.0.count=8"],
    "backward": ["generate.0.cap=64", "train.epochs=3"],
    "candidates": ["generate.0.max_tokens=60"],
    "m0": ["generate.0.cap=24"],
    "m1": ["generate.0.cap=24", "filter.0.at_least=4"],
    "m2": ["generate.0.cap=24", "filter.0.at_least=4"],
}
# A small step only: the base knows pages of graded answers, and is to know them still.
TRAINED = ["train.epochs=1", "train.learning_rate=5e-5"]
ASKED = ["evaluate.on.per_family=1", "evaluate.sampling.max_tokens=8"]


def run(folder: Path, step: str, *overrides: str) -> tuple[pipeline.Summary, ...]:
    """What `didact run STEP.yaml` does in the folder, smaller."""
    given = [*SMALL[step], *overrides]
    if step.startswith("m"):
        given += [*TRAINED, *ASKED]
    out = folder / "out" / step
    return pipeline.run(load(folder / f"{step}.yaml", given, run=out), out)


def statistics(run: Run, stage: str, part: str) -> dict[str, Any]:
    text = (run.path / stage / "statistics.json").read_text(encoding="utf-8")
    return json.loads(text)[part]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """All six, made once."""
    folder = tmp_path_factory.mktemp("backtranslation") / "runs"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("out"))
    for step in STEPS:
        run(folder, step)
    return {step: Run.open(folder / "out" / step) for step in STEPS}


def test_every_step_leaves_what_the_next_one_reads(runs: dict[str, Run]) -> None:
    """methods.md 5.1: M_yx, A, M_0, M_1, M_2, each model from the base."""
    trained = [runs[step].trained() for step in ("backward", "m0", "m1", "m2")]
    assert all(path and (path / "model.safetensors").is_file() for path in trained)
    # M_2 is M_1 where both iterations chose the same.
    assert len({(path / "model.safetensors").read_bytes() for path in trained if path}) >= 3
    for step in ("m0", "m1", "m2"):
        text = (runs[step].path / "run.yaml").read_text(encoding="utf-8")
        assert re.search(r"^  base: embedded$", text, re.MULTILINE), "not from the base"


def test_the_backward_model_is_trained_to_write_instructions(runs: dict[str, Run]) -> None:
    """methods.md 5.1, step 2; 5.9: the label mask covers only x."""
    seeds = {seed.id: seed for seed in runs["backward"].seeds()}
    for example in runs["backward"].kept():
        seed = seeds[example.origin.parents[0]]
        assert example.output == seed.prompt[0].content.strip()
        assert example.prompt[-1].content == seed.output.strip()


def test_every_segment_is_accounted_for(runs: dict[str, Run]) -> None:
    """methods.md 5.1, step 3."""
    told = statistics(runs["candidates"], "generate", "backtranslation")
    funnel = told["funnel"]
    dropped = sum(funnel["dropped"].values())
    assert funnel["candidates"] == funnel["accepted"] + dropped
    assert funnel["accepted"] == told["examples"] == len(runs["candidates"].examples()) > 0
    by_id = {document.id: document for document in runs["candidates"].seeds()}
    for example in runs["candidates"].kept():
        assert set(example.origin.parents) <= set(by_id)
        assert example.output.splitlines()[0][:10] in by_id[example.origin.parents[0]].output


@pytest.mark.parametrize(("step", "curator"), [("m1", "m0"), ("m2", "m1")])
def test_the_model_before_scores_all_candidates_and_all_is_counted(
    runs: dict[str, Run], step: str, curator: str
) -> None:
    """methods.md 5.1, steps 5 to 7: M_0, then M_1, scores the whole of A; 5.3: none apart."""
    told = statistics(runs[step], "filter", "judged")
    candidates = len(runs["candidates"].kept())
    assert told["seeds_passed"] == 24
    assert told["rated"] + told["unscored"] + told["without_reply"] == candidates > 0
    assert sum(told["ratings"].values()) == told["rated"]
    sizes = [told["sets"][name]["examples"] for name in ("A_5", "A_4", "A")]
    assert sizes == sorted(sizes)
    kept = [example for example in runs[step].kept() if example.meta["data"] == "augmented"]
    assert len(kept) == sizes[1] > 0
    assert f"out/{curator}" in (runs[step].path.parent.parent / f"{step}.yaml").read_text()


@pytest.mark.parametrize("step", ["m0", "m1", "m2"])
def test_every_training_example_has_exactly_one_tag_and_every_item_both(
    runs: dict[str, Run], step: str
) -> None:
    """methods.md 5.4, 5.9."""
    for example in runs[step].kept():
        tag = {"seed": ASSISTANT_TAG, "augmented": WEB_TAG}[str(example.meta["data"])]
        assert [t for t in (ASSISTANT_TAG, WEB_TAG) if t in example.instruction] == [tag]
    for item in runs[step].items():
        assert ASSISTANT_TAG in item.instruction
        assert WEB_TAG in item.instruction


def test_run_again_nothing_is_made_again_and_another_iteration_is_one_setting(
    runs: dict[str, Run],
) -> None:
    folder = runs["m2"].path.parent.parent
    for step in STEPS:
        assert all(summary.skipped for summary in run(folder, step)), step
    third = load(folder / "m2.yaml", ["name=m3", "models.curator.path=./out/m2"], run=folder / "m3")
    assert third.name == "m3"
    pipeline.check(third)
