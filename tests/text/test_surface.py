"""The marks on the surface of an answer."""

from didact.text.surface import MARKS, Surface, surface


def test_a_plain_answer_has_length_and_nothing_else():
    assert surface("Paris lies on the Seine.") == Surface(5, 0, 0, 0, 0)
    assert surface("") == Surface(0, 0, 0, 0, 0)
    assert Surface._fields == MARKS


def test_lists_headings_and_bold_lines_are_seen():
    assert surface("Do this:\n- one thing\n- another").list == 1
    assert surface("1. one\n2) two").list == 1
    assert surface("1. one alone").list == 0
    assert surface("the - in a line, and 3. in one").list == 0
    assert surface("## A heading\nText.").heading == 1
    assert surface("**Bold line**\nText.").heading == 1
    assert surface("Some **bold** word.").heading == 0


def test_hedges_are_counted_for_each_hundred_words_and_whole_words_only():
    text = "It may rain. Perhaps it will. " + "word " * 44
    assert surface(text).hedges == 100 * 2 / 50
    assert surface("mayor mighty").hedges == 0


def test_a_set_opening_is_one_at_the_start_only():
    assert surface("Sure, here it is.").opening == 1
    assert surface("Here's a list.").opening == 1
    assert surface("I am sure.").opening == 0
    assert surface("Surely not.").opening == 0
