"""MinHash: how likely near texts meet, and that what meets is compared exactly."""

import random

import pytest

from didact.text.minhash_index import MinHashIndex, bands_for, likelihood_of_meeting


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
def test_there_are_no_more_bands_than_it_takes(threshold):
    bands = bands_for(threshold)
    assert 128 % bands == 0
    assert likelihood_of_meeting(threshold, bands=bands) >= 0.999
    assert bands == 1 or likelihood_of_meeting(threshold, bands=bands // 2) < 0.999


def test_the_likelihood_is_that_of_the_bands():
    # Two bands of one row: 1 - (1 - J)^2.
    assert likelihood_of_meeting(0.5, bands=2, hashes=2) == pytest.approx(0.75)
    assert likelihood_of_meeting(1.0, bands=1) == 1.0
    assert likelihood_of_meeting(0.0, bands=128) == 0.0


def test_near_sets_are_found_as_often_as_expected_and_only_near_ones():
    pytest.importorskip("rensa", reason="needs the extra `text`")
    rng = random.Random(0)
    words = [f"w{n}" for n in range(5000)]
    sets = []
    for _ in range(150):
        first = rng.sample(words, 200)
        # 180 in common of 220 in all: 0.818.
        sets += [frozenset(first), frozenset(first[:180] + rng.sample(words, 20))]
    index = MinHashIndex(0.8, set_of=sets.__getitem__)
    found = 0
    near = 0
    for position, one in enumerate(sets):
        mark = index.mark(one)
        best = index.nearest(one, mark)
        true = [
            len(one & other) / len(one | other)
            for other in sets[:position]
            if len(one & other) / len(one | other) >= 0.8
        ]
        near += bool(true)
        if best is not None:
            assert best.score == max(true)
            found += 1
        assert index.add(mark) == position
    assert near > 100
    assert found >= 0.99 * near


def test_sets_of_anything_have_marks():
    pytest.importorskip("rensa", reason="needs the extra `text`")
    sets = [frozenset({"\ud800", ("a", "b")}), frozenset()]
    index = MinHashIndex(0.5, set_of=sets.__getitem__)
    index.add(index.mark(sets[0]))
    assert index.nearest(sets[0], index.mark(sets[0])).score == 1.0
    assert index.nearest(sets[1], index.mark(sets[1])) is None
