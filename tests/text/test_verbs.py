"""Verb and noun of instructions, on our own sentences and on the public seeds."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.text.verbs import VerbNoun, verb_noun, verb_noun_counts

pytest.importorskip("textblob", reason="needs the extra `text`")


@pytest.mark.parametrize(
    ("instruction", "verb", "noun"),
    [
        ("Write a poem about the sea.", "write", "poem"),
        ("Sort these words alphabetically.", "sort", "word"),
        ("Name two animals that fly.", "name", "animal"),
        ("Correct the spelling of this text.", "correct", "spelling"),
        ("Answer questions about history.", "answer", "question"),
        ("Please list three green fruits.", "list", "fruit"),
        ("Can you suggest three healthy breakfast recipes?", "suggest", "recipe"),
        ("Given two numbers, return the larger number.", "return", "number"),
        ("To make it short, remove the adjectives.", "remove", "adjective"),
        ("Explain the dog's behaviour.", "explain", "behaviour"),
        ("Write a cover letter for a farmer.", "write", "letter"),
        ("Give me a list of colors. Then count them.", "give", "list"),
    ],
)
def test_a_command_has_its_verb_and_the_head_of_its_object(instruction, verb, noun):
    assert verb_noun(instruction) == VerbNoun(verb, noun)


@pytest.mark.parametrize(
    "instruction",
    [
        "",
        "What is the capital of France?",
        "Is a dog an animal?",
        "Classify whether the sentence is positive.",
        "列出三种水果",
        "Sort",
        "a/b/c //",
    ],
)
def test_a_text_without_a_direct_object_has_no_pair(instruction):
    assert verb_noun(instruction) is None


def test_counts_leave_out_instructions_without_a_pair():
    counts = verb_noun_counts(["Write a poem.", "Write two poems.", "Is it so?"])
    assert counts == {VerbNoun("write", "poem"): 2}


@settings(deadline=None)
@given(st.text())
def test_no_text_breaks_the_reader(text):
    pair = verb_noun(text)
    assert pair is None or (pair.verb and pair.noun)


def test_most_of_the_public_seeds_have_a_pair(data):
    lines = (data / "self_instruct" / "seed_tasks.jsonl").read_text().splitlines()
    pairs = verb_noun_counts(json.loads(line)["instruction"] for line in lines)
    # The paper's parser finds one in 51 % of its machine-written instructions.
    assert 0.5 < pairs.total() / len(lines) < 0.8
    assert pairs[VerbNoun("make", "list")] >= 2
