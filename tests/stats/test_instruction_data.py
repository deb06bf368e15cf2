"""The table of the paper, on data small enough to count by hand and on the public seeds."""

import importlib.util

import pytest

from didact.records import Example, Origin
from didact.sources.self_instruct_seeds import SelfInstructSeeds
from didact.stats.instruction_data import describe_instructions

ORIGIN = Origin(recipe="test")


def example(instruction, output, *, input="", classification=False):
    meta = {"is_classification": classification}
    return Example.single(instruction, output, input=input, origin=ORIGIN, meta=meta)


def test_the_rows_are_counted_over_instructions_or_over_instances():
    table = describe_instructions(
        [
            example("Write a poem.", "one two three"),
            example("Name it.", "x", input="a b", classification=True),
            example("Name it.", "y y", input="c d e f", classification=True),
        ]
    )
    assert (table.instructions, table.classification, table.generation) == (2, 1, 1)
    assert (table.instances, table.empty_input) == (3, 1)
    assert table.instruction_words == 2.5
    assert table.input_words == 3
    assert table.output_words == 2
    assert table.to_json()["instances"] == 3


def test_no_examples_make_a_table_of_zeros():
    table = describe_instructions([])
    assert (table.instructions, table.instances, table.output_words) == (0, 0, 0)


def test_the_public_seeds_have_the_counts_the_paper_gives(data):
    """methods.md 1.1: 175 seeds, 26 classification, 50 without input, 12.96 words."""
    path = data / "self_instruct" / "seed_tasks.jsonl"
    table = describe_instructions(SelfInstructSeeds(path=path).read())
    assert (table.instructions, table.classification, table.generation) == (175, 26, 149)
    assert (table.instances, table.empty_input) == (175, 50)
    assert table.instruction_words == pytest.approx(12.96, abs=0.005)
    if importlib.util.find_spec("textblob"):
        assert table.verb_noun is not None
        assert table.verb_noun > 80
