"""The rules of Vicuna's cleaning and split, against what the published code does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.formats.sharegpt_rules import (
    IDENTITY_WORDS,
    Turn,
    clean,
    refuses,
    repeats_a_digit,
    restarts_a_list,
    split,
)
from didact.text.markdown import chat_markdown


def turns(*texts, first="human"):
    names = ("human", "gpt") if first == "human" else ("gpt", "human")
    return [Turn(names[n % 2], text) for n, text in enumerate(texts)]


def faithful(given_turns):
    done = clean(
        given_turns,
        markdown=lambda text: chat_markdown(text, "faithful"),
        blocked=IDENTITY_WORDS["vicuna"],
    )
    return done.dropped, [turn.text for turn in done.turns]


LONG = "Hi, how are you doing?"
CONVERSATIONS = [
    (turns("Hello there friend", "Hi, how are you?"), "",
     ["Hello there friend", "Hi, how are you?"]),
    (turns("a", "What is it then?", "It is that.", "b", first="gpt"), "",
     ["What is it then?", "It is that."]),
    (turns("hi", "yo"), "too short", []),
    (turns("What does ChatGPT do all day?", LONG), "blocked words", []),
    ([Turn("human", LONG), Turn("human", LONG), Turn("gpt", LONG)], "wrong format", []),
    (turns(LONG, LONG, "more?", "<p></p>"), "", [LONG, LONG]),
    (turns(LONG), "too short", []),
]  # fmt: skip


@pytest.mark.parametrize(("given_turns", "dropped", "kept"), CONVERSATIONS)
def test_conversations_are_cleaned_as_published(given_turns, dropped, kept):
    """methods.md section 12.9, the table of conversations."""
    assert faithful(given_turns) == (dropped, kept)


@pytest.mark.parametrize(
    ("text", "found"),
    [("x\n1. a\n1. b", True), ("x\n1. a\n2. b", False), ("1. a\n1. b", False),
     ("x\n1. a2\n1. b", False)],
)  # fmt: skip
def test_lists_that_start_again_are_told(text, found):
    """methods.md section 12.9, the wrong-format pattern."""
    assert restarts_a_list(text) is found


def test_the_rate_limit_message_and_control_characters_are_no_conversation():
    """methods.md section 12.2, blocked replies and the break at an unprintable value."""
    assert faithful(turns(LONG, "!Too many requests in 1 hour. Later."))[0] == "blocked words"
    assert faithful(turns(LONG, LONG, "\x07bell", LONG)) == ("", [LONG, LONG])
    assert "gpt-3" in IDENTITY_WORDS["koala"]
    assert repeats_a_digit("1" * 9)
    assert not repeats_a_digit("11111111 1")


SPLITS = [
    ([4, 4], [(0, 2)], [(0, 2)]),
    ([4, 4, 4, 4], [(0, 4)], [(0, 4)]),
    ([4, 4, 4, 4, 4, 4], [(0, 4)], [(0, 4), (4, 6)]),
    ([50, 4, 4, 4], [(0, 0), (0, 2)], [(2, 4)]),
    ([4, 4, 50, 4], [(0, 2)], [(0, 2)]),
    ([4, 4, 50, 4, 4, 4], [(0, 2), (2, 4)], [(0, 2), (4, 6)]),
    ([4, 4, 4], [(0, 2)], [(0, 2)]),
]


@pytest.mark.parametrize(("words", "published", "mended"), SPLITS)
def test_long_conversations_are_cut_as_published_or_without_its_faults(words, published, mended):
    """methods.md section 12.3: whitespace tokens, six more for each turn, at most 40."""
    lengths = [count + 6 for count in words]
    assert split(lengths, 40, mode="faithful")[0] == published
    assert split(lengths, 40)[0] == mended


@given(st.lists(st.integers(1, 60), max_size=24), st.integers(10, 120))
def test_the_corrected_split_loses_no_pair_that_fits(lengths, most):
    pieces, over = split(lengths, most)
    whole = len(lengths) // 2 * 2
    assert sorted(n for piece in [*pieces, *over] for n in range(*piece)) == list(range(whole))
    assert all(sum(lengths[slice(*piece)]) <= most for piece in pieces)
    assert all(sum(lengths[slice(*pair)]) > most for pair in over)
    assert all(piece.start < piece.end and piece.start % 2 == 0 for piece in pieces)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("I'm sorry, but I cannot help with that.", True),
        ("I\u2019m sorry, I can\u2019t do it", True),
        ("As an AI language model, I do not have feelings.", True),
        ("I cannot assist with this.", True),
        ("I'm sorry to hear that! Try some tea.", False),
        ("Sure: as an AI would say, hello.", False),
        ("I can help.", False),
    ],
)
def test_refusals_are_told_by_how_they_begin(answer, found):
    assert refuses(answer) is found
