"""Differences of two texts: nothing is lost, and equal is equal."""

from hypothesis import given
from hypothesis import strategies as st

from didact.text.differences import differences

TEXTS = st.text(alphabet="ab ,.\né好") | st.text(max_size=30)


@given(TEXTS, TEXTS)
def test_both_texts_are_whole_in_the_pieces(old, new):
    pieces = differences(old, new)
    assert "".join(text for mark, text in pieces if mark != "+") == old
    assert "".join(text for mark, text in pieces if mark != "-") == new
    assert all(text for _, text in pieces)


@given(TEXTS)
def test_a_text_does_not_differ_from_itself(text):
    assert differences(text, text) == ([("=", text)] if text else [])


def test_words_are_kept_whole():
    pieces = differences("The cat sat.", "The old cat slept.")
    assert [tuple(piece) for piece in pieces] == [
        ("=", "The"),
        ("+", " old"),
        ("=", " cat "),
        ("-", "sat"),
        ("+", "slept"),
        ("=", "."),
    ]


def test_very_long_texts_are_compared_line_by_line():
    old = "\n".join(f"line {n} of many" for n in range(3000))
    pieces = differences(old, old.replace("line 1500 of", "line number 1500 of"))
    assert [mark for mark, _ in pieces] == ["=", "-", "+", "="]
    assert pieces[1].text == "line 1500 of many\n"
