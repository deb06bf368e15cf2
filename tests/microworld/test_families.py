"""The microworld: one template language both ways, programs that know the answers, the auditor."""

from __future__ import annotations

import random

import pytest

from didact.microworld.auditor import audit
from didact.microworld.family import read_instruction, write_task
from didact.microworld.grammar import Template
from didact.microworld.kinds import KINDS
from didact.microworld.world import BY_NAME, FAMILIES, HELD_OUT, SEED
from didact.records import Example, Origin

ORIGIN = Origin(recipe="test")


def example(instruction: str, output: str, given: str = "") -> Example:
    return Example.single(instruction, output, input=given, origin=ORIGIN)


def test_a_template_reads_what_it_writes():
    template = Template("(sort|order) [all] the {what} (quickly|now [please])")
    rng = random.Random(0)
    written = {template.write(rng, {"what": "red words"}) for _ in range(200)}
    assert "order all the red words now please" in written
    assert "sort the red words quickly" in written
    assert all(template.read(text) == {"what": "red words"} for text in written)
    assert all("  " not in text for text in written)
    assert template.read("sort the red words slowly") is None


def test_a_slot_in_two_branches_is_read_from_the_one_that_matched():
    template = Template("(thank {n}|write to {n}) for the {w}")
    assert template.read("write to Tom for the pear") == {"n": "Tom", "w": "pear"}
    assert template.read("thank Tom for the pear") == {"n": "Tom", "w": "pear"}


def test_a_slot_that_stands_twice_must_agree():
    template = Template("{n} has a hat, has {n} a hat")
    assert template.read("Tom has a hat, has Tom a hat") == {"n": "Tom"}
    assert template.read("Tom has a hat, has Ann a hat") is None


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_content_is_read_back_as_it_was_written(name):
    kind, rng = KINDS[name], random.Random(name)
    for _ in range(100):
        value = kind.sample(rng)
        assert kind.parse(kind.show(value)) == value


def test_there_are_at_least_sixty_families_split_by_family():
    assert len(FAMILIES) >= 60
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert not {f.name for f in HELD_OUT} & {f.name for f in SEED}
    assert len(HELD_OUT) >= 20


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_auditor_finds_every_task_right_and_every_wrong_answer_wrong(family):
    rng = random.Random(family.name)
    for count in (1, 3) * 6:
        for task in write_task(rng, family, count=count):
            assert family.name in {
                r.family.name for r in read_instruction(task.instruction, FAMILIES)
            }
            found = audit(example(task.instruction, task.output, task.input))
            assert found.all_valid, (task, found)
            wrong = audit(example(task.instruction, "forty brown cabbages", task.input))
            assert wrong.valid_instruction
            assert not wrong.output_correct


@pytest.mark.parametrize(
    ("name", "content", "params", "right"),
    [
        ("sort_backwards", ["fox", "apple", "kite"], {}, "kite, fox, apple"),
        ("odd_one_out", ["pear", "plum", "drum", "fig"], {}, "drum"),
        ("plural", "mouse", {}, "mice"),
        ("superlative", "big", {}, "biggest"),
        ("comparative", "dry", {}, "drier"),
        ("subtract", None, {"a": "nine", "b": "four"}, "five"),
        ("bigger_animal", None, {"a": "ant", "b": "whale"}, "whale"),
        ("month_before", "January", {}, "December"),
        ("with_article", "owl", {}, "an owl"),
        ("remove_then_count", ["a", "b", "c"], {"w": "b"}, "two"),
    ],
)
def test_programs_know_the_answer(name, content, params, right):
    assert BY_NAME[name].solve(content, params)[0] == right


def test_what_no_family_worded_is_unknown_and_not_valid():
    found = audit(example("Write a sonnet about the stock market.", "No."))
    assert found.family == ""
    assert not found.valid_instruction
    assert not found.all_valid


def test_an_input_that_does_not_fit_is_told_from_a_wrong_answer():
    missing = audit(example("Sort the words alphabetically.", "a, b"))
    assert missing.valid_instruction
    assert not missing.input_appropriate
    wrong = audit(example("Sort the words alphabetically.", "fox, ant", "fox, ant"))
    assert wrong.input_appropriate
    assert not wrong.output_correct
    needless = audit(example("What is the opposite of hot?", "cold", "Words: a, b"))
    assert not needless.input_appropriate


def test_an_answer_format_that_was_asked_for_is_demanded():
    instruction = "What is the opposite of hot? Write the answer in capital letters."
    assert audit(example(instruction, "COLD")).all_valid
    assert not audit(example(instruction, "cold")).output_correct
