"""Ratings in judges' replies: the golden tables of the published parsers, and what ours reads."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.errors import ParseError
from didact.text.ratings import critique_rating, first_rating, repaired_overall

accuracy = partial(first_rating, lowest=0, highest=5)

ACCURACY = [
    ("4.5\nBecause.", 4.5, 4.5),
    ("score: 4.5\n", 4.5, 4.5),
    ("Score:4.5\n", 4.0, 4.5),
    ("Score: 4.5\n", ParseError, 4.5),
    ("4.5/5", None, 4.5),
    ("The score is 4", None, None),
]


@pytest.mark.parametrize(("reply", "published", "ours"), ACCURACY, ids=[c[0] for c in ACCURACY])
def test_the_table_of_the_rating_parser(reply, published, ours):
    """methods.md 17.2: where the published code gives -1, there is None, and where it aborts."""
    if published is ParseError:
        with pytest.raises(ParseError, match="breaks off") as caught:
            accuracy(reply, faithful=True)
        assert caught.value.reply == reply
    else:
        assert accuracy(reply, faithful=True) == published
    assert accuracy(reply) == ours


CRITIQUE = [("7.5", 7, 7.5), ("9.5/10", 9, 9.5), ("8/10", 8.0, 8.0)]


@pytest.mark.parametrize(("reply", "published", "ours"), CRITIQUE, ids=[c[0] for c in CRITIQUE])
def test_the_table_of_the_critique_parser(reply, published, ours):
    """methods.md 17.6: the published parser cuts decimals."""
    assert critique_rating(reply, faithful=True) == published
    assert critique_rating(reply) == ours
    assert critique_rating(f"It is fine.\nOverall Score: {reply}\n") == ours


@pytest.mark.parametrize(
    ("overall", "aspects", "repaired"),
    [(10, 2.0, 1), (10, 1.25, 1), (10, 4.25, 10), (10, 4.0, None), (10, 2.5, None), (9, 1.0, 9)],
)
def test_a_ten_that_was_a_one_is_told_by_its_aspects(overall, aspects, repaired):
    """methods.md 17.6: the repair of 2,628 wrong scores."""
    assert repaired_overall(overall, aspects) == repaired


@pytest.mark.parametrize(
    ("reply", "rating"),
    [
        ("\n\n 4 \nIt is right.", 4),
        ("**4**\nIt is right.", 4),
        ("Rating: 3/5\nIt is right.", 3),
        ("5 out of 5", 5),
        ("0", 0),
        ("4,5", None),
        ("4.5 because it is right", None),
        ("It is right.\n4", None),
        ("6", None),
        ("-1", None),
        ("", None),
    ],
)
def test_a_first_line_holds_the_number_and_nothing_else(reply, rating):
    assert accuracy(reply) == rating


@given(
    st.text(max_size=60) | st.from_regex(r"[Ss]core:? ?-?[0-9]{0,3}[./]?[0-9]?\n?", fullmatch=True)
)
def test_what_is_read_is_on_the_scale(reply):
    for value in (accuracy(reply), critique_rating(reply)):
        assert value is None or 0 <= value <= 10
