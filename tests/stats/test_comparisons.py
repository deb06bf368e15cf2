"""Student, resampling, sign flips, Holm, power: against scipy, statsmodels and by arithmetic."""

import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from didact.stats.bootstrap import sign_flip
from didact.stats.holm import holm
from didact.stats.permutation import compare_all, sign_flips
from didact.stats.power import detectable_share, items_needed, minimum_detectable_effect
from didact.stats.resampling import column_intervals, draw_weights, expanded, resampled_means
from didact.stats.student import student_cdf, student_quantile


@settings(deadline=None)
@given(st.floats(0.4, 1e7), st.floats(1e-6, 1 - 1e-6))
def test_students_quantile_is_scipys(df, p):
    assert student_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-6, abs=1e-7)


@settings(deadline=None)
@given(st.floats(-30, 30), st.floats(0.5, 1e7))
@example(5.960464477539063e-08, 32.0)
@example(-1e-4, 0.5)
@example(9.9e-4, 99_000.0)
def test_students_probability_is_scipys(t, df):
    assert student_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), abs=1e-8)


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_is_never_weaker_than_bonferroni_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    pairs = list(zip(p_values, adjusted, strict=True))
    assert all(p <= a <= min(1, p * len(p_values)) + 1e-12 for p, a in pairs)
    assert [a for _, a in sorted(pairs)] == sorted(adjusted)


def test_holm_by_hand():
    # 4 x 0.005; 3 x 0.01; 2 x 0.03; 0.04, which may not be below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_is_that_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.random.default_rng(3).random(12) ** 3
    theirs = multitest.multipletests(p_values, method="holm")[1]
    assert holm(p_values.tolist()) == pytest.approx(theirs.tolist())


def test_sign_flips_of_many_agree_with_the_exact_test_and_with_one_at_a_time():
    rng = np.random.default_rng(10)
    one, other = rng.normal(0.6, 1, 10), rng.normal(0.0, 1, 10)
    exact = [
        stats.permutation_test(
            (x, np.zeros(10)),
            lambda a, b: np.mean(a - b),
            permutation_type="samples",
            n_resamples=np.inf,
        ).pvalue
        for x in (one, other)
    ]
    found = sign_flips([one.tolist(), other.tolist()], seed=0)
    assert found == pytest.approx(exact, abs=0.015)
    assert found[0] == sign_flip(one.tolist(), [0.0] * 10, seed=0)


def test_clusters_flip_as_one():
    found = sign_flips([[1.0] * 30], seed=0, clusters=[0, 1, 2] * 10)
    assert found == pytest.approx([0.25], abs=0.02)


def test_every_model_is_compared_with_the_baseline_and_the_p_values_are_adjusted():
    rng = np.random.default_rng(4)
    base = rng.normal(size=100)
    scores = {"base": base, "same": base + rng.normal(0, 1, 100), "better": base + 1}
    found = {c.model: c for c in compare_all({k: v.tolist() for k, v in scores.items()},
                                             baseline="base", seed=0)}  # fmt: skip
    assert list(found) == ["same", "better"]
    assert found["better"].difference.low == pytest.approx(1)
    assert found["better"].adjusted == pytest.approx(2 * found["better"].p)
    assert found["same"].adjusted >= found["same"].p


@pytest.mark.parametrize("distinct", [True, False])
def test_resampled_means_spread_as_means_do(distinct):
    rng = np.random.default_rng(5)
    data = rng.normal(size=(400, 2)) if distinct else rng.integers(2, size=(400, 2)) * 1.0
    means = resampled_means(data, 4000, np.random.default_rng(0))
    assert means.mean(axis=0) == pytest.approx(data.mean(axis=0), abs=0.01)
    assert means.std(axis=0) == pytest.approx(data.std(axis=0) / 20, rel=0.06)


def test_weights_of_clusters_move_together_and_add_up():
    (block,) = draw_weights(
        6, 50, np.random.default_rng(0), clusters=["a", "a", "b", "b", "c", "c"]
    )
    assert (block[:, 0] == block[:, 1]).all()
    assert (block[:, ::2].sum(axis=1) == 3).all()


def test_the_same_seed_gives_the_same_interval():
    data = np.random.default_rng(6).normal(size=(50, 3))
    whole = column_intervals(data, seed=1, draws=500)
    assert column_intervals(data, seed=1, draws=500) == whole
    assert column_intervals(data, seed=2, draws=500) != whole


def test_few_items_widen_the_interval_to_students():
    data = np.random.default_rng(7).normal(size=8)
    (found,) = column_intervals(data[:, None], seed=0, draws=40_000)
    theirs = stats.t.interval(0.95, 7, data.mean(), stats.sem(data))
    assert found.high - found.low == pytest.approx(theirs[1] - theirs[0], rel=0.12)
    assert expanded(1.0, [1.0], units=1) == (1.0, float("-inf"), float("inf"))


def test_ten_thousand_draws_of_ten_thousand_items_for_five_models_take_seconds():
    data = np.random.default_rng(8).normal(size=(10_000, 5))
    start = time.process_time()
    column_intervals(data, seed=0, draws=2_000)
    # A fifth of the bar of two seconds for 10,000 draws, thrice over for slow machines.
    assert time.process_time() - start < 3 * 2.0 / 5


def test_the_detectable_effect_is_that_of_statsmodels():
    power = pytest.importorskip("statsmodels.stats.power").TTestPower()
    for items in (20, 80, 805):
        theirs = power.solve_power(nobs=items, alpha=0.05, power=0.8)
        found = minimum_detectable_effect(items, sd=1).effect
        assert found == pytest.approx(theirs, rel=0.01)


def test_the_detectable_effect_is_found_as_often_as_it_says():
    rng = np.random.default_rng(9)
    effect = minimum_detectable_effect(50, sd=2.0).effect
    samples = rng.normal(effect, 2.0, size=(2000, 50))
    found = stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_the_detectable_effect_falls_with_items_and_grows_with_comparisons():
    few, many = (detectable_share(n).effect for n in (80, 805))
    assert few == pytest.approx(0.224, abs=0.002)
    assert many == pytest.approx(0.070, abs=0.001)
    assert detectable_share(805, comparisons=5).effect > many
    assert detectable_share(805, agreement=0.5).effect < many
    assert "805 items: a true difference of 7.0 points" in str(detectable_share(805))


@settings(deadline=None)
@given(st.floats(0.05, 3))
def test_items_needed_see_the_effect_and_one_fewer_does_not(effect):
    items = items_needed(effect, sd=1)
    assert minimum_detectable_effect(items, sd=1).effect <= effect
    assert items == 2 or minimum_detectable_effect(items - 1, sd=1).effect > effect


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: holm([1.5]), "between 0 and 1"),
        (lambda: student_quantile(0, 3), "no quantile"),
        (lambda: minimum_detectable_effect(1, sd=1), "two items"),
        (lambda: minimum_detectable_effect(9, sd=1, power=1), "between 0 and 1"),
        (lambda: items_needed(0, sd=1), "above 0"),
        (lambda: items_needed(1e-6, sd=1), "more than"),
        (lambda: sign_flips([[float("nan")]], seed=0), "finite"),
        (lambda: sign_flips([[1.0, 2.0]], seed=0, clusters=[1]), "1 clusters"),
        (lambda: compare_all({"a": [1.0]}, baseline="b", seed=0), "no scores of the baseline"),
        (lambda: resampled_means([1.0], 3, np.random.default_rng(0)), "finite columns"),
        (lambda: expanded(0, [0.0], units=3, level=95), "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
