"""The texts of instruction backtranslation: tags, prompts turned round, scores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.records import INPUT_MARK, Example, Message, Origin
from didact.text.backtranslation import (
    ASSISTANT_TAG,
    BOTH_TAGS,
    PUBLISHED,
    WEB_TAG,
    backward_messages,
    characters,
    curation_prompt,
    page_prompt,
    read_score,
    tagged,
    untagged,
)
from didact.text.chat import render

GOLDEN = [
    ("good.\nScore: 4", 4),
    ("Score: 5\n", 5),
    ("score:3", 3),
    ("Score: 4\nScore: 5", 5),
    ("Score: 4.", None),
    ("Score: 4/5", None),
    ("Score: <4>", None),
]


@pytest.mark.parametrize(("reply", "score"), GOLDEN)
def test_faithful_reads_the_golden_replies_as_the_open_replication_does(reply, score):
    """methods.md 5.3, the parser table (ran)."""
    assert read_score(reply, "faithful") == score


@pytest.mark.parametrize("number", [8, 91, 762])
def test_numbers_off_the_scale_are_scores_only_where_faithful(number):
    """methods.md 5.3: numbers such as 8, 91 and 762 were accepted."""
    assert read_score(f"So it is.\nScore: {number}", "faithful") == number
    assert read_score(f"So it is.\nScore: {number}") is None


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        *((reply, score or 4) for reply, score in GOLDEN),
        ("**Score:** 4", 4),
        ("**Score: 4**", 4),
        ("Good. Score: 2", 2),
        ("Score: 4.5", 4.5),
        ("Score: 3 out of 5", 3),
        ("Score: 4/5.\n\nI hope that helps.", 4),
        ("Score: 2\nOn reflection:\nFinal score = 5", 5),
        ("Score: 4-5", None),
        ("Score: 4 or 5", None),
        ("Score: 4/10", None),
        ("Score: <rating>", None),
        ("Score: 0", None),
        ("Score: 6", None),
        ("Score: 5\nScore: excellent", None),
        ("The answer deserves a 5.", None),
        ("", None),
    ],
)
def test_corrected_reads_what_a_person_would(reply, score):
    """methods.md 5.3: the same table, and the dress that scores come in."""
    assert read_score(reply) == score


@given(st.text(max_size=60), st.sampled_from(["corrected", "faithful"]))
def test_any_reply_gives_a_score_or_none(reply, mode):
    score = read_score(reply, mode)
    assert score is None or score >= 0


def test_the_scale_has_five_points_the_reasons_come_first_and_the_score_in_the_last_line():
    """methods.md 5.3: the content of the prompt; instruction and output are its places."""
    prompt = curation_prompt("Name {a} bird.", "A crow.\n{b}")
    assert prompt.endswith("\n\nName {a} bird.\n\nA crow.\n{b}")
    assert [line[:2] for line in prompt.splitlines() if line[1:2] == ":"] == [
        f"{n}:" for n in range(1, 6)
    ]
    assert "\nScore: <rating>\n" in prompt
    assert prompt.index("First say") < prompt.index("Score: <rating>")


def test_a_page_of_graded_answers_is_begun_for_a_small_model():
    asked = f"Sort.{INPUT_MARK}b, a"
    assert page_prompt(asked, "a, b") == "Task: Sort.\nInput: b, a\nAnswer: a, b\nScore:"
    assert page_prompt("Name a bird.", "crow") == "Task: Name a bird.\nAnswer: crow\nScore:"


def test_the_exchange_of_a_pair_gives_exactly_the_reversed_prompt():
    """methods.md 18.8: role exchange of a pair gives the exact reversed prompt."""
    forward = (Message("user", "x"), Message("assistant", "y"))
    backward = (*backward_messages("y", ""), Message("assistant", "x"))
    one, other = render(forward, eos="</s>"), render(backward, eos="</s>")
    assert other == one.replace("x</s>", "@").replace("\nx\n", "\n@\n").replace("y", "x").replace(
        "@", "y"
    )
    assert "### Instruction:\ny\n\n### Response:\nx</s>" in other
    introduced = backward_messages("y", "Turn it.")
    assert introduced == (Message("system", "Turn it."), Message("user", "y"))


texts = st.text(max_size=40).filter(lambda text: INPUT_MARK not in text)


@given(texts, texts, st.sampled_from([ASSISTANT_TAG, WEB_TAG, BOTH_TAGS]))
def test_a_tag_comes_after_the_instruction_before_its_input_and_off_again(instruction, given_, tag):
    """methods.md 5.4: one sentence is appended to each example."""
    said = f"{instruction}{INPUT_MARK}{given_}" if given_ else instruction
    [message] = tagged([Message("user", said)], tag, "instruction")
    assert message.content.startswith(f"{instruction}\n\n{tag}")
    assert message.content.count(tag) == said.count(tag) + 1
    assert untagged(message.content, tag) == said
    assert untagged(said, "") == said


def test_a_tag_can_be_the_system_message_or_join_one():
    """methods.md 5.4, 5.8: the open replication's place."""
    user = Message("user", "Hi.")
    assert tagged([user], "T.", "system") == (Message("system", "T."), user)
    system = Message("system", "Be kind.")
    assert tagged([system, user], "T.", "system") == (Message("system", "Be kind.\nT."), user)
    assert tagged([system, user], "T.", "instruction") == (system, Message("user", "Hi.\n\nT."))


def test_at_inference_both_sentences_are_given_together():
    """methods.md 5.4: {S_a, S_w}."""
    assert ASSISTANT_TAG in BOTH_TAGS
    assert WEB_TAG in BOTH_TAGS
    assert ASSISTANT_TAG != WEB_TAG


def test_the_published_table_is_that_of_the_paper():
    """methods.md 5.6: examples, characters of instruction and output; sets grow with a lower k."""
    assert PUBLISHED == {
        "seed": {"examples": 3200, "instruction": [148, 322], "output": [1072, 818]},
        "A_5": {"examples": 41821, "instruction": [115, 175], "output": [1663, 616]},
        "A_4": {"examples": 195043, "instruction": [206, 298], "output": [1985, 649]},
        "A": {"examples": 502133, "instruction": [352, 134], "output": [1722, 653]},
    }


def test_characters_are_counted_without_the_tag():
    """methods.md 5.6: mean and deviation of characters."""
    origin = Origin(recipe="t")
    plain = [Example.single("a" * n, "b" * 2 * n, origin=origin) for n in (2, 4)]
    told = {"examples": 2, "instruction": [3.0, 1.4], "output": [6.0, 2.8]}
    assert characters(plain) == told
    marked = [
        Example(
            messages=tagged(example.messages, WEB_TAG, "instruction"),
            meta={"tag": WEB_TAG},
            origin=origin,
        )
        for example in plain
    ]
    assert characters(marked) == told
    assert characters([]) == {"examples": 0, "instruction": None, "output": None}
