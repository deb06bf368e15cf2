"""The published post-processing to the letter, and what the corrected reading changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.text.instructions import Candidate, numbered, parse_instructions

MANY = (
    " Write a haiku about the NASA Moon landing.\n10. Translate it."
    "\n11. Draw a picture of a cat in the hat."
    "\n12. Explain how the map function works in Python."
    "\n13. Write a program that sorts numbers quickly."
    "\n14. - give me three reasons to exercise daily"
    "\n15. Éxplique la photosynthèse en trois phrases."
    "\n16. Given a list, return its largest element."
)
DOTS = (
    " Summarize the\nplot of the book briefly.\n10 . Compare GPT and BERT models in detail."
    "\n11) Name the planets of the solar system."
)
PREFIXES = (
    " Use the mapping to decode the message below.\n10. Tell me where to go to find good pizza."
    "\n11. Write a programme for the school concert."
)


def kept(reply, **options):
    return [c.text for c in parse_instructions(reply, **options) if c.keep]


@pytest.mark.parametrize(
    ("reply", "finish", "expected"),
    [
        (
            MANY,
            "stop",
            [
                "Write a haiku about the nasa moon landing.",
                "Given a list, return its largest element.",
            ],
        ),
        (" Summarize the plot of your favorite book.\n10. x", "length", []),
        (
            DOTS,
            "stop",
            ["Compare gpt and bert models in detail. 11) name the planets of the solar system."],
        ),
        (PREFIXES, "stop", ["Use the mapping to decode the message below."]),
        (" One two three four.\n10. One two three.", "stop", ["One two three four."]),
    ],
)
def test_the_faithful_reading_gives_what_the_published_code_gave(reply, finish, expected):
    """methods.md 1.10, the table of post-processing (ran)."""
    assert kept(reply, finish=finish, faithful=True) == expected


def test_the_corrected_reading_keeps_names_scripts_bullets_and_brackets():
    assert kept(MANY) == [
        "Write a haiku about the NASA Moon landing.",
        "Give me three reasons to exercise daily",
        "Éxplique la photosynthèse en trois phrases.",
        "Given a list, return its largest element.",
    ]
    assert kept(DOTS) == [
        "Compare GPT and BERT models in detail.",
        "Name the planets of the solar system.",
    ]
    assert kept(PREFIXES)[-1] == "Write a programme for the school concert."


def test_the_corrected_reading_loses_only_the_item_that_was_cut():
    reply = " Name two animals that swim.\n10. Name two birds that"
    assert parse_instructions(reply, finish="length") == [
        Candidate("Name two animals that swim."),
        Candidate("Name two birds that", "cut off"),
    ]
    assert [c.reason for c in parse_instructions(reply, finish="length", faithful=True)] == [
        "cut off",
        "cut off",
    ]


def test_a_refusal_is_no_instruction_in_either_reading():
    for faithful in (True, False):
        [candidate] = parse_instructions(
            "I cannot help with that one.", finish="refused", faithful=faithful
        )
        assert candidate.reason == "refused"


def test_a_number_repeated_by_a_chat_model_is_not_part_of_the_instruction():
    assert kept("9. Sort the words by length.\n10.Name three green fruits.") == [
        "Sort the words by length.",
        "Name three green fruits.",
    ]


def test_a_decimal_at_the_start_of_a_line_does_not_split():
    assert kept(" Convert this price to cents:\n3.50 euros") == [
        "Convert this price to cents: 3.50 euros"
    ]


def test_look_alike_instructions_become_equal():
    composed, decomposed = (
        " Expliquez la réponse en français.",
        " Expliquez la re\u0301ponse en franc\u0327ais.",
    )
    assert kept(composed) == kept(decomposed)


def test_a_script_without_spaces_is_not_too_short():
    reply = " 请列出三种常见的水果并说明颜色。"
    assert kept(reply) == [reply.strip()]
    assert kept(reply, faithful=True) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Sort them now.", "too short"),
        ("Word " * 151, "too long"),
        ("Sort the files by their size.", "blacklisted word"),
        ("write a program that adds numbers", "asks for a program"),
        ("#1 rule of writing good tests", "bad first character"),
    ],
)
def test_every_drop_has_its_reason_in_both_readings(text, reason):
    for faithful in (True, False):
        [candidate] = parse_instructions(text, faithful=faithful)
        assert candidate.reason == reason


def test_the_blacklist_is_the_callers():
    text = "Draw the outline of a story."
    assert kept(text) == []
    assert kept(text, blacklist=()) == [text]
    assert kept(text, blacklist=("outline",)) == []


def test_a_numbered_prompt_ends_with_the_bare_next_number():
    """methods.md 1.10, prompt encoding."""
    assert numbered(["Do  this:\n", "Do that"]) == "1. Do this\n2. Do that\n3."


@settings(deadline=None)
@given(st.text(), st.sampled_from(["stop", "length", "refused"]), st.booleans())
def test_no_reply_breaks_the_reader(reply, finish, faithful):
    for candidate in parse_instructions(reply, finish=finish, faithful=faithful):
        assert candidate.text
        assert candidate.keep == (candidate.reason == "")


words = st.lists(
    st.sampled_from(["\n9. ", "\n10.", "\n11)", "- ", "1.5", "image", "Write a program", "\n"])
    | st.integers(0, 10**6).map(lambda n: f"w{n}"),
    max_size=40,
)


@settings(deadline=None)
@given(words, st.sampled_from(["stop", "length"]), st.booleans())
def test_no_word_of_a_reply_is_lost_without_a_reason(pieces, finish, faithful):
    reply = " ".join(pieces)
    seen = " ".join(c.text for c in parse_instructions(reply, finish=finish, faithful=faithful))
    for piece in pieces:
        if piece.startswith("w"):
            assert piece in seen.lower()
