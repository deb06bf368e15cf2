"""Taking the highest, the best of a group, and a diverse set."""

from __future__ import annotations

from random import Random
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.stats.selecting import best_of_each, diverse, highest, within_groups

rewards = st.lists(st.integers(-5, 5).map(float), max_size=30)
groups = st.lists(st.integers(0, 4), min_size=30, max_size=30)


@given(rewards, st.integers(0, 40), st.integers(-9, 9))
def test_a_constant_added_to_every_reward_takes_the_same_items(scores, count, shift):
    """methods.md 17.8, invariants of (b)."""
    moved = [score + shift for score in scores]
    assert highest(moved, count) == highest(scores, count)
    assert len(highest(scores, count)) == min(count, len(scores))


@given(rewards, groups, st.integers(-9, 9))
def test_a_constant_moves_no_best_of_n_and_no_difference_within_a_prompt(scores, of, shift):
    """methods.md 17.8, invariants of (c) and (e)."""
    of, moved = of[: len(scores)], [score + shift for score in scores]
    assert best_of_each(of, moved) == best_of_each(of, scores)
    assert within_groups(of, moved) == pytest.approx(within_groups(of, scores))


def test_ties_go_to_the_first():
    """methods.md 17.8: ties broken by original order."""
    assert highest([1, 2, 2, 2, 1], 2) == [1, 2]
    assert best_of_each(["a", "b", "a"], [3, 3, 3]) == [0, 1]


@given(rewards)
def test_the_best_of_one_is_that_one(scores):
    """methods.md 17.8: best-of-1 is the identity."""
    assert best_of_each(range(len(scores)), scores) == list(range(len(scores)))


def test_the_expected_best_grows_with_the_number_of_samples():
    """methods.md 17.8."""
    draw = Random(0)
    best = [fmean(max(draw.gauss(0, 1) for _ in range(n)) for _ in range(4000)) for n in (1, 2, 4)]
    assert best == sorted(best)
    assert best[2] == pytest.approx(1.03, abs=0.05)


def test_what_has_no_score_is_never_taken():
    assert highest([None, 1.0, None, 0.5], 4) == [1, 3]
    assert best_of_each("aab", [None, -9.0, None]) == [1]
    assert within_groups("aab", [None, 4.0, 1.0]) == [None, 0.0, 0.0]


EAST, NORTH, NEAR_EAST, NEARER = (1, 0), (0, 1), (1, 0.3), (1, 0.75)
"""Cosines: NEAR_EAST to EAST 0.958, NEARER to EAST 0.8, NEARER to NEAR_EAST 0.94."""


def vectors(*rows):
    return np.array(rows, dtype=np.float32)


def test_a_diverse_set_goes_from_the_best_downwards_and_leaves_out_what_is_near():
    """methods.md 17.5: the first is always kept; what is above the limit of similarity is not."""
    taken, near = diverse([1, 3, 2, 4], vectors(NORTH, NEAR_EAST, NEARER, EAST), limit=0.9)
    assert taken == [3, 2, 0]
    assert list(near) == [1]
    assert near[1] == (3, pytest.approx(0.9578, abs=1e-4))


def test_a_diverse_set_stops_at_its_budget():
    taken, near = diverse([1, 3, 2, 4], vectors(NORTH, NEAR_EAST, NEARER, EAST), limit=1, budget=2)
    assert (taken, near) == ([3, 1], {})
    assert diverse([], np.empty((0, 2), dtype=np.float32), limit=0.9) == ([], {})


def test_the_published_code_also_compares_with_what_it_left_out_in_the_same_batch():
    """methods.md 17.5, naming trap: so its result depends on the size of its batches."""
    rows = vectors(EAST, NEAR_EAST, NEARER, NORTH)
    scores = [4, 3, 2, 1]
    assert diverse(scores, rows, limit=0.9)[0] == [0, 2, 3]
    assert diverse(scores, rows, limit=0.9, batch=4)[0] == [0, 3]
    assert diverse(scores, rows, limit=0.9, batch=2)[0] == [0, 2, 3]


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=12), st.randoms())
def test_no_two_of_a_diverse_set_are_near_and_every_other_is_near_one(rows, random):
    scores = [random.random() for _ in rows]
    data = np.array(rows, dtype=np.float32).reshape(-1, 2)
    taken, near = diverse(scores, data, limit=0.9)
    assert sorted([*taken, *near]) == list(range(len(rows)))
    assert all(similarity > 0.9 and other in taken for other, similarity in near.values())
    units = data / np.maximum(np.linalg.norm(data, axis=1, keepdims=True), 1e-9)
    similar = units @ units.T
    assert all(similar[a, b] <= 0.9 + 1e-6 for a in taken for b in taken if a != b)
