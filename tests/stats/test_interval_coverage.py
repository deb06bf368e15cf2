"""The intervals hold the truth about as often as they say: a short form of the benchmark."""

import runpy
from pathlib import Path

import pytest

MADE = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/interval_coverage.py"))
SLOW = {"Bradley-Terry, 5 models x 80", "length-controlled rate, 300", "length term, 300",
        "length slope of the audit, 300", "gain of right answers, 150 items",
        "pull of length on a filter, 120", "flips of 4 models x 60 items",
        "preference alike in form, 250", "slope of a mark of form, 250"}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(MADE["CASES"]) - SLOW))
def test_an_interval_covers_the_truth(name):
    # 80 simulations: what is far from right is seen here, the rest by the benchmark.
    assert 0.86 <= MADE["coverage"](MADE["CASES"][name], 80) < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_an_interval_of_a_fit_covers_the_truth(name):
    assert 0.86 <= MADE["coverage"](MADE["CASES"][name], 80) < 1
