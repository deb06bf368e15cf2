"""Intervals against scipy, against published numbers and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from didact.stats.bootstrap import Interval, bootstrap, paired_bootstrap, sign_flip, wilson


def test_the_interval_of_a_mean_is_scipys_up_to_resampling_noise():
    data = np.random.default_rng(1).exponential(size=80)
    ours = bootstrap(data.tolist(), seed=0)
    theirs = stats.bootstrap((data,), np.mean, method="percentile", rng=0).confidence_interval
    assert ours.mean == pytest.approx(data.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_a_paired_interval_is_that_of_the_differences_and_mirrors_when_swapped():
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 1, 50), rng.normal(0, 1, 50)
    forward = paired_bootstrap(a.tolist(), b.tolist(), seed=3)
    backward = paired_bootstrap(b.tolist(), a.tolist(), seed=3)
    assert forward == bootstrap((a - b).tolist(), seed=3)
    assert backward == pytest.approx((-forward.mean, -forward.high, -forward.low))


@pytest.mark.parametrize("clusters", [None, [0, 0, 1, 1, 1, 2, 2, 2]])
def test_identical_systems_differ_by_nothing(clusters):
    values = [1.0, 0.0, 3.5, 2.0, 1.0, 7.0, 2.0, 1.0]
    assert paired_bootstrap(values, values, seed=0, clusters=clusters) == Interval(0, 0, 0)
    assert sign_flip(values, values, seed=0, clusters=clusters) == 1


def test_the_same_seed_gives_the_same_interval_whatever_the_chunking(monkeypatch):
    data = np.random.default_rng(4).normal(size=30).tolist()
    whole = bootstrap(data, seed=5)
    monkeypatch.setattr("didact.stats.bootstrap._CHUNK", 1000)
    assert bootstrap(data, seed=5) == whole
    assert bootstrap(data, seed=6) != whole


def test_clusters_of_one_item_give_the_plain_interval_up_to_noise():
    data = np.random.default_rng(7).normal(size=60)
    plain = bootstrap(data.tolist(), seed=0)
    nested = bootstrap(data.tolist(), seed=0, clusters=range(60))
    assert nested == pytest.approx(plain, abs=0.02)


def test_items_that_agree_inside_their_cluster_widen_the_interval():
    families = np.repeat(np.arange(10), 20)
    data = np.random.default_rng(8).normal(size=10)[families]
    plain = bootstrap(data.tolist(), seed=0)
    nested = bootstrap(data.tolist(), seed=0, clusters=families.tolist())
    assert nested.high - nested.low > 3 * (plain.high - plain.low)


def test_unequal_clusters_estimate_the_mean_over_items():
    data = [0.0] * 9 + [1.0]
    clusters = ["large"] * 9 + ["small"]
    interval = bootstrap(data, seed=0, clusters=clusters)
    assert interval == pytest.approx((0.1, 0.0, 1.0))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(9)
    hits = clustered_hits = 0
    for trial in range(300):
        low, high = bootstrap(rng.normal(size=40).tolist(), seed=trial, resamples=400)[1:]
        hits += low <= 0 <= high
        families = np.repeat(np.arange(15), 8)
        data = rng.normal(size=15)[families] + rng.normal(size=120)
        interval = bootstrap(data.tolist(), seed=trial, resamples=400, clusters=families.tolist())
        clustered_hits += interval.low <= 0 <= interval.high
    assert 0.90 <= hits / 300 <= 0.98
    assert 0.88 <= clustered_hits / 300 <= 0.99


def test_sign_flips_agree_with_the_exact_permutation_test():
    rng = np.random.default_rng(10)
    a, b = rng.normal(0.6, 1, 10), rng.normal(0, 1, 10)
    exact = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert sign_flip(a.tolist(), b.tolist(), seed=0) == pytest.approx(exact, abs=0.015)


def test_under_no_difference_sign_flips_reject_about_as_often_as_they_say():
    rng = np.random.default_rng(11)
    rejected = sum(
        sign_flip(rng.normal(size=20).tolist(), [0.0] * 20, seed=trial, flips=400) < 0.05
        for trial in range(400)
    )
    assert 0.02 <= rejected / 400 <= 0.09


def test_the_smallest_p_value_of_three_clusters_is_a_quarter():
    a, clusters = [1.0] * 30, [0, 1, 2] * 10
    assert sign_flip(a, [0.0] * 30, seed=0, clusters=clusters) == pytest.approx(0.25, abs=0.02)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(case):
    successes, trials = case
    share, low, high = wilson(successes, trials)
    theirs = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert share == successes / trials
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap([], seed=0), "at least one value"),
        (lambda: bootstrap([1.0, float("nan")], seed=0), "finite"),
        (lambda: bootstrap([1.0], seed=0, level=95), "between 0 and 1"),
        (lambda: bootstrap([1.0, 2.0], seed=0, clusters=[1]), "1 clusters named for 2 values"),
        (lambda: paired_bootstrap([1.0], [1.0, 2.0], seed=0), "not 1 and 2"),
        (lambda: wilson(3, 2), "not a share"),
    ],
)
def test_what_has_no_interval_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
