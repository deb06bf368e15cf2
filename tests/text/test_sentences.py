"""Sentences end where they do in English."""

import pytest

from didact.text.sentences import sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n ", 0),
        ("No mark at the end", 1),
        ("One. Two! Three?", 3),
        ("Is it? Yes... No?! Well.", 4),
        ('He said "Go." She went.', 2),
        ("Dr. Who met Mr. J. Smith of St. Ives.", 1),
        ("Version 2.5 costs 3.10 euros.", 1),
        ("1. Wash it. 2. Dry it.", 2),
        ("It was approx. ten metres, e.g. a bus.", 1),
        ("So did I. Then it ended.", 2),
        ("all is small here. nothing is large.", 2),
        ("A heading\n\nthen a text", 1),
    ],
)
def test_sentences_are_counted(text, count):
    assert len(sentences(text)) == count


def test_nothing_is_lost_but_space():
    text = "One is here. Two (is there.) And\nthree."
    assert "".join(sentences(text)).replace(" ", "") == text.replace(" ", "")
