"""Conversations with marks: what is asked for, and what is read of what comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.records import Message
from didact.text.transcripts import (
    AI_MARK,
    END_MARK,
    HUMAN_MARK,
    has_marks,
    human_prompt,
    read_human,
    read_transcript,
    transcript,
    transcript_prompt,
)

WHOLE = "[Human] One?\n[AI] First.\nMore.\n[Human] Two?\n[AI] Second.\n"


def texts(reading):
    assert [turn.role for turn in reading.turns] == ["user", "assistant"] * (
        len(reading.turns) // 2
    )
    return [turn.content for turn in reading.turns]


def test_the_marks_are_those_of_the_paper():
    assert (HUMAN_MARK, AI_MARK) == ("[Human]", "[AI]")


def test_a_whole_conversation_is_read():
    assert texts(read_transcript(WHOLE)) == ["One?", "First.\nMore.", "Two?", "Second."]
    assert read_transcript(WHOLE).ended == ""


@pytest.mark.parametrize(
    ("reply", "kept", "faithful_kept"),
    [
        # The published code leaves out everything from the last [Human] on.
        (WHOLE, 2, 1),
        (WHOLE + "[Human] Bye!", 2, 2),
        ("[Human] One?\n[AI] First.", 1, 0),
        ("Sure!\n" + WHOLE + "[Human]", 2, 2),
        ("[Human] A? [AI] B. [Human] C? [AI] D. [Human]", 2, 2),
        ("[Human] A?\n[Human] B?\n[AI] C.\n[Human]", 0, 0),
        ("[Human] A?\n[AI] B.\n[AI] C.\n[Human] D?", 1, 0),
        ("[Human] A?\n[AI]\n[Human] B?\n[AI] C.\n[Human]", 0, 0),
        # A mark in the middle of a line is text; the published code takes it for a turn.
        ("[Human] What is the [AI] tag?\n[AI] A mark.\n[Human] Ah.", 1, 0),
        ("**[Human]:** A?\n**[AI]:** B.\n[Human] C?", 1, None),
    ],
)
def test_what_is_kept_of_a_reply(reply, kept, faithful_kept):
    assert len(texts(read_transcript(reply))) == 2 * kept
    if faithful_kept is not None:
        assert len(texts(read_transcript(reply, faithful=True))) == 2 * faithful_kept


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "no marks"),
        ("A poem.", "no marks"),
        ("[AI] Hello!\n[Human] Hi!", "two turns of one speaker"),
        ("[Human]\n[AI] Hello!", "an empty turn"),
    ],
)
def test_why_nothing_is_read(reply, why):
    assert read_transcript(reply) == ((), why)


def test_of_a_reply_that_was_cut_the_last_turn_is_none():
    cut = read_transcript(WHOLE, complete=False)
    assert texts(cut) == ["One?", "First.\nMore."]
    assert cut.ended == "cut off"
    assert texts(read_transcript(WHOLE + "[Human] Thr", complete=False)) == texts(
        read_transcript(WHOLE)
    )
    # Where no mark is left, it is for the cut.
    assert read_transcript("[Human] Wh", complete=False).ended == "cut off"


def test_an_opening_that_is_repeated_is_not_read_twice():
    opening = transcript_prompt("sea", ()).rpartition("form.\n\n")[2]
    assert texts(read_transcript(opening + WHOLE)) == texts(read_transcript(WHOLE))


def test_a_conversation_that_waits_for_an_answer_goes_on_with_it():
    reading = read_transcript("[AI] Yes.\n[Human] Why?\n[AI] So.", first="assistant")
    assert [turn.content for turn in reading.turns] == ["Yes.", "Why?", "So."]
    assert read_transcript("[Human] Hm?\n[AI] Yes.", first="assistant").turns == ()


def test_the_human_s_turn_is_read_up_to_the_next_mark():
    assert read_human(" Why?\n[AI] So.") == "Why?"
    assert read_human("[Human] Why?") == "Why?"
    assert read_human(f"{END_MARK}") == ""
    assert read_human(f"Thanks! {END_MARK}") == ""
    assert read_human(" \n") == ""


def test_prompts_end_where_the_model_is_to_go_on():
    turns = [Message("system", "Be kind."), Message("user", "Hi {x}"), Message("assistant", "Ho")]
    assert transcript(turns) == "[Human] Hi {x}\n[AI] Ho\n"
    assert transcript_prompt("", turns).endswith("\n\n[Human] Hi {x}\n[AI] Ho\n")
    assert transcript_prompt("the sea {0}").count("'the sea {0}'") == 1
    assert human_prompt("", turns).endswith("\n[AI] Ho\n[Human] ")
    assert "topic: " not in human_prompt("", turns)
    assert human_prompt("the sea", ()).endswith("\n[Human] ")


def test_marks_are_seen_where_a_turn_could_begin():
    assert has_marks("Hi\n[AI] Ho")
    assert not has_marks("the [AI] tag")


TURN = st.text(st.characters(exclude_characters="[]*>:"), min_size=1).filter(
    lambda text: text.strip() == text and not text.startswith("\t")
)


@given(st.lists(st.tuples(TURN, TURN), min_size=1, max_size=4))
def test_what_is_written_is_read_again(pairs):
    turns = [
        Message(role, text)
        for pair in pairs
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    assert read_transcript(transcript(turns)) == (tuple(turns), "")
    closing = transcript(turns) + HUMAN_MARK
    assert read_transcript(closing, faithful=True) == (tuple(turns), "")


@given(st.text(st.sampled_from("[]HumanAI \n*:ab")), st.booleans(), st.booleans())
def test_whatever_is_read_alternates_and_ends_with_an_answer(reply, complete, faithful):
    reading = read_transcript(reply, complete=complete, faithful=faithful)
    texts(reading)
    assert len(reading.turns) % 2 == 0
    assert all(turn.content.strip() for turn in reading.turns)
