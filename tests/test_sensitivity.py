"""What a run file's evaluation can see, told before the run."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from didact.checked import check_json, show_check
from didact.config import Evaluation, RunConfig, Suite
from didact.evaluators.exact_match import ExactMatch
from didact.evaluators.graded import Graded
from didact.evaluators.pairwise import Pairwise
from didact.forecast import forecast
from didact.models.scripted import Scripted
from didact.records import Example, Origin
from didact.sensitivity import sensitivity


def items(count, **meta):
    return [
        Example.single(
            f"Question {n}?",
            "yes",
            origin=Origin(recipe="test"),
            meta={key: n % value for key, value in meta.items()},
        )
        for n in range(count)
    ]


def config(on, *evaluators, models=("a", "b")):
    roles = {role: Scripted(replies=("x",)) for role in (*models, "judge")}
    evaluation = Evaluation(on=on, models=tuple(models), evaluators=evaluators)
    return RunConfig(name="t", models=roles, evaluate=evaluation)


def test_the_number_is_the_difference_found_four_times_in_five():
    """Simulated: two models, right half the time, on 200 items, apart by what was told."""
    [line] = sensitivity(config(items(200), ExactMatch()))
    assert (line.items, line.groups, line.unit) == (200, 200, "points of 100")
    assert line.effect == pytest.approx(14.1, abs=0.1)
    rng = np.random.default_rng(0)
    high = rng.random((2000, 200)) < 0.5 + line.effect / 200
    low = rng.random((2000, 200)) < 0.5 - line.effect / 200
    gaps = high.astype(float) - low
    found = (stats.ttest_1samp(gaps, 0, axis=1).pvalue < 0.05).mean()
    assert 0.77 < found < 0.85


def test_families_and_more_models_see_less():
    [two] = sensitivity(config(items(200), ExactMatch()))
    [five] = sensitivity(config(items(200), ExactMatch(), models="abcde"))
    [family] = sensitivity(config(items(200, family=10), ExactMatch()))
    assert two.effect < five.effect
    assert five.comparisons == 4
    assert (family.groups, family.effect) == (10, two.effect)
    assert family.worst > 3 * family.effect


def test_preferences_and_grades_have_their_own_units():
    [rates, grades] = sensitivity(config(items(200), Pairwise(), Graded()))
    [points] = sensitivity(config(items(200), ExactMatch()))
    assert rates.effect < points.effect
    assert grades.unit == "grades"
    assert 0.3 < grades.effect < 1


def test_it_is_told_by_check_for_every_suite():
    suites = (
        Suite(on=items(40), name="one", evaluators=(ExactMatch(),)),
        Suite(on=items(1), name="two", evaluators=(ExactMatch(),)),
    )
    found = config(suites)
    told = "\n".join(show_check(found, forecast(found), []))
    assert "sees      one/exact-match: 40 items show" in told
    assert "two/exact-match: 1 items are too few" in told
    plain = check_json(Path("x"), found, forecast(found), [], [])
    assert [line["suite"] for line in plain["sees"]] == ["one", "two"]
    assert sensitivity(RunConfig(name="t")) == []
