"""The intervals hold the truth about as often as they say: a short form of the benchmark."""

import re
import runpy
from pathlib import Path

import pytest

import didact

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MADE = runpy.run_path(str(BENCHMARKS / "interval_coverage.py"))
PRINTED = runpy.run_path(str(BENCHMARKS / "printed_intervals.py"))["PRINTED"]
SLOW = {"Bradley-Terry, 5 models x 80", "length-controlled rate, 300", "length term, 300",
        "length slope of the audit, 300", "gain of right answers, 150 items",
        "pull of length on a filter, 120", "flips of 4 models x 60 items",
        "preference alike in form, 250", "slope of a mark of form, 250",
        "6,000 skewed scores", "distinct words, lots of a half",
        "distinct words, lots of a fifth"}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(MADE["CASES"]) - SLOW))
def test_an_interval_covers_the_truth(name):
    # 80 simulations: what is far from right is seen here, the rest by the benchmark.
    assert 0.86 <= MADE["coverage"](MADE["CASES"][name], 80) < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_an_interval_of_a_fit_covers_the_truth(name):
    assert 0.86 <= MADE["coverage"](MADE["CASES"][name], 80) < 1


def test_whatever_speaks_of_intervals_is_named_with_the_cases_that_stand_for_it():
    """Also for a new module: add it to ``benchmarks/printed_intervals.py``, and simulate it."""
    source = Path(didact.__file__).parent
    speaks = {
        ".".join(file.relative_to(source).with_suffix("").parts)
        for file in source.rglob("*.py")
        if re.search(r"didact\.stats\.bootstrap|expanded_tail", file.read_text(encoding="utf-8"))
    }
    assert speaks - {"stats.bootstrap", "stats.student"} == set(PRINTED)
    named = {case for cases in PRINTED.values() for case in cases}
    assert named == set(MADE["CASES"])
