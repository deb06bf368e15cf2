"""Which people and groups a text mentions."""

from didact.text.mentions import GROUPS, mentions


def test_whole_words_of_the_lists_are_found_once_each_whatever_their_case():
    assert mentions("She met a German NURSE; she waved.") == {
        "women",
        "Europe",
        "care and teaching",
    }
    assert mentions("The theme is shelter in Germania.") == frozenset()
    assert mentions("") == frozenset()


def test_every_group_has_a_name_and_words_of_its_own():
    assert len(set(GROUPS)) == len(GROUPS) > 10
    assert mentions("deaf") == {"disability"}
