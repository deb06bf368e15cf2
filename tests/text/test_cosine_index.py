"""The index of vectors against a loop of scalar products in double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.text.cosine_index import CosineIndex, unit_vectors
from didact.text.novelty_index import Neighbour


def nearest_by_loop(held, row, threshold):
    best = None
    for position, other in enumerate(held):
        score = min(float((row.astype(np.float64) * other).sum()), 1.0)
        near = score >= threshold or score > 1 - 1e-6
        if near and (best is None or score > best.score):
            best = Neighbour(score, position)
    return best


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 9999),
    st.integers(0, 40),
    st.sampled_from([0.2, 0.5, 0.9, 1.0]),
    st.booleans(),
    st.integers(1, 9),
)
def test_every_decision_is_that_of_the_loop_however_the_vectors_are_cut(
    seed, number, threshold, hold, cut
):
    vectors = np.random.default_rng(seed).integers(-2, 3, (number, 4)).astype(np.float32)
    units = unit_vectors(vectors)[:number]
    held, expected = [], []
    for row in units:
        expected.append(nearest_by_loop(held, row, threshold))
        if expected[-1] is None or hold:
            held.append(row)
    index = CosineIndex(threshold)
    found = []
    for at in range(0, number, cut):
        found += index.offer_all(vectors[at : at + cut], hold=hold)
    assert found == expected
    assert len(index) == len(held)


def test_vectors_without_length_or_number_are_near_to_nothing():
    vectors = np.array([[0, 0], [0, 0], [np.nan, 1], [np.inf, 1], [1, 0]], np.float32)
    assert CosineIndex(0.5).offer_all(vectors) == [None] * 5


def test_a_vector_is_as_near_as_can_be_to_itself():
    vectors = np.random.default_rng(0).normal(size=(50, 384))
    index = CosineIndex(1.0)
    index.add_all(vectors)
    assert [near.position for near in index.nearest_all(vectors)] == list(range(50))


def test_a_squared_distance_of_a_twentieth_is_a_cosine_of_0_975():
    """methods.md 17.7: FAISS's L2 is squared, so Magpie's 0.05 is on that scale."""
    for angle, near in ((0.223, True), (0.225, False)):
        a, b = np.array([1.0, 0.0]), np.array([np.cos(angle), np.sin(angle)])
        assert (float(((a - b) ** 2).sum()) < 0.05) == near
        index = CosineIndex(0.975)
        index.add_all(a)
        assert (index.nearest_all(b)[0] is not None) == near


@pytest.mark.parametrize("threshold", [0.0, 1.1])
def test_a_threshold_that_makes_no_sense_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        CosineIndex(threshold)
