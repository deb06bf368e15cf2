"""The length filter: the limits of the paper, and words of scripts without spaces."""

import pytest

from didact.errors import ConfigError
from didact.filters.length import Length
from didact.records import Example, Origin


def judge(filter, instruction, output="yes", input=""):
    return filter.check(
        Example.single(instruction, output, input=input, origin=Origin(recipe="test"))
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [(3, "instruction too short"), (4, ""), (150, ""), (151, "instruction too long")],
)
def test_an_instruction_has_4_to_150_words(words, reason):
    verdict = judge(Length(), "word " * words)
    assert verdict.reason == reason
    assert verdict.keep == (not reason)


def test_each_part_has_its_own_limit_and_reason():
    filter = Length(input_max=2, output_min=2, output_max=3)
    good = "Say this in other words."
    assert judge(filter, good, "a b", "x y").keep
    assert judge(filter, good, "a b", "x y z").reason == "input too long"
    assert judge(filter, good, "a", "x").reason == "output too short"
    verdict = judge(filter, good, "a b c d", "x")
    assert verdict.reason == "output too long"
    assert verdict.score == 4.0
    assert verdict.evidence == {"limit": 3}


def test_no_limit_means_no_limit():
    assert judge(Length(instruction_max=None), "word " * 5000, "word " * 5000).keep


def test_a_chinese_instruction_is_counted_by_its_characters():
    assert judge(Length(), "写一首诗").keep
    assert judge(Length(), "写诗").reason == "instruction too short"


def test_limits_that_exclude_everything_are_a_config_error():
    with pytest.raises(ConfigError, match="instruction_max"):
        Length(instruction_min=10, instruction_max=5)
