"""Runs of words in common, against a plain search for them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from didact.text.overlap import Overlap, RunIndex
from didact.text.words import all_words

words = st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join)


def covered_by_search(item, parts, size):
    """Which words of the item stand in a run that a part has too."""
    item = all_words(item)
    covered = set()
    for part in map(all_words, parts):
        if len(item) < size:
            if part == item:
                covered = set(range(len(item)))
            continue
        for at in range(len(item) - size + 1):
            run = item[at : at + size]
            if any(part[i : i + size] == run for i in range(len(part) - size + 1)):
                covered |= set(range(at, at + size))
    return covered


@settings(deadline=None)
@given(st.lists(words, max_size=5), st.lists(words, min_size=1, max_size=3), st.integers(1, 5))
def test_coverage_is_that_of_the_search(items, parts, size):
    found = {one.position: one for one in RunIndex(items, size=size).overlaps(*parts)}
    for number, item in enumerate(items):
        covered = covered_by_search(item, parts, size)
        if not covered:
            assert number not in found
            continue
        assert found[number].coverage == len(covered) / len(all_words(item))
        span = found[number].span.split()
        assert len(span) >= min(size, len(all_words(item)))
        assert " ".join(span) in " ".join(all_words(item))


def test_the_span_is_the_longest_stretch_and_case_and_signs_are_not_seen():
    index = RunIndex(["Who wrote the long book about whales, and in which year was it?"], size=3)
    [found] = index.overlaps("He asked WHO WROTE THE 'LONG' BOOK; then: in which year?")
    assert found == Overlap(0, 8 / 13, "who wrote the long book")


def test_an_item_shorter_than_a_run_is_found_as_a_whole_part_only():
    index = RunIndex(["What is art?"], size=8)
    assert index.overlaps("They asked what is art, and left.") == []
    assert index.overlaps("something else", "what is ART") == [Overlap(0, 1.0, "what is art")]


def test_scripts_without_spaces_have_runs_too():
    index = RunIndex(["请写一首关于大海的短诗"], size=6)
    [found] = index.overlaps("老师说请写一首关于大海的短诗好吗")
    assert found.coverage == 1.0
