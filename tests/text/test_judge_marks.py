"""What judges write, and what is read from it."""

import pytest

from didact.text.judge_marks import (
    read_choice,
    read_last_number,
    read_level,
    read_named_output,
    read_pair,
    read_ranking,
    read_rating,
)


@pytest.mark.parametrize(
    ("reply", "faithful", "corrected"),
    [
        ("Final verdict: [[A]]", "first", "first"),
        ("[[B]]", "second", "second"),
        ("so [[C]].", "tie", "tie"),
        ("[[A]], yes, [[A]]", "first", "first"),
        ("Not [[A]] but [[B]]", "first", None),
        ("[[ B ]]", None, "second"),
        ("[A]", None, None),
        ("A is better", None, None),
        ("", None, None),
    ],
)
def test_a_choice_in_double_brackets(reply, faithful, corrected):
    assert read_choice(reply, faithful=True) == faithful
    assert read_choice(reply) == corrected


# methods.md 12.8, but for the last three, which ours adds.
@pytest.mark.parametrize(
    ("reply", "rating"),
    [
        ("Rating: [[7]]", 7),
        ("Rating: [[7.5]] and [[3]]", 7.5),
        ("[8]", 8),
        ("rating: 8", None),
        ("[[10/10]]", None),
        ("[[0]]", None),
        ("[[11]]", None),
        ("", None),
    ],
)
def test_a_rating_in_double_brackets(reply, rating):
    assert read_rating(reply) == rating


# methods.md 16.1
@pytest.mark.parametrize(
    ("reply", "faithful", "corrected"),
    [
        ("[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 2}]", "first", "first"),
        ("[{'model': 'model_1', 'rank': 2}, {'model': 'model_2', 'rank': 1}]", "second", "second"),
        ("[{'model': 'model_1', 'rank': 3}, {'model': 'model_2', 'rank': 1}]", None, None),
        ("[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 1}]", "first", None),
        (
            "Here: [{'model': 'model_2', 'rank': 1}, {'model': 'model_1', 'rank': 2}]",
            None,
            "second",
        ),
        ("no list", None, None),
        ("[1, 2]", None, None),
        ("[__import__('os')]", None, None),
        ("[" * 100_000, None, None),
    ],
)
def test_a_ranking_of_two(reply, faithful, corrected):
    assert read_ranking(reply, faithful=True) == faithful
    assert read_ranking(reply) == corrected


@pytest.mark.parametrize(
    ("reply", "pair"),
    [
        ("8 9\nboth", (8, 9)),
        ("I work it out: 5 + 5.\nSo it is 10.\n\n(10, 1)", (10, 1)),
        (
            "First, I solve it.\nx = 3\nThe output tuple is (9, 10). Assistant 2 did better.",
            (9, 10),
        ),
        ("Scores:\nAssistant 1: 10 (right)\nAssistant 2: 4/10\n\nThe first did better.", (10, 4)),
        ("Work.\nAssistant 1: 4\nAssistant 1: 7", None),
        ("Work.\nThe points are (1, 2) and (3, 4).", None),
        ("Work.\n(0, 9)", None),
        ("", None),
    ],
)
def test_two_scores_at_the_start_or_after_the_working(reply, pair):
    assert read_pair(reply) == pair


@pytest.mark.parametrize(
    ("reply", "side"),
    [
        ("because\n\n2", "second"),
        ("(1)", "first"),
        ("3.", "tie"),
        ("1 or 2", None),
        ("Assistant 1", None),
        ("4", None),
        ("", None),
    ],
)
def test_a_number_in_the_last_line(reply, side):
    assert read_last_number(reply) == side


@pytest.mark.parametrize(
    ("reply", "side"),
    [
        ("Output (a)", "first"),
        ("Output (b) is better.", "second"),
        ("Output (a) is short. Therefore, Output (b) is better.", "second"),
        ("Output (a) is better here. Yet Output (b) is better there.", None),
        ("Both Output (a) and Output (b) will do.", None),
        ("", None),
    ],
)
def test_the_name_of_an_output(reply, side):
    assert read_named_output(reply) == side


@pytest.mark.parametrize(
    ("reply", "level"),
    [
        ("It is [[B]]", "B"),
        ("D", "D"),
        ("C.", "C"),
        ("[[A]] or [[B]]", None),
        ("E", None),
        ("", None),
    ],
)
def test_one_of_four_levels(reply, level):
    assert read_level(reply) == level
