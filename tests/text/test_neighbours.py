"""Near texts: distances, counts, representatives, and the corrected rule."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.text.neighbours import first_of_each, hashed_words, near


def turned(*degrees):
    """Vectors at these angles: of two, the squared distance is 2 - 2 cos."""
    angles = [math.radians(one) for one in degrees]
    return np.array([[math.cos(a), math.sin(a)] for a in angles], dtype=np.float32)


def test_the_threshold_is_on_squared_distances():
    """methods.md 17.7: FAISS L2 is squared; 0.05 is a cosine of 0.975."""
    just, more = math.degrees(math.acos(0.9751)), math.degrees(math.acos(0.9749))
    assert near(turned(0, just), below=0.05)[0].others == (1,)
    assert near(turned(0, more), below=0.05)[0].others == ()
    assert near(turned(0, 90), below=0.05)[0].distance == pytest.approx(2.0, abs=1e-5)


def test_the_three_columns():
    """methods.md 17.7 (5): min_neighbor_distance, repeat_count, min_similar_conversation_id."""
    rows = near(turned(0, 50, 1, 90, 2), below=0.05)
    assert [len(row.others) for row in rows] == [2, 0, 2, 0, 2]
    # None without neighbours, its own where it is the earliest, else the earliest neighbour's.
    assert [row.representative for row in rows] == [0, None, 0, None, 0]
    assert rows[0].distance == pytest.approx(2 - 2 * math.cos(math.radians(1)), abs=1e-5)


def test_groups_are_not_closed_and_the_corrected_rule_keeps_the_third():
    """methods.md 17.7 (5): a chain a-b-c; b goes for a, and c for b, though a is far from c."""
    rows = near(turned(0, 10, 20), below=0.05)
    assert [row.representative for row in rows] == [0, 0, 1]
    published = {n for n, row in enumerate(rows) if row.representative in (None, n)}
    assert published == {0}
    assert first_of_each(rows, range(3)) == {0, 2}
    # And where the first has gone for another reason, its group has not gone with it.
    assert first_of_each(rows, [1, 2]) == {1}


def test_one_row_and_none():
    assert near(turned(0), below=0.05) == [(None, (), 0)]
    assert near(np.zeros((0, 2), dtype=np.float32), below=0.05) == []


def test_no_more_than_so_many_are_looked_at():
    """methods.md 17.7 (5): k 500."""
    rows = near(np.ones((9, 2), dtype=np.float32), below=0.05, most=4)
    assert rows[8].others == (0, 1, 2)
    assert rows[0].others == (1, 2, 3)


def test_blocks_do_not_show():
    vectors = hashed_words([f"say {n % 300} and {n % 7}" for n in range(700)])
    rows = near(vectors, below=0.05)
    alone = near(vectors[[3, 303, 603]], below=0.05)
    assert rows[3].distance is not None
    for number, one in zip((3, 303, 603), alone, strict=True):
        others = {place for place in (3, 303, 603) if place in rows[number].others}
        assert others == {(3, 303, 603)[place] for place in one.others}


def test_words_and_their_order_decide():
    texts = [
        "Write a poem about the sea.",
        "write a POEM about the sea",
        "Sea the about poem a write.",
        "List five rivers.",
        "写一首关于海的诗",
        "写一首关于海的诗。",
        "?!",
        "!!",
    ]
    rows = near(hashed_words(texts), below=0.05)
    assert [row.others for row in rows] == [(1,), (0,), (), (), (5,), (4,), (), ()]


@given(st.lists(st.text(st.sampled_from("ab c"), max_size=6), min_size=1, max_size=12))
def test_nearness_is_mutual_and_what_is_kept_covers_what_is_not(texts):
    rows = near(hashed_words(texts, size=64), below=0.05)
    kept = first_of_each(rows, range(len(texts)))
    for number, row in enumerate(rows):
        assert all(number in rows[other].others for other in row.others)
        before = {other for other in row.others if other < number}
        assert (number in kept) == kept.isdisjoint(before)
