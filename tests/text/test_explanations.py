"""Sixteen system messages, whom they are for, and what offers answers to choose from."""

import pytest

from didact.text.explanations import COLLECTIONS, MESSAGES, fitting_messages, offers_choices


def test_there_are_sixteen_and_the_first_is_empty():
    """methods.md 15.1."""
    assert list(MESSAGES) == list(range(1, 17))
    assert [number for number, text in MESSAGES.items() if not text] == [1]
    assert len(set(MESSAGES.values())) == 16


def test_what_they_ask_for():
    """methods.md 15.1: detail, step by step, justification, as for a five-year-old, choice."""
    assert all("detail" in MESSAGES[number] for number in (2, 3, 6))
    assert all("step by step" in MESSAGES[number] for number in (7, 11, 12))
    assert all("justify" in MESSAGES[number] for number in (11, 12))
    assert all("child of five" in MESSAGES[number] for number in (4, 8))
    assert all("answers to choose from" in MESSAGES[number] for number in (8, 10))
    assert MESSAGES[15].count("\nPart #:") == MESSAGES[15].count("\nUsage:") == 1


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_those_for_choosing_come_only_where_there_is_a_choice(collection):
    """methods.md 15.1: 8 and 10 only for multiple choice."""
    plain = fitting_messages(collection, choices=False)
    assert not {8, 10} & set(plain)
    added = set(fitting_messages(collection, choices=True)) - set(plain)
    assert added == ({8, 10} if collection in ("flan2021", "other") else set())


def test_every_message_is_drawn_somewhere_in_flan():
    drawn = {n for c in COLLECTIONS if c != "other" for n in fitting_messages(c, choices=True)}
    assert drawn == set(MESSAGES)


@pytest.mark.parametrize(
    "question",
    [
        "Which is a bird?\n(A) cow\n(B) crow",
        "Which is a bird? A. cow B. crow",
        "Which is a bird?\nA) cow\nB) crow",
        "Is it so?\n\nOPTIONS:\n- yes\n- no",
        "Is it so? Options:\n * yes\n * no\n",
        "Is it so? Select from: (1). yes; (2). no;",
        "Available choices:\n -- one.\n -- two.\nWhich?",
        "Is it so?\nPick your answer from: (i) yes (ii) no",
    ],
)
def test_questions_that_offer_answers(question):
    assert offers_choices(question)


@pytest.mark.parametrize(
    "question",
    [
        "Write a list:\n- milk\n- bread",
        "A man and Dr. B. met.",
        "Which options are there?",
        "Sentence A: Hi. Sentence B: Ho. Choose a title.",
        "",
    ],
)
def test_questions_that_offer_none(question):
    assert not offers_choices(question)


def test_known_answers_count_where_the_question_names_all_of_them():
    assert offers_choices("Is it good or bad?", ("good", "bad"))
    assert not offers_choices("What is it?", ("good", "bad"))
    assert not offers_choices("Is it good?", ("good",))
