"""Lines of scores, as judges write them."""

import pytest

from didact.text.score_lines import parse_scores


# methods.md 12.7: what the published parser gives, and what the corrected reading gives.
@pytest.mark.parametrize(
    ("reply", "faithful", "corrected"),
    [
        ("8 9\nboth", (8, 9), (8, 9)),
        ("9.5 7", (9.5, 7), (9.5, 7)),
        ("8,9\nx", (8, 9), (8, 9)),
        ("8, 9\nx", None, (8, 9)),
        ("(8, 9)\n", None, (8, 9)),
        ("8 9 \nx", None, (8, 9)),
        ("\n8 9", None, (8, 9)),
        ("Assistant 1: 8", None, None),
        ("Assistant 1: 8, Assistant 2: 9", None, (8, 9)),
        ("8/10 9/10", None, (8, 9)),
        ("10/10 9 out of 10", None, (10, 9)),
        ("8 9 7", None, None),
        ("11 9", (11, 9), None),
        ("0 9", (0, 9), None),
        ("-8 9", (-8, 9), None),
        ("Answer 1 - 8", None, None),
        ("80% 90%", None, None),
        ("good bad", None, None),
        ("", None, None),
    ],
)
def test_the_scores_of_two_answers(reply, faithful, corrected):
    assert parse_scores(reply, 2, faithful=True) == faithful
    assert parse_scores(reply, 2) == corrected


def test_as_many_scores_as_answers():
    assert parse_scores("7 8 10\nbecause 3 4", 3) == (7, 8, 10)
    assert parse_scores("7 8 10", 2) is None
