"""The near-duplicate index against a plain loop over sets of words."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.text.jaccard_index import JaccardIndex, shingles
from didact.text.novelty_index import Neighbour
from didact.text.words import all_words

FEW = [f"w{number}" for number in range(12)]
short = st.lists(st.sampled_from(FEW), max_size=14).map(" ".join)
streams = st.lists(short, max_size=25)
thresholds = st.sampled_from([0.05, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0])


def nearest_by_loop(held, found, threshold):
    best = None
    for position, other in enumerate(held):
        if not found or not other:
            continue
        score = len(found & other) / len(found | other)
        if score >= threshold and (best is None or score > best.score):
            best = Neighbour(score, position)
    return best


def replay(stream, threshold, *, shingle=1, hold=False):
    held, expected = [], []
    for text in stream:
        found = set(shingles(all_words(text), shingle))
        expected.append(nearest_by_loop(held, found, threshold))
        if expected[-1] is None or hold:
            held.append(found)
    index = JaccardIndex(threshold, shingle=shingle)
    assert index.offer_all(stream, hold=hold) == expected
    assert len(index) == len(held)
    assert index.nearest_all(stream) == [
        nearest_by_loop(held, set(shingles(all_words(text), shingle)), threshold) for text in stream
    ]


@settings(deadline=None)
@given(streams, thresholds, st.sampled_from([1, 2]), st.booleans())
def test_every_decision_and_neighbour_is_that_of_the_loop(stream, threshold, shingle, hold):
    replay(stream, threshold, shingle=shingle, hold=hold)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_it_grows_past_every_first_allocation_and_decides_all_sizes_exactly(threshold):
    rng = random.Random(2)
    words = [f"g{number}" for number in range(900)]
    stream = []
    for number in range(300):
        text = rng.sample(words, rng.choice([1, 2, 5, 17, 18, 40, 90, 300]))
        if number % 3 == 2:
            text = stream[rng.randrange(number)].split()
            for _ in range(rng.randint(0, 1 + len(text) // 8)):
                text[rng.randrange(len(text))] = rng.choice(words)
            text = text[: rng.randint(max(1, len(text) - 6), len(text))]
        stream.append(" ".join(text))
    replay(stream, threshold)
    replay(stream, threshold, hold=True)


def test_how_the_texts_are_cut_into_calls_changes_nothing():
    rng = random.Random(1)
    texts = [" ".join(rng.choices(FEW, k=rng.randint(0, 9))) for _ in range(1500)]
    whole, parts = JaccardIndex(0.6), JaccardIndex(0.6)
    found = [near for at in range(0, 1500, 7) for near in parts.offer_all(texts[at : at + 7])]
    assert whole.offer_all(texts) == found
    assert whole.offer_all([]) == []


def test_texts_can_be_added_without_asking():
    index = JaccardIndex(0.7)
    index.add_all(["a b c", "a b c"])
    assert index.nearest_all(["c b a", "x"]) == [Neighbour(1.0, 0), None]


def test_shingles_are_runs_and_a_short_text_is_one():
    assert shingles(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]
    assert shingles(["a"], 2) == [("a",)]
    assert shingles([], 2) == []


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.5])
def test_a_threshold_that_makes_no_sense_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        JaccardIndex(threshold)
    with pytest.raises(ValueError, match="at least one word"):
        JaccardIndex(0.7, shingle=0)
