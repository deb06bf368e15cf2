"""What eliminates an evolution: the published table, and the mean cases around it."""

import pytest

from didact.text.evolution import (
    fault_of_answer,
    fault_of_evolution,
    read_evolution,
    says_equal,
)


# methods.md 6.3 and 6.7: the elimination table.
@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("I'm sorry, I can't do that.", "apology"),
        ("I am sorry. " + "word " * 97, ""),
        ("sorry " + "word " * 79, ""),
        ("SORRY " + "word " * 78, "apology"),
        ("... !!! ,,, the a of", "empty answer"),
        ("", "empty answer"),
        (" \n\t", "empty answer"),
        ("It is what it is.", "empty answer"),
        ("No.", ""),
        ("7", ""),
        ("好的", ""),
        ("The sea.", ""),
    ],
)
def test_which_answers_eliminate_an_evolution(answer, fault):
    assert fault_of_answer(answer) == fault


# methods.md 6.3, 4 and 6.7.
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Rewrite the #Rewritten Prompt# above", "copies the prompt"),
        ("Answer the Given Prompt again.", "copies the prompt"),
        ("#The Given Prompt#: name a bird", "copies the prompt"),
        ("Make a #Created Prompt# of it", "copies the prompt"),
        ("Why is a prompt given to a model?", ""),
        ("...", "empty evolution"),
        ("", "empty evolution"),
        ("写一首诗", ""),
    ],
)
def test_which_evolutions_fail_before_anyone_is_asked(text, fault):
    assert fault_of_evolution(text) == fault


# methods.md 6.3, parsing trap, and 6.7: "not equal" holds "equal".
@pytest.mark.parametrize(
    ("reply", "equal"),
    [
        ("Equal", True),
        (" equal.", True),
        ("Not Equal", False),
        ("NOT EQUAL.", False),
        ("**Not-Equal**", False),
        ("They are not quite equal.", False),
        ("The two aren\u2019t equal", False),
        ("Unequal", False),
        ("Your judgement: Equal", True),
        ("They differ.", None),
        ("", None),
        ("equilibrium", None),
    ],
)
def test_what_the_judge_of_equality_says(reply, equal):
    assert says_equal(reply) is equal


@pytest.mark.parametrize(
    ("reply", "literal", "corrected"),
    [
        (" Name two birds. ", "Name two birds.", "Name two birds."),
        ("#Rewritten Prompt#:\nName it.", "#Rewritten Prompt#:\nName it.", "Name it."),
        ("**#Created Prompt#**: Name it.", "**#Created Prompt#**: Name it.", "Name it."),
        ('"Name two birds."', '"Name two birds."', "Name two birds."),
        ('"Sea" or "see"?', '"Sea" or "see"?', '"Sea" or "see"?'),
        ("'Tis what?", "'Tis what?", "'Tis what?"),
        ("", "", ""),
    ],
)
def test_how_an_evolution_is_read(reply, literal, corrected):
    assert read_evolution(reply, faithful=True) == literal
    assert read_evolution(reply) == corrected
