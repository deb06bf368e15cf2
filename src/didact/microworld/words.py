"""Families of tasks about a single word: its forms, its meaning, its letters."""

from __future__ import annotations

from didact.microworld import forms
from didact.microworld import lexicon as lex
from didact.microworld.family import Family, family

__all__ = ["FAMILIES"]

_PLURALS = {forms.plural(noun): noun for noun in lex.COUNTABLE}
_TIMES = {"two": 2, "three": 3, "four": 4}


def _rhymes(x: str) -> list[str] | None:
    found = [word for group in forms.RHYMES if x in group for word in group if word != x]
    return list(dict.fromkeys(found)) or None


def _group(x: str) -> list[str] | None:
    return [lex.CATEGORY_OF[x]] if x in lex.CATEGORY_OF else None


FAMILIES: tuple[Family, ...] = (
    family(
        "plural", "countable", lambda x, p: [forms.plural(x)],
        "(<give> the plural|write the plural form) of [the word] {x}",
        "what is the plural [form] of [the word] {x}?",
        "<change> the word (into|to) the plural",
        "how do you (say|write) {x} when there is more than one?",
    ),
    family(
        "singular", "plural", lambda x, p: [_PLURALS[x]] if x in _PLURALS else None,
        "(<give> the singular|write the singular form) of [the word] {x}",
        "what is the singular [form] of [the word] {x}?",
        "<change> the word (into|to) the singular",
        "how do you (say|write) {x} when there is only one?",
        held_out=True,
    ),
    family(
        "opposite", "adjective", lambda x, p: [forms.OPPOSITES[x]] if x in forms.OPPOSITES else None,
        "(<give>|write) the opposite of [the word] {x}",
        "what is the opposite of [the word] {x}?",
        "<give> the opposite of the (word|given word|word below)",
        "which word means the opposite of {x}?",
    ),
    family(
        "synonym", "synonym", lambda x, p: [forms.SYNONYMS[x]] if x in forms.SYNONYMS else None,
        "(<give>|write) (a synonym for|another word for|a word that means the same as) {x}",
        "(what is|do you know) (a synonym for|another word for) {x}?",
        "<give> another word for the (word|given word|word below)",
    ),
    family(
        "past_tense", "verb", lambda x, p: [forms.VERBS[x][1]] if x in forms.VERBS else None,
        "(<give>|write) the past tense of [the verb] {x}",
        "what is the past (tense|form) of [the verb] {x}?",
        "<change> the verb (into|to) the past tense",
    ),
    family(
        "ing_form", "verb", lambda x, p: [forms.VERBS[x][2]] if x in forms.VERBS else None,
        "(<give>|write) the ing form of [the verb] {x}",
        "what is the ing form of [the verb] {x}?",
        "add ing to the (verb|verb below|given verb)",
        "(write|give me) the form of {x} that ends in ing",
        held_out=True,
    ),
    family(
        "third_person", "verb", lambda x, p: [forms.VERBS[x][0]] if x in forms.VERBS else None,
        "(<give>|write) the form of [the verb] {x} that goes with (he|she|he or she)",
        "<change> the verb (into|to) the form for he or she",
    ),
    family(
        "comparative", "gradable",
        lambda x, p: [forms.comparative(x)] if x in forms.ADJECTIVES else None,
        "(<give>|write) the comparative [form] of {x}",
        "what is the comparative [form] of {x}?",
        "<change> the adjective (into|to) the comparative",
    ),
    family(
        "superlative", "gradable",
        lambda x, p: [forms.superlative(x)] if x in forms.ADJECTIVES else None,
        "(<give>|write) the superlative [form] of {x}",
        "what is the superlative [form] of {x}?",
        "<change> the adjective (into|to) the superlative",
        held_out=True,
    ),
    family(
        "first_letter", "noun", lambda x, p: [x[0]],
        "(<give>|write) the first letter of [the word] {x}",
        "(what is the first letter of|which letter does) [the word] {x} (start with|have)?",
        "with which letter does [the word] {x} (begin|start)?",
    ),
    family(
        "last_letter", "noun", lambda x, p: [x[-1]],
        "(<give>|write) the last letter of [the word] {x}",
        "with which letter does [the word] {x} (end|finish)?",
    ),
    family(
        "spell", "noun", lambda x, p: ["-".join(x)] if " " not in x else None,
        "spell [out] the word {x} [with dashes]",
        "how do you spell [the word] {x}?",
        "(write|spell) the word letter by letter [with dashes between]",
    ),
    family(
        "upper_word", "noun", lambda x, p: [x.upper()],
        "(write|print|type) [the word] {x} in (capital letters|capitals|upper case|big letters)",
        "<change> the word (into|to) (capital letters|upper case)",
        held_out=True,
    ),
    family(
        "with_article", "noun",
        lambda x, p: [f"{forms.article(x)} {x}"] if x in lex.CATEGORY_OF else None,
        "(write|put) a or an before [the word] {x}",
        "(add|put) the right article a or an (to|before) the word",
        "(do|should) (you|we) say a or an before {x}?",
        held_out=True,
    ),
    family(
        "rhyme", "rhymer", lambda x, p: _rhymes(x),
        "(<give>|write|think of) a word that rhymes with {x}",
        "(what|which word) rhymes with {x}?",
        "<give> a rhyme for the (word|given word|word below)",
    ),
    family(
        "category_of", "noun", lambda x, p: _group(x),
        "what kind of thing is (a|an|the) {x}?",
        "(name|<give>) the (category|group) (of|for) [the word] {x}",
        "(name|<give>) the (category|group) (that the word belongs to|of the word below)",
    ),
    family(
        "repeat_word", "noun",
        lambda x, p: [" ".join([x] * _TIMES[p["n"]])] if p["n"] in _TIMES else None,
        "(repeat|write|say) [the word] {x} {n} times",
        "(repeat|write|copy) the word {n} times",
        params=lambda rng, x: {"n": rng.choice(tuple(_TIMES))},
    ),
    family(
        "young_of", "parent",
        lambda x, p: [lex.ANIMALS[x]["young"]]
        if lex.ANIMALS.get(x, {}).get("young", "-") != "-" else None,
        "what (is|do you call) (a baby|a young) {x} [called]?",
        "(<give>|write) the (name|word) for (a baby|a young) {x}",
        "(<give>|write) the name of the young of the animal",
    ),
    family(
        "sound_of", "sounder",
        lambda x, p: [lex.ANIMALS[x]["sound"]]
        if lex.ANIMALS.get(x, {}).get("sound", "-") != "-" else None,
        "what (sound|noise) does (a|an|the) {x} make?",
        "(<give>|write) the (sound|noise) (of|that is made by) (a|an|the) {x}",
        "(<give>|write) the (sound|noise) that the animal makes",
        held_out=True,
    ),
)  # fmt: skip
