"""Tasks of three fields, written and read; paraphrases and where their input goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.text.constrained_tasks import (
    ConstrainedTask,
    read_paraphrase,
    read_task,
    write_examples,
)


def test_three_tasks_and_the_start_of_the_fourth():
    tasks = [ConstrainedTask("Add them.", "1 and 2", "None.")] * 3
    text = write_examples(tasks)
    assert text.startswith("Example 1\nInstruction: Add them.\nInput: 1 and 2\nConstraints: None.")
    assert text.endswith("Constraints: None.\n\nExample 4\nInstruction:")


# methods.md 4: instruction, input, constraints; what lacks a field is dropped.
@pytest.mark.parametrize(
    ("reply", "finish", "task"),
    [
        (
            " Name the  colour.\nInput: a ripe lemon\nConstraints: None.",
            "stop",
            ("Name the colour.", "a ripe lemon", "None.", ""),
        ),
        (
            "Instruction: Name it.\nInput: line 1\nline 2\nConstraints: One.\n\nExample 5\nInst",
            "length",
            ("Name it.", "line 1\nline 2", "One.", ""),
        ),
        (
            "Example 4\n**Instruction:** Name it.\n**Input:** a\n**Constraints:** b",
            "stop",
            ("Name it.", "a", "b", ""),
        ),
        (
            " Name it.\nInput: a\nConstraints: b\nInput: c",
            "stop",
            ("Name it.", "a", "b\nInput: c", ""),
        ),
        (" Name it.\nConstraints: b", "stop", ("Name it.\nConstraints: b", "", "", "no input")),
        (" Name it.\nInput: a", "stop", ("Name it.", "a", "", "no constraints")),
        (" Name it.\nInput:\nConstraints: b", "stop", ("Name it.", "", "b", "empty field")),
        (" Name it.\nInput: a\nConstraints: b", "length", ("Name it.", "a", "b", "cut off")),
        (" Name it.\nInput: a\nConstraints: b", "refused", ("Name it.", "a", "b", "refused")),
        ("", "stop", ("", "", "", "no input")),
    ],
)
def test_how_a_task_is_read(reply, finish, task):
    instruction, *rest = task
    assert read_task(reply, finish=finish) == (" ".join(instruction.split()), *rest)


WORDS = st.lists(st.sampled_from(["sea", "Ada's", "7", "{a}", "ok."]), min_size=1).map(" ".join)


@given(WORDS, WORDS, WORDS)
def test_what_is_written_is_read_back(instruction, given_, constraints):
    task = ConstrainedTask(instruction, given_, constraints)
    text = write_examples([task]).removeprefix("Example 1\nInstruction:")
    assert read_task(text) == task


# methods.md 4, pitfalls: constraints are often the text "None."; an input is never put in twice.
@pytest.mark.parametrize(
    ("constraints", "restricts"),
    [("None.", ""), ("none", ""), ("N/A", ""), ("One word.", "One word.")],
)
def test_constraints_that_are_none(constraints, restricts):
    assert ConstrainedTask("a", "b", constraints).restricts == restricts


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (" Say in one word what {INPUT} is.", ("Say in one word what an owl is.", "")),
        ("What is {input}? Tell of [INPUT].", ("What is an owl? Tell of an owl.", "")),
        ("What kind of animal is it?", ("What kind of animal is it?", "an owl")),
        ("In other words: What is {INPUT}?\n\nInstruction: x", ("What is an owl?", "")),
        ("What is it?\nFirst: Count.\nSecond: Sum.", ("What is it?", "an owl")),
        ("", ("", "an owl")),
    ],
)
def test_how_a_paraphrase_is_read(reply, expected):
    assert read_paraphrase(reply, "an owl") == expected


def test_an_input_is_put_in_as_it_is():
    assert read_paraphrase("Copy {INPUT}", r"\1 {0}") == (r"Copy \1 {0}", "")
