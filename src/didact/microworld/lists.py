"""Families of tasks about a list of words or numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping

from didact.microworld import forms
from didact.microworld import lexicon as lex
from didact.microworld.family import Family, Params, family

__all__ = ["FAMILIES"]

Words = list[str]


def _commas(items: Words) -> list[str] | None:
    return [", ".join(items)] if items else None


def _member(rng: random.Random, x: Words) -> Params:
    return {"w": rng.choice(x)}


def _with_member(rng: random.Random, x: Words, p: Params) -> Words:
    if p["w"] in x:
        return x
    at = rng.randrange(len(x))
    return [*x[:at], p["w"], *x[at + 1 :]]


def _newcomer(rng: random.Random, x: Words) -> Params:
    return {"w": rng.choice([n for n in lex.NOUNS if n not in x])}


def _swap(rng: random.Random, x: Words) -> Params:
    return {"w": rng.choice(x), "v": rng.choice([n for n in lex.NOUNS if n not in x])}


_NTH = {"second": 1, "third": 2}
_COUNTS = {"two": 2, "three": 3}


def _category(rng: random.Random, x: Words) -> Params:
    name = lex.CATEGORY_OF[rng.choice(x)]
    return {"c": forms.plural(name)}


_BY_PLURAL = {forms.plural(name): name for name in lex.CATEGORIES}


def _of_category(x: Words, p: Mapping[str, str]) -> Words | None:
    name = _BY_PLURAL.get(p["c"])
    if name is None or any(w not in lex.CATEGORY_OF for w in x):
        return None
    return [w for w in x if lex.CATEGORY_OF[w] == name]


def _fit_category(rng: random.Random, x: Words, p: Params) -> Words:
    pool = [w for w in lex.CATEGORIES[_BY_PLURAL[p["c"]]] if w in lex.CATEGORY_OF and w not in x]
    return [rng.choice(pool), *x[1:]] if rng.random() < 0.5 else [*x[:-1], rng.choice(pool)]


def _not_category(x: Words, p: Params) -> list[str] | None:
    kept = _of_category(x, p)
    if not kept or len(kept) == len(x):
        return None
    return _commas([w for w in x if w not in kept])


def _odd(x: Words) -> list[str] | None:
    kinds = [lex.CATEGORY_OF.get(w) for w in x]
    if len(x) < 3 or None in kinds:
        return None
    odd = [w for w, k in zip(x, kinds, strict=True) if kinds.count(k) == 1]
    return odd if len(odd) == 1 and len(set(kinds)) == 2 else None


def _same_kind(x: Words) -> list[str] | None:
    kinds = {lex.CATEGORY_OF.get(w, "") for w in x}
    return [forms.plural(kinds.pop())] if len(kinds) == 1 and "" not in kinds else None


def _one_kind(rng: random.Random, x: Words, p: Params) -> Words:
    pool = [w for w in lex.CATEGORIES[rng.choice(list(lex.CATEGORIES))] if w in lex.CATEGORY_OF]
    return rng.sample(pool, min(len(x), len(pool)))


def _odd_list(rng: random.Random, x: Words, p: Params) -> Words:
    first, second = rng.sample([n for n in lex.CATEGORIES], 2)
    pool = [w for w in lex.CATEGORIES[first] if w in lex.CATEGORY_OF]
    odd = rng.choice([w for w in lex.CATEGORIES[second] if w in lex.CATEGORY_OF])
    items = [*rng.sample(pool, 3), odd]
    rng.shuffle(items)
    return items


def _extreme(x: Words, longest: bool) -> list[str] | None:
    sizes = [len(w) for w in x]
    best = max(sizes) if longest else min(sizes)
    return [x[sizes.index(best)]] if sizes.count(best) == 1 else None


def _letter(rng: random.Random, x: Words) -> Params:
    return {"l": rng.choice(x)[0]}


def _with_letter(rng: random.Random, x: Words, p: Params) -> Words:
    pool = [n for n in lex.NOUNS if n[0] == p["l"] and n not in x]
    return [rng.choice(pool), *x[1:]] if pool and rng.random() < 0.7 else x


def _twice(rng: random.Random, x: Words, p: Params) -> Words:
    items = [*x[:4], rng.choice(x[:4])]
    rng.shuffle(items)
    return items


def _repeated(x: Words) -> list[str] | None:
    again = [w for w in dict.fromkeys(x) if x.count(w) > 1]
    return again if len(again) == 1 else None


def _distinct(x: Words) -> bool:
    return len(set(x)) == len(x)


FAMILIES: tuple[Family, ...] = (
    family(
        "sort_alphabetically", "words", lambda x, p: _commas(sorted(x)),
        "(sort|order|arrange) <words> (alphabetically|in alphabetical order|from a to z|by the alphabet)",
        "put <words> (in alphabetical order|in order from a to z)",
        "(sort|arrange) {x} (alphabetically|in alphabetical order|from a to z)",
    ),
    family(
        "sort_backwards", "words", lambda x, p: _commas(sorted(x, reverse=True)),
        "(sort|order|arrange) <words> (in reverse alphabetical order|from z to a|from the end of the alphabet to the start)",
        "put <words> (in reverse alphabetical order|in order from z to a)",
        held_out=True,
    ),
    family(
        "reverse_list", "words", lambda x, p: _commas(x[::-1]),
        "(reverse|turn around) (the order of <words>|<words>)",
        "(write|give|say) <words> (in reverse order|backwards|from last to first)",
        "(write|say) {x} (in reverse order|from last to first)",
    ),
    family(
        "first_item", "words", lambda x, p: [x[0]],
        "<give> the first (word|item|word in the list|item of the list|thing in the list)",
        "which (word|item) (comes|is|stands) first (in the list|there)?",
        "<give> the first of {x}",
    ),
    family(
        "last_item", "words", lambda x, p: [x[-1]],
        "<give> the last (word|item|word in the list|item of the list|thing in the list)",
        "which (word|item) (comes|is|stands) last (in the list|there)?",
        "<give> the last of {x}",
        held_out=True,
    ),
    family(
        "nth_item", "words",
        lambda x, p: [x[_NTH[p["n"]]]] if p["n"] in _NTH and len(x) > _NTH[p["n"]] else None,
        "<give> the {n} (word|item|word in the list|item of the list)",
        "which (word|item) is the {n} [one] in the list?",
        params=lambda rng, x: {"n": rng.choice(("second", "third"))},
    ),
    family(
        "count_items", "words", lambda x, p: [forms.number(len(x))],
        "(count|count up) <words>",
        "how many (words|items|things) are (there|in the list)?",
        "<give> the number of (words|items) in the list",
    ),
    family(
        "remove_item", "words",
        lambda x, p: _commas([w for w in x if w != p["w"]]) if p["w"] in x else None,
        "(remove|delete|take out|leave out|drop) [the word] {w} from <words>",
        "(write|give me) <words> without [the word] {w}",
        held_out=True, params=_member, fit=_with_member,
    ),
    family(
        "add_item", "words",
        lambda x, p: _commas([*x, p["w"]]) if p["w"] not in x and p["w"].isalpha() else None,
        "add [the word] {w} (to the end of <words>|at the end of <words>|to <words>)",
        "(write|give me) <words> with {w} added at the end",
        params=_newcomer,
    ),
    family(
        "longest_word", "words", lambda x, p: _extreme(x, True),
        "<give> the longest (word|word in the list|of these words)",
        "which word (is the longest|has the most letters)?",
    ),
    family(
        "shortest_word", "words", lambda x, p: _extreme(x, False),
        "<give> the shortest (word|word in the list|of these words)",
        "which word (is the shortest|has the fewest letters)?",
    ),
    family(
        "contains_word", "words", lambda x, p: ["yes" if p["w"] in x else "no"],
        "is [the word] {w} in (the list|this list|these words)?",
        "(<decide>) whether {w} is (one of <words>|in the list)",
        "does (the list|this list) (contain|have|include) [the word] {w}?",
        held_out=True, labels=("yes", "no"),
        params=lambda rng, x: _member(rng, x) if rng.random() < 0.5 else _newcomer(rng, x),
        fit=lambda rng, x, p: _with_member(rng, x, p) if rng.random() < 0.5 else x,
    ),
    family(
        "upper_list", "words", lambda x, p: [", ".join(x).upper()],
        "(write|print|type) <words> in (capital letters|capitals|upper case|big letters)",
        "<change> <words> (into|to) (capital letters|upper case)",
    ),
    family(
        "number_list", "words",
        lambda x, p: [" ".join(f"{i}. {w}" for i, w in enumerate(x, 1))],
        "(number|put numbers before) <words>",
        "(make|write) a numbered list (of|from) <words>",
    ),
    family(
        "dash_list", "words", lambda x, p: [" - ".join(x)],
        "(join|connect|link) <words> with (dashes|a dash)",
        "(write|put) (dashes|a dash) between <words>",
    ),
    family(
        "and_list", "words", lambda x, p: [", ".join(x[:-1]) + " and " + x[-1]],
        "(join|connect) <words> (in one phrase|like in a sentence) with and before the last one",
        "(write|put) the word and before the last (word|item) of the list",
    ),
    family(
        "odd_one_out", "words", lambda x, p: _odd(x),
        "(find|pick|name|spot) the (odd one out|word that does not belong|word that is different)",
        "which (word|one|item) (does not belong|is the odd one out|does not fit [with the others])?",
        fit=_odd_list,
    ),
    family(
        "keep_category", "words",
        lambda x, p: _commas(k) if (k := _of_category(x, p)) and len(k) < len(x) else None,
        "(keep|write|list|give me|pick) only the {c} (from|in|of) (the list|these words|the words below)",
        "which (words|items|of these words) are {c}?",
        held_out=True, params=_category, fit=_fit_category,
    ),
    family(
        "drop_category", "words", _not_category,
        "(remove|leave out|take out|delete) (all|all the|the) {c} from (the list|these words|the words below)",
        "(write|list|give me) only the (words|items) that are not {c}",
        params=_category, fit=_fit_category,
    ),
    family(
        "count_category", "words",
        lambda x, p: [forms.number(len(k))] if (k := _of_category(x, p)) is not None else None,
        "how many {c} are (there in the list|in the list|among these words)?",
        "count (only the|the) {c} in (the list|these words)",
        params=_category, fit=_fit_category,
    ),
    family(
        "name_category", "words", lambda x, p: _same_kind(x),
        "what (are all these|kind of things are these|do these words have in common)?",
        "<give> the (category|group|kind) (of <words>|that <words> belong to)",
        held_out=True, fit=_one_kind,
    ),
    family(
        "replace_item", "words",
        lambda x, p: _commas([p["v"] if w == p["w"] else w for w in x])
        if p["w"] in x and p["v"].isalpha() else None,
        "replace [the word] {w} (with|by) {v} in (the list|these words|the words below)",
        "(change|swap) {w} (to|for|into) {v} in (the list|these words|the words below)",
        held_out=True, params=_swap, fit=_with_member,
    ),
    family(
        "swap_ends", "words",
        lambda x, p: _commas([x[-1], *x[1:-1], x[0]]) if len(x) > 1 else None,
        "(swap|exchange|switch) the first and [the] last (words|word|items|item) [of the list|in the list]",
        held_out=True,
    ),
    family(
        "find_repeat", "words", lambda x, p: _repeated(x),
        "(find|name|<give>) the word that (appears|comes|is written) (twice|two times)",
        "which word (appears|comes|is there) (twice|two times|more than once)?",
        held_out=True, fit=_twice,
    ),
    family(
        "first_n", "words",
        lambda x, p: _commas(x[: _COUNTS[p["n"]]])
        if p["n"] in _COUNTS and len(x) >= _COUNTS[p["n"]] else None,
        "<give> the first {n} (words|items) [of the list|in the list]",
        "(keep|write) only the first {n} (words|items)",
        params=lambda rng, x: {"n": rng.choice(("two", "three"))},
    ),
    family(
        "first_letters", "words", lambda x, p: _commas([w[0] for w in x]),
        "(write|give me|list) the first letter of (each word|every word|each of these words)",
    ),
    family(
        "starting_with", "words",
        lambda x, p: _commas([w for w in x if w[0] == p["l"].lower()]) if len(p["l"]) == 1 else None,
        "(find|list|write|pick|give me) the words that (start|begin) with [the letter] {l}",
        "which (words|of these words) (start|begin) with [the letter] {l}?",
        held_out=True, params=_letter, fit=_with_letter,
    ),
    family(
        "sort_then_first", "words", lambda x, p: [min(x)] if _distinct(x) else None,
        "(sort|order|put) <words> (alphabetically|in alphabetical order), then <give> [only] the first (one|word)",
        "which (word|item) comes first in the alphabet?",
    ),
    family(
        "sort_then_last", "words", lambda x, p: [max(x)] if _distinct(x) else None,
        "(sort|order|put) <words> (alphabetically|in alphabetical order), then <give> [only] the last (one|word)",
        "which (word|item) comes last in the alphabet?",
        held_out=True,
    ),
    family(
        "reverse_then_upper", "words", lambda x, p: [", ".join(x[::-1]).upper()],
        "reverse (the order of <words>|<words>) and (write|print) (them|it|the result) in (capital letters|capitals|upper case)",
        held_out=True,
    ),
    family(
        "remove_then_count", "words",
        lambda x, p: [forms.number(len(x) - 1)] if x.count(p["w"]) == 1 else None,
        "(remove|take out|drop) [the word] {w} and (count|then count) (the rest|the other words|what is left)",
        "how many words are left without [the word] {w}?",
        params=_member, fit=_with_member,
    ),
    family(
        "largest_number", "numbers", lambda x, p: [str(max(x))],
        "<give> the (largest|biggest|highest|greatest) number [in the list|of all]",
        "which number is the (largest|biggest|highest)?",
    ),
    family(
        "smallest_number", "numbers", lambda x, p: [str(min(x))],
        "<give> the (smallest|lowest|least) number [in the list|of all]",
        "which number is the (smallest|lowest)?",
        held_out=True,
    ),
    family(
        "sort_numbers", "numbers", lambda x, p: [", ".join(map(str, sorted(x)))],
        "(sort|order|arrange|put in order) <numbers> from (small to large|smallest to largest|low to high)",
    ),
)  # fmt: skip
