"""The three questions of the data audit."""

import pytest

from didact.text.three_questions import audit_prompt, read_three


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("1: yes\n2: no\n3: yes", (True, False, True)),
        ("1. Yes, it is.\n2) NO\n3 - no (wrong)", (True, False, False)),
        ("Sure:\n**1**: yes\n**2**: yes\n**3**: no", (True, True, False)),
        ("1: yes\n2: yes", None),
        ("1: yes\n1: no\n2: yes\n3: yes", None),
        ("yes yes yes", None),
        ("1: maybe\n2: yes\n3: yes", None),
        ("", None),
    ],
)
def test_only_a_reply_that_answers_all_three_counts(reply, said):
    assert read_three(reply) == said


def test_the_prompt_shows_all_parts_and_says_where_there_is_no_input():
    text = audit_prompt("Sort {them}.", "", "a, b")
    assert "Sort {them}." in text
    assert "(none)" in text
    assert "a, b" in text
