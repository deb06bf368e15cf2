"""The map of texts: groups, places, and what a part of them covers."""

import numpy as np
import pytest

from didact.stats.topics import coverage, topics, weighted_words

ANIMALS = [f"describe the {animal} of the forest" for animal in ("fox", "bear", "deer", "wolf")]
SUMS = [f"add {n} and {n + 3} then double it" for n in range(6)]


def test_texts_of_the_same_words_are_one_group_and_the_largest_comes_first():
    found = topics(weighted_words([*ANIMALS, *SUMS]), 2)
    assert found.group == [1] * len(ANIMALS) + [0] * len(SUMS)
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in found.places)


def test_the_same_texts_give_the_same_map():
    units = weighted_words([*ANIMALS, *SUMS])
    assert topics(units, 3) == topics(units, 3)


def test_few_equal_or_no_texts_are_no_trouble():
    assert topics(weighted_words([]), 4).group == []
    assert set(topics(weighted_words(["same"] * 5), 4).group) == {0}
    assert len(topics(weighted_words(["one", "two"]), 4).group) == 2


def test_coverage_grows_and_is_whole_where_everything_is_there():
    units = weighted_words([*ANIMALS, *SUMS])
    grown = coverage(units, units, [1, 4, 10])
    assert grown[0] < grown[1] < grown[2]
    assert grown[2] == pytest.approx(1)
    assert coverage(units[4:], units[:4], [6])[0] < 0.5
    assert np.allclose(np.linalg.norm(units, axis=1), 1, atol=1e-5)
