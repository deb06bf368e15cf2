"""Scores from probabilities: the golden tables of IFD and of the expected rating."""

from __future__ import annotations

from math import inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.stats.difficulty import (
    expected_rating,
    loss_ratio,
    mean_loss,
    perplexity,
    perplexity_ratio,
)

IFD = [
    (2.0, 2.5, 0.8, 0.60653),
    (2.5, 2.0, 1.25, 1.64872),
    (1.0, 2.0, 0.5, 0.36788),
    (3.0, 4.0, 0.75, 0.36788),
    (0.5, 1.0, 0.5, 0.60653),
]


@pytest.mark.parametrize(("given_loss", "alone", "losses", "perplexities"), IFD)
def test_the_table_of_both_definitions_of_ifd(given_loss, alone, losses, perplexities):
    """methods.md 17.4: one pair of losses under both names."""
    assert loss_ratio(given_loss, alone) == pytest.approx(losses)
    assert perplexity_ratio(given_loss, alone) == pytest.approx(perplexities, abs=5e-6)


def test_the_two_definitions_order_the_same_examples_differently():
    """methods.md 17.4: (0.5, 1) and (1, 2) tie under one, and are far apart under the other."""
    assert loss_ratio(0.5, 1.0) == loss_ratio(1.0, 2.0)
    assert perplexity_ratio(0.5, 1.0) > perplexity_ratio(1.0, 2.0)
    assert perplexity_ratio(1.0, 2.0) == perplexity_ratio(3.0, 4.0)
    assert loss_ratio(1.0, 2.0) < loss_ratio(3.0, 4.0)


losses = st.floats(0.01, 50)


@given(losses, losses)
def test_the_two_agree_on_whether_the_instruction_helps(given_loss, alone):
    """methods.md 17.4: "both agree on the test < 1, never on order"."""
    if given_loss != alone:
        assert (loss_ratio(given_loss, alone) < 1) == (perplexity_ratio(given_loss, alone) < 1)


def test_what_has_no_ratio_has_none():
    """methods.md 17.4: an answer of no token, or of one that nothing predicts."""
    assert mean_loss([]) is None
    assert loss_ratio(None, 1.0) is loss_ratio(1.0, None) is loss_ratio(1.0, 0.0) is None
    assert perplexity_ratio(None, 1.0) is perplexity_ratio(1.0, None) is None
    assert perplexity_ratio(1e6, 1.0) is None
    assert mean_loss([-1.0, -3.0]) == 2.0


def test_a_perplexity_that_no_float_holds_is_infinite():
    assert perplexity(log(7)) == pytest.approx(7)
    assert perplexity(1e9) == inf


@pytest.mark.parametrize(
    ("logits", "rating"),
    [
        ((0, 0, 0, 0, 0, 0), 3.5),
        ((-7, -7, -7, -7, -7, -7), 3.5),
        ((1, 2, 3, 2, 1, 0), 3.07264),
        ((0, 0, 0, 0, 90, 0), 5.0),
        ((90, 0, 0, 0, 0, 0), 1.0),
    ],
)
def test_the_table_of_the_expected_rating(logits, rating):
    """methods.md 17.5: over the six numbers only."""
    assert expected_rating(logits) == pytest.approx(rating, abs=5e-6)


@given(st.lists(st.floats(-200, 0), min_size=6, max_size=6), st.floats(-50, 50))
def test_an_expected_rating_does_not_care_what_other_words_weigh(logits, shift):
    rating = expected_rating(logits)
    assert 1 <= rating <= 6 + 1e-9
    assert expected_rating([logit + shift for logit in logits]) == pytest.approx(rating)
