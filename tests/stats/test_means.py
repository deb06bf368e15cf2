"""The interval of a mean of scores: shares, families, scores that are all the same, many."""

from __future__ import annotations

import numpy as np
import pytest

from didact.stats.bootstrap import bootstrap, wilson
from didact.stats.means import all_alike, mean_interval, share_of_families


def interval(values, clusters=None, low=0.0, top=100.0):
    return mean_interval(values, low=low, top=top, seed=0, clusters=clusters)


def test_right_and_wrong_items_are_a_share():
    found = interval([100.0] * 3 + [0.0] * 17)
    assert found == pytest.approx([100 * bound for bound in wilson(3, 20)])


def test_items_of_families_that_differ_tell_as_much_as_fewer_items_alone():
    families = [n // 5 for n in range(60)]
    whole = [100.0 * (family % 2) for family in families]
    mixed = [100.0 * (n % 2) for n in range(60)]
    apart, alike, alone = interval(whole, families), interval(mixed, families), interval(whole)
    assert apart.mean == alike.mean == alone.mean == 50
    assert apart.high - apart.low > 2 * (alone.high - alone.low)
    assert alike.high - alike.low < 1.3 * (alone.high - alone.low)


def test_families_of_one_item_are_items_but_for_the_quantile_of_student():
    right = [1] * 30 + [0] * 70
    found = share_of_families(right, [1] * 100)
    assert found == pytest.approx(wilson(30, 100), abs=0.003)


def test_few_right_answers_of_one_family_reach_far():
    one = share_of_families([4] + [0] * 38, [4] * 39)
    many = share_of_families([1] * 4 + [0] * 35, [4] * 39)
    assert one.mean == many.mean
    assert one.low > 0
    assert one.high > 1.5 * many.high


def test_scores_that_are_all_the_same_are_not_certain():
    assert interval([0.0] * 20) == pytest.approx([100 * bound for bound in wilson(0, 20)])
    families = [n % 4 for n in range(20)]
    assert interval([0.0] * 20, families) == pytest.approx([100 * b for b in wilson(0, 4)])
    seven = interval([7.0] * 20, low=1, top=10)
    assert 1 < seven.low < seven.mean == 7 < seven.high < 10
    assert all_alike(7, 1, low=1, top=10) == (7, 1, 10)


def test_scores_between_the_ends_are_resampled_and_many_of_them_need_not_be():
    rng = np.random.default_rng(0)
    values = rng.beta(0.8, 2.4, 4000).tolist()
    assert interval(values, top=1) == bootstrap(values, seed=0)
    more = rng.beta(0.8, 2.4, 6000).tolist()
    assert interval(more, top=1) == pytest.approx(bootstrap(more, seed=0, resamples=2000), abs=8e-4)


def test_one_family_alone_is_its_items():
    assert interval([0.0, 100.0, 100.0], ["a"] * 3) == interval([0.0, 100.0, 100.0])
