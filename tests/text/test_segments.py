"""The filters of segments, methods.md 5.2."""

import pytest

from didact.text.sections import Section
from didact.text.segments import NAVIGATION, SegmentRules, fault_of_segment, repetition

SPOKEN = "The crow flew over seven hills and a lake before the evening came with rain."
RULES = SegmentRules()


def section(text, header="How crows fly"):
    return Section(header, text, 0, 2)


def of_length(size):
    """Text of just so many characters, whose sentences are all unlike."""
    words = " ".join(f"w{n} x{n} y{n} z{n}." for n in range(400))
    return words[: size - 1] + "e"


@pytest.mark.parametrize(
    ("size", "fault"), [(599, "too short"), (600, ""), (3000, ""), (3001, "too long")]
)
def test_total_length_is_600_to_3000_characters(size, fault):
    """methods.md 5.2: keep if the total length is 600..3,000 characters."""
    assert len(of_length(size)) == size
    assert fault_of_segment(section(of_length(size)), RULES) == fault


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("", "no header"),
        (" \t", "no header"),
        ("HOW CROWS FLY", "header in capitals"),
        ("2024 NEWS!", "header in capitals"),
        ("How Crows Fly", ""),
        ("2024", ""),
        ("Advertisement", "header of a navigation"),
        ("Our Forum for birds", "header of a navigation"),
        ("Quick Links", "header of a navigation"),
        ("A free newsletter", "header of a navigation"),
        ("A letter free of news", ""),
        (None, ""),
    ],
)
def test_a_header_is_not_empty_not_in_capitals_and_not_of_a_navigation(header, fault):
    """methods.md 5.2: header non-empty, not all upper-case, without navigational text."""
    assert fault_of_segment(section(of_length(700), header), RULES) == fault


def test_the_words_of_a_navigation_are_those_of_the_paper():
    """methods.md 5.2: the four that it names."""
    assert NAVIGATION == ("advertisement", "forum", "quick link", "free newsletter")


@pytest.mark.parametrize(
    ("size", "short_line", "fault"),
    [
        (999, "", "too short"),
        (1000, "", ""),
        (2200, "", ""),
        (2201, "", "too long"),
        (1500, "word", "a line too short"),
        (1500, "words", ""),
    ],
)
def test_the_open_replication_s_rules_are_settings(size, short_line, fault):
    """methods.md 5.2: 1,000..2,200 characters, dropped if any line has fewer than 5."""
    rules = SegmentRules(shortest=1000, longest=2200, shortest_line=5)
    text = of_length(size)
    if short_line:
        text = f"{text}\n\n{short_line}\n"
    assert fault_of_segment(section(text), rules) == fault


def test_sentences_that_repeat_each_other_are_found():
    """methods.md 5.2: Jaccard similarity of n-grams over pairs of sentences."""
    assert repetition("a b c d. a b c d.", 3) == 1.0
    # a b c, b c d against a b c, b c e: one of three.
    assert repetition("a b c d. a b c e.", 3) == pytest.approx(1 / 3)
    assert repetition("a b c d.\ne f g h!\nB C D e f?", 3) == pytest.approx(1 / 4)
    assert repetition("a b c d. e f g h.", 3) == 0
    assert repetition("Yes. Yes. Yes.", 3) == 0
    assert repetition("", 3) == 0
    assert repetition("乌鸦飞过山。乌鸦飞过山。", 3) == 1.0


def test_a_repetitive_segment_is_dropped_from_the_threshold_on():
    """methods.md 5.2: no repetitive sentences."""
    text = f"{of_length(700)}. {SPOKEN} Then it slept. {SPOKEN}"
    assert fault_of_segment(section(text), RULES) == "repetitive"
    almost = text.replace(SPOKEN, "The crow flew over six hills while rain came down on it.", 1)
    assert fault_of_segment(section(almost), RULES) == ""
    share = repetition(almost, 3)
    assert 0 < share < 0.5
    assert fault_of_segment(section(almost), SegmentRules(repetition=share)) == "repetitive"
