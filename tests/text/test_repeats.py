"""Repetition: loops, lines and runs, against what one can count by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.text.repeats import (
    Loop,
    longest_loop,
    repeated_characters,
    repeated_lines,
    repeated_runs,
)


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("I like it. " * 6, Loop(("i", "like", "it"), 6)),
        ("so so so so", Loop(("so",), 4)),
        ("The end came and went, and went, and went, and went.", Loop(("and", "went"), 4)),
        ("one two three", None),
        ("大海大海大海", Loop(("大", "海"), 3)),
        ("", None),
    ],
)
def test_the_loop_is_the_run_that_covers_most(text, loop):
    assert longest_loop(text) == loop


@given(
    st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=4),
    st.integers(2, 9),
    st.lists(st.sampled_from(["p", "q"]), max_size=1),
)
def test_a_loop_is_found_wherever_it_stands(unit, times, around):
    found = longest_loop(" ".join([*around, *unit * times, *around]))
    assert found is not None
    assert found.times * len(found.words) >= times * len(unit)


def test_lines_and_runs_are_shares_of_all():
    assert repeated_lines("a\nb\na\n\n---\na\n---") == 0.5
    assert repeated_lines("") == 0.0
    assert repeated_runs("a b c d e f a b c d e g") == 5 / 12
    assert repeated_runs("a b c") == 0.0
    assert repeated_characters("no" + "o" * 18 + "!" * 99) == ""
    assert repeated_characters("no" + "o" * 19) == "o" * 20
