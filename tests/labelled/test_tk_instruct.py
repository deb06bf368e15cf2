"""The prompt of Tk-Instruct: the worked cases of methods.md 10.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.labelled.tk_instruct import ENCODINGS, Encoding, Prompts, Shown, about_tokens, encode

DEFINITION = "Return the currency of the given country"
POSITIVE = (Shown("Japan", "Yen", "Japan uses Yen"), Shown("France?", "Euro", ""))
NEGATIVE = (Shown("Italy", "Lira", "That was before"),)


def written(**settings):
    most = settings.pop("most", 1024)
    return encode(
        Encoding(**settings), "India", task="task1_x", definition=DEFINITION,
        positive=POSITIVE, negative=NEGATIVE, most=most,
    )  # fmt: skip


def test_definition_only():
    """methods.md 10.3."""
    assert written(positive=0) == (
        "Definition: Return the currency of the given country.\n\n"
        "Now complete the following example -\nInput: India.\nOutput: "
    )


def test_two_positive_examples():
    """methods.md 10.3."""
    assert written() == (
        "Definition: Return the currency of the given country.\n\n"
        " Positive Example 1 -\nInput: Japan.\n Output: Yen.\n\n"
        " Positive Example 2 -\nInput: France?\n Output: Euro.\n\n"
        "Now complete the following example -\nInput: India.\nOutput: "
    )


def test_one_positive_and_one_negative_with_explanations_and_the_name():
    """methods.md 10.3."""
    text = written(positive=1, negative=1, explanations=True, task_name=True)
    assert text.startswith("task1_x. Definition: ")
    assert " Output: Yen.\n Explanation: Japan uses Yen.\n\n Negative Example 1 -\n" in text


def test_an_example_without_an_explanation_has_no_line_for_it():
    assert written(explanations=True).count("Explanation:") == 1


def test_examples_are_added_while_they_fit_and_then_no_more():
    """methods.md 10.3."""
    whole, none = written(), written(positive=0)
    one = written(positive=1)
    assert written(most=about_tokens(whole) + 1) == whole
    assert written(most=about_tokens(one)) == one
    assert written(most=about_tokens(one) - 1) == none
    assert written(most=1) == none


def test_negative_examples_go_first_when_there_is_no_room():
    text = written(negative=1, most=about_tokens(written()) + 2)
    assert "Negative" not in text
    assert text == written()


def test_examples_alone_without_a_definition():
    assert written(definition=False).startswith(" Positive Example 1 -\n")


@pytest.mark.parametrize("number", range(5))
def test_the_five_encodings(number):
    """methods.md 10.3: definition; 2 pos; def + 2 pos; def + 2 pos + 2 neg; with explanations."""
    one = ENCODINGS[number]
    shown = (one.definition, one.positive, one.negative, one.explanations, one.task_name)
    assert (
        shown
        == [
            (True, 0, 0, False, False),
            (False, 2, 0, False, False),
            (True, 2, 0, False, False),
            (True, 2, 2, False, False),
            (True, 2, 0, True, False),
        ][number]
    )


shown = st.builds(Shown, st.text(max_size=30), st.text(max_size=9), st.text(max_size=9))


@given(
    st.sampled_from(ENCODINGS),
    st.lists(shown, max_size=3),
    st.lists(shown, max_size=3),
    st.text(max_size=80),
    st.integers(1, 120),
)
def test_what_a_task_s_prompts_share_is_made_once_and_changes_nothing(
    encoding, positive, negative, text, most
):
    parts = {"task": "t", "definition": "Say é.", "positive": positive, "negative": negative}
    expected = encode(encoding, text, most=most, **parts)
    assert Prompts(encoding, most=most, **parts).write(text) == expected
