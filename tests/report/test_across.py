"""Several seeds of one run file: intervals that cover new seeds, p-values for all together."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from didact import tables
from didact.records import Example, Origin, Score
from didact.report.across import across_runs
from didact.report.build import build
from didact.report.reading import read
from didact.stats.seeds import across_seeds
from didact.store import Run


def write(path: Path, *, seed: int, name: str = "arm", rounds: int = 3, family: bool = False):
    rng = random.Random(seed)
    run = Run.create(path)
    run.write_config(
        f"name: {name}-{seed}\nseed: {seed}\ntrain: {{use: sft, epochs: {rounds}}}\n"
        "evaluate: {on: items.jsonl, models: [base, trained], with: [exact-match]}\n"
    )
    items = [
        Example.single(
            f"Question {number}?",
            "yes",
            origin=Origin(recipe="test"),
            meta={"family": f"f{number % 5}"} if family else {},
        )
        for number in range(60)
    ]
    lift = 0.3 + rng.gauss(0, 0.05)
    scores = [
        Score(
            example_id=item.id,
            model=role,
            metric="exact_match",
            value=100.0 * (random.Random(f"{item.id}{role}{seed}").random() < chance),
        )
        for item in items
        for role, chance in (("base", 0.2), ("trained", 0.2 + lift))
    ]
    with run.writing("evaluate") as folder:
        folder.write(tables.ITEMS, items)
        folder.write(tables.ANSWERS, [])
        folder.write(tables.SCORES, scores)
        calls = {"made": 0}
        run.finish(folder, {"stage": "evaluate", "fingerprint": "0", "calls": calls, "models": {}})
    run.close()
    return path


def test_seeds_of_one_run_file_become_one_line(tmp_path: Path) -> None:
    runs = [read(write(tmp_path / str(seed), seed=seed)) for seed in (1, 2, 3)]
    base, trained = across_runs(runs)
    assert (base.role, base.gain, base.p) == ("base", None, None)
    assert (trained.seeds, trained.items) == (3, 60)
    means = [
        np.mean([s.value for s in facts.scores if s.model == "trained" and s.value is not None])
        for facts in runs
    ]
    assert trained.score.mean == pytest.approx(np.mean(means))
    assert trained.gain is not None
    assert trained.gain.low > 0
    assert trained.p is not None
    assert trained.adjusted == trained.p < 0.05


def test_whole_families_are_drawn_and_the_mean_stays(tmp_path: Path) -> None:
    plain = [read(write(tmp_path / f"a{seed}", seed=seed)) for seed in (1, 2, 3)]
    family = [read(write(tmp_path / f"b{seed}", seed=seed, family=True)) for seed in (1, 2, 3)]
    one, other = across_runs(plain)[1], across_runs(family)[1]
    assert one.score.mean == pytest.approx(other.score.mean)
    assert one.score != other.score


def test_runs_that_differ_in_more_than_the_seed_are_not_one_arm(tmp_path: Path) -> None:
    runs = [write(tmp_path / "a", seed=1), write(tmp_path / "b", seed=2, rounds=4)]
    assert across_runs([read(run) for run in runs]) == ()
    page = build(runs, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Across training seeds" not in page


def test_the_page_has_a_table_across_seeds(tmp_path: Path) -> None:
    runs = [write(tmp_path / str(seed), seed=seed) for seed in (1, 2)]
    page = build(runs, tmp_path / "report.html").read_text(encoding="utf-8")
    table = page.split("Across training seeds<span>")[1].split("</table>")[0]
    assert "arm-1 + arm-2" in table
    assert table.count('<td class="p">') == 2


def test_the_p_value_is_that_of_the_interval() -> None:
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.2, 0.5):
        table = rng.normal(size=(3, 1)) * 0.1 + rng.normal(size=(3, 40)) + shift
        found = across_seeds(table)
        assert (found.p < 0.05) == (not found.score.low <= 0 <= found.score.high)
        # One seed's noise away: with items alone it is the t-test of their means.
    flat = np.repeat(rng.normal(0.3, 1, size=(1, 30)), 2, axis=0)
    test = stats.ttest_1samp(flat[0], 0)
    assert across_seeds(flat).p == pytest.approx(test.pvalue, rel=1e-6)
