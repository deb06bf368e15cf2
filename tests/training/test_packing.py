"""Packing: what goes together, and that nothing sees its neighbour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.text.masks import IGNORED, Row
from didact.training.packing import best_fit

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=80)


@given(LENGTHS)
def test_every_row_is_packed_once_and_none_is_overfull(lengths):
    bins = best_fit(lengths, room=64)
    assert sorted(place for one in bins for place in one) == list(range(len(lengths)))
    assert all(sum(lengths[place] for place in one) <= 64 for one in bins)


@given(LENGTHS)
def test_best_fit_decreasing_leaves_no_two_rows_that_fit_into_one(lengths):
    sums = sorted(sum(lengths[place] for place in one) for one in best_fit(lengths, room=64))
    assert len(sums) < 2 or sums[0] + sums[1] > 64


def test_each_goes_into_the_fullest_row_that_has_room():
    # 60 and 50 open two rows; 14 fits only the second, and 4 the first, exactly.
    assert best_fit([14, 60, 4, 50], room=64) == [[1, 2], [3, 0]]


@pytest.mark.train
def test_packed_rows_say_where_they_begin_and_train_no_first_token():
    from didact.training.packing import packed

    rows = [Row([1, 2, 3], [1, 2, 3]), Row([4, 5], [IGNORED, 5])]
    found = packed(rows, room=16, padding=0)
    assert found["input_ids"].tolist() == [[1, 2, 3, 4, 5, 0, 0, 0]]
    assert found["labels"].tolist() == [[IGNORED, 2, 3, IGNORED, 5] + [IGNORED] * 3]
    assert found["position_ids"].tolist() == [[0, 1, 2, 0, 1, 0, 1, 2]]
