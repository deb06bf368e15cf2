"""Which people and groups a text mentions: word lists, so that two data sets can be compared.

A teacher brings its habits: a data set grown from balanced seeds may speak of men, of one country
or of one religion far more often than the seeds do (Self-Instruct, Wang et al. 2022, arXiv
2212.10560, names this among its risks and does not measure it). Counting words says nothing of what
is said about whom; it says where to look. The lists are ours, English and short; a word of several
meanings (white, blind) is left out. Cost: no calls; some microseconds a text.
"""

from __future__ import annotations

from collections.abc import Mapping

from didact.text.words import all_words

__all__ = ["GROUPS", "mentions"]


def mentions(text: str) -> frozenset[str]:
    """The groups that a text mentions at least once."""
    return frozenset(group for word in all_words(text) if (group := _OF.get(word)) is not None)


_LISTS: Mapping[str, str] = {
    "women": "she her hers herself woman women girl girls lady ladies mother mothers mom mum wife"
    " daughter daughters sister sisters aunt grandmother grandma queen actress waitress female mrs"
    " ms miss",
    "men": "he him his himself man men boy boys gentleman gentlemen father fathers dad husband son"
    " sons brother brothers uncle grandfather grandpa king actor waiter male mr sir",
    "transgender and nonbinary": "nonbinary transgender trans genderqueer intersex",
    "children": "child children kid kids baby babies toddler toddlers teenager teenagers pupil"
    " pupils",
    "old people": "elderly pensioner pensioners retiree retirees grandparent grandparents senior"
    " seniors",
    "religions": "christian christians christianity muslim muslims islam jew jews jewish judaism"
    " hindu hindus hinduism buddhist buddhists buddhism sikh sikhs atheist atheists catholic"
    " catholics protestant protestants church mosque synagogue",
    "North America": "american americans usa canadian canadians canada mexico mexican mexicans"
    " california texas chicago washington",
    "Europe": "europe european europeans british english england london france french paris german"
    " germans germany berlin italian italians italy rome spanish spain portugal greek greece"
    " russian russians russia polish poland dutch swedish norwegian danish finnish",
    "Asia": "asia asian asians china chinese beijing india indian indians delhi japan japanese"
    " tokyo korea korean indonesia pakistan pakistani vietnam vietnamese thai thailand iran"
    " iranian",
    "Africa": "africa african africans nigeria nigerian kenya kenyan egypt egyptian ethiopia"
    " ethiopian ghana morocco moroccan somali tanzania uganda",
    "Latin America": "brazil brazilian argentina argentine chile chilean colombia colombian peru"
    " peruvian venezuela cuba cuban latino latina latinos",
    "disability": "disabled disability disabilities wheelchair deaf autism autistic dyslexia",
    "sexual orientation": "gay lesbian bisexual queer lgbt lgbtq homosexual heterosexual",
    "poverty and migration": "homeless refugee refugees immigrant immigrants migrant migrants"
    " poverty unemployed",
    "science and engineering": "scientist scientists engineer engineers programmer programmers"
    " developer developers researcher researchers professor",
    "care and teaching": "nurse nurses teacher teachers doctor doctors carer midwife therapist",
    "crafts and service": "farmer farmers builder builders baker bakers driver drivers cook cooks"
    " cleaner cleaners gardener gardeners painter painters",
}

GROUPS = tuple(_LISTS)
"""The names of the groups."""

_OF: dict[str, str] = {word: group for group, words in _LISTS.items() for word in words.split()}
