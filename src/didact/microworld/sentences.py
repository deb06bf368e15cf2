"""Families of tasks about a sentence: its tense, its parts, its form."""

from __future__ import annotations

import random

from didact.microworld import forms
from didact.microworld import lexicon as lex
from didact.microworld.family import Family, Params, family
from didact.microworld.kinds import Action

__all__ = ["FAMILIES"]


def _swap(x: tuple[str, str]) -> list[str] | None:
    return [f"The {x[0]} is {forms.OPPOSITES[x[1]]}."] if x[1] in forms.OPPOSITES else None


def _replaced(x: Action, **change: str) -> str:
    parts = {
        "name": x.name, "verb": x.verb, "colour": x.colour, "thing": x.thing, "where": x.where,
    }  # fmt: skip
    return Action(**(parts | change)).text()


def _other_name(rng: random.Random, x: Action) -> Params:
    return {"v": rng.choice([name for name in lex.NAMES if name != x.name])}


FAMILIES: tuple[Family, ...] = (
    family(
        "to_past", "action", lambda x, p: [x.text("past")],
        "<change> <sentence> (into|to|in) the past tense",
        "(write|say) <sentence> as if it happened yesterday",
    ),
    family(
        "to_future", "action", lambda x, p: [x.text("future")],
        "<change> <sentence> (into|to|in) the future [(tense|tense with will)]",
        "(write|say) <sentence> as if it (will happen|happens) tomorrow",
        held_out=True,
    ),
    family(
        "to_question", "action", lambda x, p: [x.text("question")],
        "<change> <sentence> (into|to) a question",
        "(make|form) a [yes or no] question (from|out of) <sentence>",
    ),
    family(
        "to_negative", "action", lambda x, p: [x.text("negative")],
        "<change> <sentence> (into|to) a negative (sentence|one)",
        "make <sentence> negative",
        "(write|say) the negative of <sentence>",
        "add not to <sentence>",
        held_out=True,
    ),
    family(
        "to_ing", "action", lambda x, p: [x.text("ing")],
        "(write|say) <sentence> as if it is happening now",
        "<change> <sentence> (into|to) the ing form",
    ),
    family(
        "to_pronoun", "action",
        lambda x, p: [lex.pronoun(x.name).capitalize() + x.text()[len(x.name):]],
        "(replace|change) the name (in <sentence>|of the person) (with|by|to|into) (a pronoun|he or she)",
        "(write|say) <sentence> with he or she (instead of|for) the name",
    ),
    family(
        "replace_name", "action",
        lambda x, p: [_replaced(x, name=p["v"])] if p["v"] in lex.NAMES else None,
        "(replace|change) the name in <sentence> (with|by|to) {v}",
        "(write|say) <sentence> about {v} (instead|and not about the other person)",
        held_out=True, params=_other_name,
    ),
    family(
        "who", "action", lambda x, p: [x.name],
        "who is <sentence> about?",
        "<give> the name (in <sentence>|of the person in <sentence>)",
        "who does it in <sentence>?",
    ),
    family(
        "where", "action", lambda x, p: [x.where.split(" ", 2)[2]],
        "<give> the place (in <sentence>|that <sentence> names)",
        "(which|what) place is (named|mentioned) in <sentence>?",
        held_out=True,
    ),
    family(
        "what_colour", "coloured", lambda x, p: [x.colour],
        "<give> the colour (in <sentence>|that <sentence> names)",
        "(which|what) colour is (named|mentioned|used) in <sentence>?",
    ),
    family(
        "what_thing", "action", lambda x, p: [x.thing],
        "<give> the (thing|object) (in <sentence>|that <sentence> is about)",
        "(which|what) (thing|object) is (named|mentioned) in <sentence>?",
    ),
    family(
        "count_words", "text", lambda x, p: [forms.number(len(x.split()))],
        "(count|find the number of) [all] the words in <sentence>",
        "how many words (are there in|does it take to write|are in) <sentence>?",
    ),
    family(
        "upper_sentence", "action", lambda x, p: [x.text().upper()],
        "(write|print|type) <sentence> in (capital letters|capitals|upper case)",
    ),
    family(
        "last_word", "text", lambda x, p: [x.rstrip(".?!").split()[-1]],
        "<give> the last word (of|in) <sentence>",
        "(which|what) is the last word (of|in) <sentence>?",
        held_out=True,
    ),
    family(
        "first_word", "text", lambda x, p: [x.split()[0]],
        "<give> the first word (of|in) <sentence>",
        "(which|what) is the first word (of|in) <sentence>?",
    ),
    family(
        "swap_meaning", "state", lambda x, p: _swap(x),
        "(replace|change) the adjective in <sentence> (with|by|to|into) its opposite",
        "<change> <sentence> so that it means the opposite",
    ),
    family(
        "drop_colour", "coloured", lambda x, p: [_replaced(x, colour="")],
        "(remove|delete|leave out|take out) the colour (from|in) <sentence>",
        "(write|say) <sentence> without the colour",
    ),
    family(
        "change_colour", "coloured",
        lambda x, p: [_replaced(x, colour=p["c"])] if p["c"] in lex.COLOURS else None,
        "(change|replace) the colour in <sentence> (to|with|by) {c}",
        "make the thing in <sentence> {c}",
        held_out=True,
        params=lambda rng, x: {"c": rng.choice([c for c in lex.COLOURS if c != x.colour])},
    ),
    family(
        "join_sentences", "two",
        lambda x, p: [f"{x[0].text()[:-1]} and {x[1].text()}"],
        "(join|connect|combine|link) the (two|two given) sentences with (and|the word and)",
        "make one sentence (from|out of) the two [sentences] with and",
    ),
    family(
        "second_name", "two", lambda x, p: [x[1].name],
        "<give> the name of the second person",
        "who is the second sentence about?",
        held_out=True,
    ),
    family(
        "both_names", "two", lambda x, p: [f"{x[0].name}, {x[1].name}"],
        "(list|name|<give>) (both|all|the two) (people|names) [in the sentences|in the text]",
    ),
    family(
        "past_question", "action",
        lambda x, p: ["Did" + x.text("question")[4:]],
        "<change> <sentence> (into|to) a question (in|about) the past",
    ),
    family(
        "past_then_upper", "action", lambda x, p: [x.text("past").upper()],
        "<change> <sentence> (into|to) the past tense and (write|print) it in (capital letters|capitals)",
    ),
)  # fmt: skip
