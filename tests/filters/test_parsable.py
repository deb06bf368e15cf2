"""The parsable filter: each thing that can be wrong has its own reason."""

import pytest

from didact.filters.parsable import Parsable
from didact.records import Example, Message, Origin


def judge(instruction="Name the colour.", output="red", input="", **settings):
    example = Example.single(instruction, output, input=input, origin=Origin(recipe="test"))
    return Parsable(**settings).check(example)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, ""),
        ({"instruction": " \n"}, "no instruction"),
        ({"output": "\n "}, "no output"),
        ({"input": "red ", "output": " red"}, "output repeats input"),
        ({"output": "Name the colour."}, "output repeats instruction"),
        ({"input": "The sky:"}, "input ends with a colon"),
        ({"output": "It is: "}, "output ends with a colon"),
        ({"instruction": "Name the colour:"}, ""),
        ({"output": "r\N{REPLACEMENT CHARACTER}d"}, "broken characters"),
        ({"input": "s\ud800y"}, "broken characters"),
        ({"output": "red\nInput: sea\nOutput: blue"}, "leftover marker"),
        ({"output": "Class label: red"}, "leftover marker"),
        ({"output": "red\nExample 2\n"}, "leftover marker"),
        ({"output": "### Response: red"}, "leftover marker"),
        ({"output": "red<|endoftext|>"}, "leftover marker"),
        ({"output": "For Example 2 we get red, with the Input: sea."}, ""),
    ],
)
def test_each_fault_has_its_own_reason(parts, reason):
    verdict = judge(**parts)
    assert verdict.reason == reason
    assert verdict.keep == (not reason)


def test_the_evidence_is_what_was_found():
    assert judge(output="red\nTask: blue").evidence == {"found": "Task:"}
    assert judge(output="r\x00d").evidence == {"found": "U+0000"}


def test_the_rules_that_some_formats_need_off_can_be_switched_off():
    assert judge(output="It is:", colon=False).keep
    assert judge(output="Output: red", markers=False).keep


def test_a_record_without_an_answer_has_no_output():
    example = Example(messages=(Message("user", "Hello"),), origin=Origin(recipe="test"))
    assert Parsable().check(example).reason == "no output"
    assert Parsable().check(Example(messages=(), origin=example.origin)).reason == "no instruction"
