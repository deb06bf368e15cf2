"""Tags of instructions: what is asked, what is read, and what is not known."""

import json

import pytest

from didact.errors import ParseError
from didact.records import Reply
from didact.text.query_tags import (
    CATEGORIES,
    DIFFICULTIES,
    QUALITIES,
    read_reward,
    read_tag,
    tag_prompt,
)


def test_levels_and_kinds_are_those_of_the_paper():
    """methods.md 17.7 (4)."""
    assert QUALITIES == ("very poor", "poor", "average", "good", "excellent")
    assert (DIFFICULTIES[0], DIFFICULTIES[-1], len(DIFFICULTIES)) == ("very easy", "very hard", 5)
    assert len(CATEGORIES) == 12
    assert {"Coding & Debugging", "Math", "Brainstorming", "Others"} <= set(CATEGORIES)


@pytest.mark.parametrize(
    ("tag", "reply", "read"),
    [
        (
            "quality",
            '{"explanation": "Clear.", "input_quality": "good"}',
            {"input_quality": "good", "quality_explanation": "Clear."},
        ),
        (
            "quality",
            'Well:\n```json\n{"input_quality": "[Very Poor]",}\n```',
            {"input_quality": "very poor", "quality_explanation": ""},
        ),
        (
            "difficulty",
            '{"intent": "To know.", "knowledge": "Birds.", "difficulty": "Medium"}',
            {"difficulty": "medium", "intent": "To know.", "knowledge": "Birds."},
        ),
        (
            "category",
            '{"primary_tag": "coding & debugging", "other_tags": ["Math", 1]}',
            {"task_category": "Coding & Debugging", "other_task_category": ["Math", "1"]},
        ),
        (
            "category",
            '{"primary_tag": "Others"}',
            {"task_category": "Others", "other_task_category": []},
        ),
    ],
)
def test_tags_are_read(tag, reply, read):
    """methods.md 17.7 (4): the keys of the records."""
    assert read_tag(tag, Reply(text=reply)) == read


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text=""),
        Reply(text="good"),
        Reply(text="[1]"),
        Reply(text='{"input_quality": "superb"}'),
        Reply(text='{"input_quality": null}'),
        Reply(text='{"input_quality": "good"'),
        Reply(text='{"input_quality": "good"}', finish="length"),
    ],
)
def test_what_is_not_a_tag_is_not_a_low_one(reply):
    """methods.md 18.7 (2)."""
    with pytest.raises(ParseError):
        read_tag("quality", reply)


@pytest.mark.parametrize("tag", ["quality", "difficulty", "category"])
def test_an_instruction_with_braces_stands_in_the_prompt_as_it_is(tag):
    prompt = tag_prompt(tag, 'Print {"a": 1} and {instruction}')
    assert '[Query]\nPrint {"a": 1} and {instruction}\n[End of query]' in prompt
    form = prompt[prompt.rindex('{"') :]
    assert json.loads(form).keys() <= {
        "explanation", "input_quality", "intent", "knowledge", "difficulty", "primary_tag",
        "other_tags",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reward"), [("reward:-18.5", -18.5), ("3", 3.0), ("a 1 b 2e-1.", 0.2)]
)
def test_rewards_are_read(text, reward):
    assert read_reward(Reply(text=text)) == reward


@pytest.mark.parametrize("reply", [Reply(text="high"), Reply(text="-1", finish="length")])
def test_what_is_no_reward_is_not_zero(reply):
    with pytest.raises(ParseError):
        read_reward(reply)
