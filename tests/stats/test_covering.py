"""Facility location and k-centre against the best of all subsets and a plain greedy loop."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.stats.covering import facility_location, k_centre
from didact.text.cosine_index import unit_vectors


def vectors(seed, number, size=4):
    return unit_vectors(np.random.default_rng(seed).normal(size=(number, size)))


def value(units, taken):
    if not taken:
        return 0.0
    return float(np.maximum(units @ units[list(taken)].T, 0).max(axis=1).sum())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 9999), st.integers(1, 9), st.integers(1, 4))
def test_facility_location_is_the_plain_greedy_choice_and_near_the_best(seed, number, count):
    units = vectors(seed, number)
    taken = facility_location(units, count)
    assert len(taken) == len(set(taken)) == min(count, number)
    for step in range(len(taken)):
        gains = [value(units, [*taken[:step], j]) for j in range(number) if j not in taken[:step]]
        assert value(units, taken[: step + 1]) == pytest.approx(max(gains), abs=1e-5)
    best = max(value(units, some) for some in combinations(range(number), len(taken)))
    assert value(units, taken) >= (1 - 1 / np.e) * best - 1e-5


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 9999), st.integers(1, 12), st.integers(1, 5))
def test_k_centre_takes_what_is_farthest_from_those_taken(seed, number, count):
    units = vectors(seed, number)
    taken = k_centre(units, count)
    assert len(taken) == len(set(taken)) == min(count, number)
    for step in range(1, len(taken)):
        nearest = (units @ units[taken[:step]].T).max(axis=1)
        rest = [nearest[j] for j in range(number) if j not in taken[:step]]
        assert nearest[taken[step]] == pytest.approx(min(rest), abs=1e-6)


def test_facility_location_stands_for_clusters_and_k_centre_for_outliers():
    cluster = [[1, 0, 0.01 * n] for n in range(8)]
    other = [[0, 1, 0.01 * n] for n in range(6)]
    units = unit_vectors([*cluster, *other, [-1, -1, 0]])
    first, second = facility_location(units, 2)
    assert first < 8 <= second < 14
    assert 14 in k_centre(units, 2)


def test_equal_and_empty_vectors_are_taken_in_their_order():
    units = unit_vectors(np.zeros((3, 2)))
    assert facility_location(units, 2) == [0, 1]
    assert sorted(k_centre(units, 3)) == [0, 1, 2]
    assert k_centre(units[:0], 2) == facility_location(units[:0], 2) == []
