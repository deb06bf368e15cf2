"""Families of small sums and number words."""

from __future__ import annotations

import random
from typing import Any

from didact.microworld import forms
from didact.microworld import lexicon as lex
from didact.microworld.family import Family, Params, family

__all__ = ["FAMILIES"]


def _pair(rng: random.Random, x: Any) -> Params:
    return {"a": forms.number(rng.randrange(1, 13)), "b": forms.number(rng.randrange(1, 13))}


def _descending(rng: random.Random, x: Any) -> Params:
    high = rng.randrange(2, 20)
    return {"a": forms.number(high), "b": forms.number(rng.randrange(1, high))}


def _numbers(p: Params) -> tuple[int, int] | None:
    left, right = forms.NUMBERS.get(p["a"]), forms.NUMBERS.get(p["b"])
    return None if left is None or right is None else (left, right)


def _sum(x: Any, p: Params) -> list[str] | None:
    pair = _numbers(p)
    return [forms.number(sum(pair))] if pair and sum(pair) < 100 else None


def _difference(x: Any, p: Params) -> list[str] | None:
    pair = _numbers(p)
    return [forms.number(pair[0] - pair[1])] if pair and pair[0] >= pair[1] else None


def _shopping(rng: random.Random, x: Any, left: Params) -> Params:
    fruit = rng.choice(lex.CATEGORIES["fruit"])
    return {**left, "n": rng.choice(lex.NAMES), "f": forms.plural(fruit)}


def _count(x: Any, p: Params) -> list[str] | None:
    pair = _numbers(p)
    if not pair or not pair[0] < pair[1] <= pair[0] + 12:
        return None
    return [", ".join(forms.number(value) for value in range(pair[0], pair[1] + 1))]


def _range(rng: random.Random, x: Any) -> Params:
    low = rng.randrange(1, 12)
    return {"a": forms.number(low), "b": forms.number(low + rng.randrange(2, 7))}


FAMILIES: tuple[Family, ...] = (
    family(
        "add", None, _sum,
        "(what is|how much is) {a} (plus|and) {b}?",
        "add {a} (and|to) {b}",
        "(find|<give>) the sum of {a} and {b}",
        params=_pair,
    ),
    family(
        "subtract", None, _difference,
        "(what is|how much is) {a} (minus|less) {b}?",
        "take {b} (from|away from) {a}",
        "(find|<give>) the difference (of|between) {a} and {b}",
        held_out=True, params=_descending,
    ),
    family(
        "buy_more", None, _sum,
        "{n} has {a} {f} and (buys|gets|finds) {b} more, how many {f} does {n} have now?",
        "how many {f} does {n} have with {a} {f} and {b} more?",
        params=lambda rng, x: _shopping(rng, x, _pair(rng, x)),
    ),
    family(
        "give_away", None, _difference,
        "{n} has {a} {f} and (eats|loses|gives away) {b}, how many {f} (are left|does {n} have now)?",
        held_out=True, params=lambda rng, x: _shopping(rng, x, _descending(rng, x)),
    ),
    family(
        "double", "numeral",
        lambda x, p: [forms.number(2 * forms.NUMBERS[x])]
        if x in forms.NUMBERS and forms.NUMBERS[x] < 50 else None,
        "(double|multiply by two) [the number] {x}",
        "what is (twice|two times|double) {x}?",
        "(<give>|find) the double of the number",
    ),
    family(
        "to_word", "digit", lambda x, p: [forms.number(int(x))] if x.isdigit() else None,
        "(write|spell) [the number] {x} (in words|as a word|with letters)",
        "(write|spell) the number (in words|as a word)",
    ),
    family(
        "to_digits", "numeral", lambda x, p: [str(forms.NUMBERS[x])] if x in forms.NUMBERS else None,
        "(write|give me) [the number] {x} (in digits|with digits|in figures)",
        "(write|give me) the number (in digits|with digits|in figures)",
        held_out=True,
    ),
    family(
        "even_odd", "digit", lambda x, p: ["even" if int(x) % 2 == 0 else "odd"],
        "is [the number] {x} (even or odd|odd or even)?",
        "<decide> whether the number is (even or odd|odd or even)",
        labels=("even", "odd"),
    ),
    family(
        "count_up", None, _count,
        "count (from|up from) {a} to {b} [in words]",
        "(write|list) the numbers from {a} to {b} [in words]",
        params=_range,
    ),
    family(
        "next_number", "numeral",
        lambda x, p: [forms.number(forms.NUMBERS[x] + 1)]
        if x in forms.NUMBERS and forms.NUMBERS[x] < 99 else None,
        "(what|which) number comes (after|right after) {x}?",
        "(<give>|name) the number that comes (after|right after) {x}",
    ),
)  # fmt: skip
