"""The two tokenisers, the word count, and Porter's stemmer against NLTK's."""

import gzip
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer
from rouge_score.tokenize import tokenize

from didact.text.porter import stem
from didact.text.words import all_words, count_words, latin_words, latin_words_stemmed

REFERENCE = PorterStemmer()


@settings(deadline=None)
@given(st.text() | st.text(alphabet="aAbB 019_-.!ÉßKİ\ud800\x1c\n\t"))
def test_latin_words_are_those_of_the_reference(text):
    assert latin_words(text) == tokenize(text, None)
    assert latin_words_stemmed(text) == tokenize(text, REFERENCE)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_both_tokenisers_agree_on_ascii(text):
    assert all_words(text) == latin_words(text)


@settings(deadline=None)
@given(st.text())
def test_words_hold_no_space_and_no_capitals_and_stay_words(text):
    words = all_words(text)
    assert not any(character.isspace() for word in words for character in word)
    assert all_words(" ".join(words)) == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café au LAIT, l'été", ["café", "au", "lait", "l", "été"]),
        ("Cafe\N{COMBINING ACUTE ACCENT}", ["café"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("我爱2024年。", ["我", "爱", "2024", "年"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("안녕하세요 세계", ["안녕하세요", "세계"]),
        ("می\N{ZERO WIDTH NON-JOINER}خواهم", ["میخواهم"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("❤\N{VARIATION SELECTOR-16} → ∑ ... !", []),
    ],
)
def test_every_script_has_words(text, expected):
    assert all_words(text) == expected


@settings(deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=0x2FF)))
def test_words_are_counted_as_split_does_where_spaces_separate_them(text):
    assert count_words(text) == len(text.split())


def test_a_character_counts_as_a_word_where_nothing_separates_words():
    assert count_words("写一首关于大海的诗") == 9
    assert count_words("Translate 大海 now") == 4


ENDINGS = """
ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness fulness
ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able
ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ll ed ing eed ied ies y s sses
"""


def test_stems_equal_nltk_on_made_up_words():
    rng = random.Random(0)
    for _ in range(20_000):
        root = "".join(rng.choices("aeiouytslzbwx1", k=rng.randint(0, 5)))
        word = root + "".join(rng.choices(ENDINGS.split(), k=rng.randint(0, 3)))
        assert stem(word) == REFERENCE.stem(word), word


def test_stems_equal_nltk_on_the_irregular_words():
    for word in ("skies", "dying", "lying", "tying", "news", "innings", "proceed", "dies", "spied"):
        assert stem(word) == REFERENCE.stem(word)


@pytest.mark.slow
def test_stems_equal_nltk_on_every_word_of_the_real_data(data):
    words: set[str] = set()
    for path in data.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
            words.update(latin_words(raw.decode("utf-8", "replace")))
    assert len(words) > 100_000
    assert [word for word in words if len(word) < 200 and stem(word) != REFERENCE.stem(word)] == []
