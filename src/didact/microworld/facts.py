"""Families of questions about the facts of the world; most need no input."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from didact.microworld import forms
from didact.microworld import lexicon as lex
from didact.microworld.family import Family, Params, family

__all__ = ["FAMILIES"]

_BY_PLURAL = {forms.plural(name): name for name in lex.CATEGORIES}
_HOWMANY = {"two": 2, "three": 3, "four": 4}


def _pick(name: str, words: tuple[str, ...]) -> Callable[[random.Random, Any], Params]:
    return lambda rng, x: {name: rng.choice(words)}


def _kind_question(rng: random.Random, x: Any) -> Params:
    word = rng.choice(lex.NOUNS)
    right = rng.random() < 0.5
    kind = lex.CATEGORY_OF[word] if right else rng.choice(list(lex.CATEGORIES))
    return {"w": word, "c": kind}


def _two_animals(rng: random.Random, x: Any) -> Params:
    first, second = rng.sample(list(lex.ANIMALS), 2)
    return {"a": first, "b": second}


def _bigger(x: Any, p: Params) -> list[str] | None:
    if p["a"] not in lex.ANIMALS or p["b"] not in lex.ANIMALS:
        return None
    left, right = int(lex.ANIMALS[p["a"]]["size"]), int(lex.ANIMALS[p["b"]]["size"])
    if left == right:
        return None
    return [p["a"] if left > right else p["b"]]


def _after(words: tuple[str, ...], name: str, step: int) -> list[str] | None:
    known = {w.lower(): i for i, w in enumerate(words)}
    at = known.get(name.lower())
    return None if at is None else [words[(at + step) % len(words)]]


def _members(plural: str) -> tuple[str, ...]:
    return lex.CATEGORIES.get(_BY_PLURAL.get(plural, ""), ())


def _listed(x: Any, p: Params, answer: str) -> bool:
    items = [item.strip() for item in answer.rstrip(".").replace(" and ", ", ").split(",")]
    items = [item for item in items if item]
    members = _members(p["c"])
    right = all(item.lower() in members for item in items)
    return right and len(set(items)) == len(items) == _HOWMANY.get(p["n"], -1)


def _sentence_with(x: Any, p: Params, answer: str) -> bool:
    words = answer.rstrip(".!").lower().split()
    whole = len(words) >= 4 and answer[:1].isupper() and answer.endswith((".", "!"))
    return whole and p["w"].lower() in words


FAMILIES: tuple[Family, ...] = (
    family(
        "colour_of", "thing", lambda x, p: [lex.COLOUR_OF[x]] if x in lex.COLOUR_OF else None,
        "what colour (is|has) (a|an|the) {x}?",
        "(<give>|name) the (colour|usual colour) of (a|an|the) {x}",
        "(<give>|name) the (colour|usual colour) of the thing",
    ),
    family(
        "legs_of", "animal",
        lambda x, p: [forms.number(int(lex.ANIMALS[x]["legs"]))] if x in lex.ANIMALS else None,
        "how many legs does (a|an|the) {x} have?",
        "(<give>|write) the number of legs of (a|an|the) {x}",
        "(<give>|write) the number of legs [that] the animal has",
    ),
    family(
        "home_of", "animal", lambda x, p: [lex.ANIMALS[x]["home"]] if x in lex.ANIMALS else None,
        "where does (a|an|the) {x} live?",
        "(<give>|name) the place where (a|an|the) {x} lives",
        "(<give>|name) the place where the animal lives",
        held_out=True,
    ),
    family(
        "class_of", "animal", lambda x, p: [lex.ANIMALS[x]["class"]] if x in lex.ANIMALS else None,
        "what (kind|class|sort) of animal is (a|an|the) {x}?",
        "(<give>|name) the (class|kind) of animal that (a|an|the) {x} (is|belongs to)",
        "(<give>|name) the (class|kind) of the animal",
    ),
    family(
        "works_where", "job", lambda x, p: [lex.JOBS[x][0]] if x in lex.JOBS else None,
        "where does (a|an|the) {x} work?",
        "(<give>|name) the place where (a|an|the) {x} works",
    ),
    family(
        "does_what", "job",
        lambda x, p: [f"{forms.article(x).capitalize()} {x} {lex.JOBS[x][1]}."]
        if x in lex.JOBS else None,
        "what does (a|an|the) {x} do [at work]?",
        "(say|explain|tell me) what (a|an) {x} does",
    ),
    family(
        "tool_of", "job", lambda x, p: [lex.JOBS[x][2]] if x in lex.JOBS else None,
        "what does (a|an|the) {x} (use|need) (for|at) work?",
        "(<give>|name) a thing that (a|an) {x} (uses|needs) (at|for) work",
        held_out=True,
    ),
    family(
        "kind_yes_no", None,
        lambda x, p: ["yes" if lex.CATEGORY_OF[p["w"]] == p["c"] else "no"]
        if p["w"] in lex.CATEGORY_OF and p["c"] in lex.CATEGORIES else None,
        "is (a|an|the) {w} (a|an|a kind of) {c}?",
        "<decide> whether (a|an|the) {w} is (a|an|a kind of) {c}",
        "yes or no, (a|an) {w} is (a|an) {c}?",
        labels=("yes", "no"), params=_kind_question,
    ),
    family(
        "bigger_animal", None, _bigger,
        "which [animal] is (bigger|larger), (a|an|the) {a} or (a|an|the) {b}?",
        "<give> the (bigger|larger) animal of (a|an) {a} and (a|an) {b}",
        "(compare|think of) (a|an) {a} and (a|an) {b} and (name|say) the (bigger|larger) one",
        held_out=True, params=_two_animals,
    ),
    family(
        "smaller_animal", None,
        lambda x, p: [({p["a"], p["b"]} - set(b)).pop()] if (b := _bigger(x, p)) else None,
        "which [animal] is smaller, (a|an|the) {a} or (a|an|the) {b}?",
        "<give> the smaller animal of (a|an) {a} and (a|an) {b}",
        params=_two_animals,
    ),
    family(
        "name_one", None, lambda x, p: _members(p["c"]) or None,
        "(name|think of|give me) one of the {c}",
        "(name|<give>|tell me) one example of {c}",
        params=_pick("c", tuple(_BY_PLURAL)),
    ),
    family(
        "list_some", None,
        lambda x, p: [", ".join(_members(p["c"])[: _HOWMANY[p["n"]]])]
        if p["n"] in _HOWMANY and _members(p["c"]) else None,
        "(list|name|write|give me|think of) {n} [different] {c}",
        "make a list of {n} [different] {c}",
        accepts=_listed,
        params=lambda rng, x: {
            "n": rng.choice(tuple(_HOWMANY)), "c": rng.choice(tuple(_BY_PLURAL)),
        },
    ),
    family(
        "day_after", "day", lambda x, p: _after(lex.DAYS, x, 1),
        "(what|which) day (comes|is) after {x}?",
        "(<give>|name) the day (after|that follows) {x}",
    ),
    family(
        "day_before", "day", lambda x, p: _after(lex.DAYS, x, -1),
        "(what|which) day (comes|is) before {x}?",
        "(<give>|name) the day (before|that comes before) {x}",
        held_out=True,
    ),
    family(
        "month_after", "month", lambda x, p: _after(lex.MONTHS, x, 1),
        "(what|which) month (comes|is) after {x}?",
        "(<give>|name) the month (after|that follows) {x}",
    ),
    family(
        "month_before", "month", lambda x, p: _after(lex.MONTHS, x, -1),
        "(what|which) month (comes|is) before {x}?",
        "(<give>|name) the month (before|that comes before) {x}",
    ),
    family(
        "write_sentence", None,
        lambda x, p: [f"I can see {forms.article(p['w'])} {p['w']}."] if p["w"].isalpha() else None,
        "(write|make|form) a [short|simple] sentence (with|that uses|about) [the word] {w}",
        "use [the word] {w} in a [short|simple] sentence",
        accepts=_sentence_with, params=_pick("w", lex.NOUNS),
    ),
    family(
        "greet", None,
        lambda x, p: [f"Hello {p['n']}, how are you today?"] if p["n"] in lex.NAMES else None,
        "(say hello to|greet|write a greeting (to|for)) {n}",
        params=_pick("n", lex.NAMES),
    ),
    family(
        "thank", None,
        lambda x, p: [f"Dear {p['n']}, thank you for the {p['w']}."]
        if p["n"] in lex.NAMES and p["w"].isalpha() else None,
        "(thank {n}|write a thank you note to {n}) for the {w}",
        "write to {n} and say thank you for the {w}",
        params=lambda rng, x: {"n": rng.choice(lex.NAMES), "w": rng.choice(lex.NOUNS)},
    ),
    family(
        "invite", None,
        lambda x, p: [f"Dear {p['n']}, please come to the {p['p']} on {p['d']}."]
        if p["n"] in lex.NAMES and p["d"] in lex.DAYS and p["p"] in lex.PLACES else None,
        "(invite {n}|write an invitation for {n}|ask {n} to come) to the {p} on {d}",
        params=lambda rng, x: {
            "n": rng.choice(lex.NAMES), "p": rng.choice(lex.PLACES), "d": rng.choice(lex.DAYS),
        },
    ),
)  # fmt: skip
