"""Families of tasks about a tiny story, and families whose answer is a label."""

from __future__ import annotations

import random
from typing import Any

from didact.microworld import forms
from didact.microworld import lexicon as lex
from didact.microworld.family import Family, Params, family
from didact.microworld.kinds import KINDS, Action, Story

__all__ = ["FAMILIES", "OPINIONS"]

_GOOD = ["happy", "proud", "calm"]
_LIKE = ["love", "like", "enjoy"]
_DISLIKE = ["hate", "dislike"]
OPINIONS = tuple(
    [f"I {verb} this {noun}, it is {word}." for verb in _LIKE for noun in
     ("book", "film", "song", "cake", "soup", "hotel", "game", "park")
     for word in ("great", "lovely", "good", "very nice")]
    + [f"I {verb} this {noun}, it is {word}." for verb in _DISLIKE for noun in
       ("book", "film", "song", "cake", "soup", "hotel", "game", "park")
       for word in ("bad", "awful", "boring", "very poor")]
)  # fmt: skip
_POLITE = ("Could you please {}?", "Would you kindly {}?", "Please {}, thank you.")
_RUDE = ("{} now!", "Hurry up and {}!", "Just {} and be quiet!")
_REQUESTS = (
    "open the door", "pass the salt", "close the window", "bring the bag", "wait for me",
    "clean the table", "hold this box", "read the letter", "move the chair", "call the doctor",
)  # fmt: skip


def _summary(x: Story) -> str:
    past = forms.VERBS[x.verb][1]
    return f"{x.name} {past} {forms.article(x.thing)} {x.thing} at the {x.place}."


def _feeling(text: str) -> list[str] | None:
    start = " ".join(text.split()[:2]).lower()
    words = start.split()
    if len(words) < 2 or words[0] != "i":
        return None
    if words[1] in _LIKE:
        return ["positive"]
    return ["negative"] if words[1] in _DISLIKE else None


def _opinion(rng: random.Random, x: Any, p: Params) -> str:
    return rng.choice(OPINIONS)


def _manner(rng: random.Random, x: Any, p: Params) -> str:
    said = rng.choice(_POLITE + _RUDE).format(rng.choice(_REQUESTS))
    return said[:1].upper() + said[1:]


def _polite(text: str) -> list[str] | None:
    if "please" in text.lower() or "kindly" in text.lower():
        return ["polite"]
    return ["rude"] if text.endswith("!") else None


def _tense(rng: random.Random, x: Any, p: Params) -> str:
    action: Action = KINDS["action"].sample(rng)
    return action.text(rng.choice(("past", "third")))


def _tense_of(text: str) -> list[str] | None:
    words = text.split()
    if len(words) < 2:
        return None
    for third, past, _, _ in forms.VERBS.values():
        if words[1] == past and past != third:
            return ["past"]
        if words[1] == third:
            return ["present"]
    return None


def _topic(rng: random.Random, x: Any, p: Params) -> str:
    return rng.choice([line for lines in lex.TOPICS.values() for line in lines])


def _topic_of(text: str) -> list[str] | None:
    plain = text.strip().rstrip(".")
    for topic, lines in lex.TOPICS.items():
        if any(plain == line.rstrip(".") for line in lines):
            return [topic]
    return None


def _form(rng: random.Random, x: Any, p: Params) -> str:
    action: Action = KINDS["action"].sample(rng)
    return action.text(rng.choice(("question", "third", "past")))


FAMILIES: tuple[Family, ...] = (
    family(
        "story_who", "story", lambda x, p: [x.name],
        "who is <story> about?",
        "<give> the name of the main person (in|of) <story>",
    ),
    family(
        "story_where", "story", lambda x, p: [x.place],
        "where (does|did) <story> (happen|take place)?",
        "<give> the place (of|in) <story>",
        held_out=True,
    ),
    family(
        "story_friend", "story", lambda x, p: [x.friend],
        "(who went along|who is the friend) in <story>?",
        "<give> the name of the friend in <story>",
        held_out=True,
    ),
    family(
        "story_summary", "story", lambda x, p: [_summary(x)],
        "(summarise|sum up) <story> in one sentence",
        "(write|give) a [short] summary of <story> [in one sentence]",
        "what happens in <story>?",
    ),
    family(
        "story_title", "story", lambda x, p: [f"{x.name} at the {x.place.capitalize()}"],
        "(write|give|find|make) a [short|good] title for <story>",
        "what is a good title for <story>?",
    ),
    family(
        "story_feeling", "story", lambda x, p: [x.feeling],
        "how (does|did) the main person (in|of) <story> feel [at the end|in the end]?",
        "<give> the feeling (at the end of|in) <story>",
        held_out=True,
    ),
    family(
        "story_ending", "story", lambda x, p: ["happy" if x.feeling in _GOOD else "unhappy"],
        "<decide> whether <story> has (a happy or an unhappy|a happy or unhappy) ending",
        "is the (end|ending) of <story> happy or unhappy?",
        labels=("happy", "unhappy"),
    ),
    family(
        "sentiment", "text", lambda x, p: _feeling(x),
        "<decide> whether (the opinion|the review|the sentence|this opinion) is (positive or negative|negative or positive)",
        "classify the (opinion|review|sentence|comment) as positive or negative",
        "is the (opinion|review|sentence) positive or negative?",
        labels=("positive", "negative"), fit=_opinion,
    ),
    family(
        "polite_or_rude", "text", lambda x, p: _polite(x),
        "<decide> whether (the request|the sentence|this request) is (polite or rude|rude or polite)",
        "classify the (request|sentence) as polite or rude",
        "is the (request|sentence) polite or rude?",
        labels=("polite", "rude"), held_out=True, fit=_manner,
    ),
    family(
        "past_or_present", "text", lambda x, p: _tense_of(x),
        "<decide> whether <sentence> is (about|in) the past or the present",
        "classify the (tense|tense of <sentence>) as past or present",
        "is <sentence> in the past or [in] the present?",
        labels=("past", "present"), held_out=True, fit=_tense,
    ),
    family(
        "topic", "text", lambda x, p: _topic_of(x),
        "<decide> whether <sentence> is about weather, food, sport or music",
        "classify the topic of <sentence> as weather, food, sport or music",
        "what is the topic of <sentence>, weather, food, sport or music?",
        labels=tuple(lex.TOPICS), fit=_topic,
    ),
    family(
        "question_or_statement", "text",
        lambda x, p: ["question" if x.startswith("Does ") else "statement"],
        "<decide> whether <sentence> is a (question or a statement|statement or a question)",
        "classify <sentence> as a question or a statement",
        "is <sentence> a question or a statement?",
        labels=("question", "statement"), fit=_form,
    ),
    family(
        "vowel_start", "noun", lambda x, p: ["vowel" if x[0] in "aeiou" else "consonant"],
        "<decide> whether [the word] {x} (starts|begins) with a vowel or a consonant",
        "does [the word] {x} (start|begin) with a vowel or a consonant?",
        labels=("vowel", "consonant"),
    ),
    family(
        "living", "noun",
        lambda x, p: ["living" if lex.CATEGORY_OF.get(x) in ("animal", "job") else "not living"]
        if lex.CATEGORY_OF.get(x) not in (None, "fruit", "vegetable", "body part") else None,
        "<decide> whether (a|an|the) {x} is a living (thing|being) (or not|or is not living)",
        "is (a|an|the) {x} living or not living?",
        "classify (a|an|the) {x} as living or not living",
        labels=("living", "not living"),
    ),
    family(
        "food_or_animal", "noun",
        lambda x, p: [
            "animal" if lex.CATEGORY_OF.get(x) == "animal" else "food"
        ] if lex.CATEGORY_OF.get(x) in ("animal", "fruit", "vegetable") else None,
        "<decide> whether (a|an|the) {x} is an animal or a food",
        "is (a|an|the) {x} an animal or a food?",
        "classify (a|an|the) {x} as animal or food",
        labels=("animal", "food"), held_out=True,
    ),
)  # fmt: skip
