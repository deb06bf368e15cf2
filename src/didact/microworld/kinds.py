"""What a task is about: a list, a word, a sentence, a story; how it is drawn, written and read."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from didact.microworld import forms
from didact.microworld import lexicon as lex

__all__ = ["FEELINGS", "KINDS", "Action", "Kind", "Story"]


@dataclass(frozen=True, slots=True)
class Action:
    """Someone does something somewhere, as in ``Tom buys a red hat at the market``."""

    name: str
    verb: str
    colour: str
    thing: str
    where: str

    def text(self, form: str = "third") -> str:
        """The sentence in a form: third, past, future, negative, question, ing."""
        third, past, ing, _ = forms.VERBS[self.verb]
        first = self.colour or self.thing
        phrase = f"{forms.article(first)} {self.colour + ' ' if self.colour else ''}{self.thing}"
        rest = f"{phrase} {self.where}"
        if form == "question":
            return f"Does {self.name} {self.verb} {rest}?"
        verb = {
            "third": third,
            "past": past,
            "future": f"will {self.verb}",
            "negative": f"does not {self.verb}",
            "ing": f"is {ing}",
        }[form]
        return f"{self.name} {verb} {rest}."


@dataclass(frozen=True, slots=True)
class Story:
    """Three sentences: who went where with whom, what they did, how it ended."""

    name: str
    place: str
    verb: str
    thing: str
    friend: str
    feeling: str

    def text(self) -> str:
        """The whole story."""
        past = forms.VERBS[self.verb][1]
        who = lex.pronoun(self.name).capitalize()
        return (
            f"{self.name} went to the {self.place} with {self.friend}. "
            f"{who} {past} {forms.article(self.thing)} {self.thing} there. "
            f"In the end {self.name} was {self.feeling}."
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of content."""

    sample: Callable[[random.Random], Any]
    show: Callable[[Any], str]
    parse: Callable[[str], Any]
    """The value, or None when the text is not of this kind."""
    fields: tuple[str, ...]
    """Names a page may write before it: ``Words: pear, fox, hat``."""
    quoted: bool = False
    """Whether it stands in quotes inside an instruction."""


_AT_HOME = tuple(f"in the {p}" for p in lex.PLACES) + tuple(f"at the {p}" for p in lex.PLACES)
FEELINGS = ("happy", "sad", "tired", "proud", "angry", "calm")
_THIRD = {third: base for base, (third, _, _, objects) in forms.VERBS.items() if objects}
_PAST = {past: base for base, (_, past, _, objects) in forms.VERBS.items() if objects}
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
_ACTION = re.compile(r"([A-Z][a-z]+) ([a-z]+) an? (?:([a-z]+) )?([a-z]+) ((?:in|at) the [a-z]+)\.?")
_STORY = re.compile(
    r"([A-Z][a-z]+) went to the ([a-z]+) with ([A-Z][a-z]+)\. (?:He|She) ([a-z]+) an? ([a-z]+) "
    r"there\. In the end [A-Z][a-z]+ was ([a-z]+)\.?"
)


def _words(rng: random.Random) -> list[str]:
    """Three to six different words, from one or two categories half of the time."""
    count = rng.choice((3, 3, 4, 4, 5, 6))
    if rng.random() < 0.4:
        names = rng.sample(list(lex.CATEGORIES), 2)
        pool = [w for n in names for w in lex.CATEGORIES[n] if w in lex.CATEGORY_OF]
        return rng.sample(pool, count)
    return rng.sample(lex.NOUNS, count)


def _read_words(text: str) -> list[str] | None:
    items = [item.strip() for item in re.split(r",? and |,", text.strip().rstrip("."))]
    good = len(items) >= 2 and all(_WORD.fullmatch(item) for item in items)
    return items if good else None


def _action(rng: random.Random) -> Action:
    verb = rng.choice(list(_THIRD.values()))
    colour = rng.choice(lex.COLOURS) if rng.random() < 0.5 else ""
    thing = rng.choice(forms.VERBS[verb][3])
    return Action(rng.choice(lex.NAMES), verb, colour, thing, rng.choice(_AT_HOME))


def _coloured(rng: random.Random) -> Action:
    plain = _action(rng)
    return Action(plain.name, plain.verb, rng.choice(lex.COLOURS), plain.thing, plain.where)


def _read_action(text: str) -> Action | None:
    match = _ACTION.fullmatch(text.strip().strip('"'))
    if not match:
        return None
    name, third, colour, thing, where = match.groups()
    if third not in _THIRD or name not in lex.NAMES:
        return None
    if colour and colour not in lex.CATEGORIES["colour"]:
        return None
    return Action(name, _THIRD[third], colour or "", thing, where)


def _read_coloured(text: str) -> Action | None:
    action = _read_action(text)
    return action if action and action.colour else None


def _story(rng: random.Random) -> Story:
    verb = rng.choice(list(_THIRD.values()))
    name, friend = rng.sample(lex.NAMES, 2)
    thing = rng.choice(forms.VERBS[verb][3])
    return Story(name, rng.choice(lex.PLACES), verb, thing, friend, rng.choice(FEELINGS))


def _read_story(text: str) -> Story | None:
    match = _STORY.fullmatch(" ".join(text.split()).strip('"'))
    if not match:
        return None
    name, place, friend, past, thing, feeling = match.groups()
    if past not in _PAST or name not in lex.NAMES:
        return None
    return Story(name, place, _PAST[past], thing, friend, feeling)


def _state(rng: random.Random) -> tuple[str, str]:
    return rng.choice(lex.NOUNS), rng.choice([a for a in forms.ADJECTIVES if a in forms.OPPOSITES])


def _read_state(text: str) -> tuple[str, str] | None:
    match = re.fullmatch(r"The ([a-z]+(?: [a-z]+)?) is ([a-z]+)\.?", text.strip().strip('"'))
    return (match[1], match[2]) if match and match[2] in forms.OPPOSITES else None


def _two(rng: random.Random) -> tuple[Action, Action]:
    return _action(rng), _action(rng)


def _read_two(text: str) -> tuple[Action, Action] | None:
    parts = re.split(r"(?<=\.) (?=[A-Z])", text.strip().strip('"'))
    if len(parts) != 2:
        return None
    left, right = _read_action(parts[0]), _read_action(parts[1])
    return (left, right) if left and right else None


def _numbers(rng: random.Random) -> list[int]:
    return rng.sample(range(1, 60), rng.choice((3, 3, 4, 5)))


def _read_numbers(text: str) -> list[int] | None:
    items = re.split(r",? and |, ?", text.strip().rstrip("."))
    if len(items) < 2 or not all(item.isdigit() for item in items):
        return None
    return [int(item) for item in items]


def _text(rng: random.Random) -> str:
    """Any plain statement of this world."""
    if rng.random() < 0.6:
        return _action(rng).text()
    if rng.random() < 0.5:
        return _show_state(_state(rng))
    return rng.choice([line for lines in lex.TOPICS.values() for line in lines])


def _read_text(text: str) -> str | None:
    text = text.strip().strip('"')
    plain = re.fullmatch(r"[A-Z][A-Za-z0-9 ,'-]+[.?!]?", text)
    return text if plain and len(text.split()) >= 3 else None


def _show_state(value: tuple[str, str]) -> str:
    return f"The {value[0]} is {value[1]}."


def _one_of(words: Sequence[str], *fields: str) -> Kind:
    """A single word out of a closed set."""
    known = {word.lower(): word for word in words}
    return Kind(
        sample=lambda rng: rng.choice(words),
        show=str,
        parse=lambda text: known.get(text.strip().strip("\"'.").lower()),
        fields=fields,
    )


KINDS: dict[str, Kind] = {
    "words": Kind(_words, ", ".join, _read_words, ("Words", "List", "Items")),
    "numbers": Kind(_numbers, lambda v: ", ".join(map(str, v)), _read_numbers, ("Numbers", "List")),
    "action": Kind(_action, Action.text, _read_action, ("Sentence", "Text"), quoted=True),
    "coloured": Kind(_coloured, Action.text, _read_coloured, ("Sentence", "Text"), quoted=True),
    "two": Kind(
        _two,
        lambda v: f"{v[0].text()} {v[1].text()}",
        _read_two,
        ("Sentences", "Text"),
        quoted=True,
    ),
    "state": Kind(_state, _show_state, _read_state, ("Sentence", "Text"), quoted=True),
    "text": Kind(_text, str, _read_text, ("Sentence", "Text"), quoted=True),
    "story": Kind(_story, Story.text, _read_story, ("Story", "Text"), quoted=True),
    "noun": _one_of(lex.NOUNS, "Word", "Noun"),
    "adjective": _one_of(
        [a for a in forms.ADJECTIVES if a in forms.OPPOSITES], "Word", "Adjective"
    ),
    "gradable": _one_of(forms.ADJECTIVES, "Word", "Adjective"),
    "synonym": _one_of(tuple(forms.SYNONYMS), "Word"),
    "verb": _one_of(tuple(forms.VERBS), "Word", "Verb"),
    "animal": _one_of(tuple(lex.ANIMALS), "Animal", "Word"),
    "sounder": _one_of([a for a, f in lex.ANIMALS.items() if f["sound"] != "-"], "Animal"),
    "parent": _one_of([a for a, f in lex.ANIMALS.items() if f["young"] != "-"], "Animal"),
    "thing": _one_of(tuple(lex.COLOUR_OF), "Thing", "Word"),
    "rhymer": _one_of([w for group in forms.RHYMES for w in group], "Word"),
    "countable": _one_of(lex.COUNTABLE, "Word", "Noun"),
    "plural": _one_of([forms.plural(n) for n in lex.COUNTABLE], "Word", "Plural"),
    "job": _one_of(tuple(lex.JOBS), "Job"),
    "day": _one_of(lex.DAYS, "Day"),
    "month": _one_of(lex.MONTHS, "Month"),
    "digit": _one_of([str(n) for n in range(100)], "Number"),
    "numeral": _one_of(tuple(forms.NUMBERS), "Number", "Word"),
}
