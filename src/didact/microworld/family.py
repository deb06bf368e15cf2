"""What a family of tasks is, and how its instructions are worded and recognised."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from didact.microworld import lexicon as lex
from didact.microworld.grammar import Template
from didact.microworld.kinds import KINDS

__all__ = ["Family", "Params", "Reading", "Task", "family", "read_instruction", "write_task"]

Params = Mapping[str, str]
Solver = Callable[[Any, Params], Sequence[str] | None]

_MACROS = {
    "<words>": "(the words|these words|the given words|the words below|the list|the list of words|"
    "the following words|the items|all the words|the words in the list)",
    "<numbers>": "(the numbers|these numbers|the given numbers|the numbers below|the list|"
    "the following numbers|the list of numbers)",
    "<sentence>": "(the sentence|this sentence|the given sentence|the following sentence|"
    "the sentence below|the text)",
    "<story>": "(the story|this story|the short story|the given story|the story below|the text|"
    "the following story)",
    "<give>": "(give|give me|write|write down|tell me|say|find|show me|print|return|pick out)",
    "<change>": "(change|turn|rewrite|make|put|convert|transform)",
    "<decide>": "(decide|say|tell me|work out|find out|judge|check)",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One task with its right answers."""

    family: str
    instruction: str
    input: str
    answers: tuple[str, ...]
    """Right answers, the usual one first."""

    @property
    def output(self) -> str:
        """The usual right answer."""
        return self.answers[0]


@dataclass(frozen=True, slots=True)
class Family:
    """Tasks of one sort: wordings, contents, and the program that knows the answer."""

    name: str
    kind: str | None
    """The kind of content it is about; None when the instruction says everything."""
    solve: Solver
    templates: tuple[Template, ...]
    held_out: bool = False
    """Whether it is kept out of the seeds, for evaluation."""
    labels: tuple[str, ...] = ()
    """The labels, for a classification family."""
    params: Callable[[random.Random, Any], Params] | None = None
    fit: Callable[[random.Random, Any, Params], Any] | None = None
    """Makes a content suit parameters already chosen."""
    accepts: Callable[[Any, Params, str], bool] | None = None
    """Recognises a right answer where there are too many to list."""

    def draw(self, rng: random.Random, params: Params | None = None) -> tuple[Any, Params]:
        """A content and parameters that have an answer; with ``params`` given, a content for them."""
        for _ in range(200):
            content = KINDS[self.kind].sample(rng) if self.kind else None
            chosen = self._params(rng, content) if params is None else params
            if self.fit:
                content = self.fit(rng, content, chosen)
            if self.solve(content, chosen):
                return content, chosen
        raise ValueError(f"family {self.name} has no content for {params}")

    def _params(self, rng: random.Random, content: Any) -> Params:
        return self.params(rng, content) if self.params else {}

    def right(self, content: Any, params: Params, answer: str) -> bool | None:
        """Whether an answer is right; None when the question itself has none."""
        answers = self.solve(content, params)
        if not answers:
            return None
        if self.accepts:
            return self.accepts(content, params, answer)
        return _plain(answer) in {_plain(right) for right in answers}


def _plain(text: str) -> str:
    return " ".join(text.split()).strip().rstrip(".").strip()


def family(
    name: str,
    kind: str | None,
    solve: Solver,
    *templates: str,
    held_out: bool = False,
    labels: tuple[str, ...] = (),
    params: Callable[[random.Random, Any], Params] | None = None,
    fit: Callable[[random.Random, Any, Params], Any] | None = None,
    accepts: Callable[[Any, Params, str], bool] | None = None,
) -> Family:
    """A family from template sources, with the shared phrases ``<words>`` and others filled in."""
    compiled: list[Template] = []
    for source in templates:
        for macro, text in _MACROS.items():
            source = source.replace(macro, text)
        compiled.append(Template(source))
    return Family(
        name, kind, solve, tuple(compiled), held_out, labels, params, fit, accepts
    )  # fmt: skip


_ORDERS = [
    Template(source)
    for source in (
        "{b}.",
        "{b}.",
        "{b}.",
        "please {b}.",
        "(can|could|would|will) you [please] {b}?",
        "(i want|i would like|i need|i am asking) you to {b}.",
        "(your task|the task|your job|the goal) is to {b}.",
        "(try|remember) to {b}.",
        "see if you can {b}.",
        "(you should|you must|you have to|here you should) {b}.",
        "show (me|us|{name}) that you can {b}.",
        "in this (task|exercise|game) you (have to|should) {b}.",
        "{b}, please.",
    )
]
_ASKS = [
    Template(source)
    for source in (
        "{b}?",
        "{b}?",
        "{b}?",
        "(tell me|answer this|here is a question|quick question|{name} asks|do you know|"
        "can you say|think about this|a question for you): {b}?",
    )
]
_LEADS = [
    Template(source)
    for source in (
        "{name} is (making|writing|checking|reading) a (list|book|quiz|letter|poster|lesson|game) "
        "(at|for) the {place}.",
        "(this|here) is (a task|a puzzle|a small job|an exercise) for the {job}.",
        "{name} and {friend} are (playing a word game|at the {place}|learning together).",
        "we are (learning|practising) (words|english|new things) with {name}.",
        "my (friend|sister|brother|teacher|uncle|aunt) {name} (needs|wants|asked for) help.",
        "imagine (that you are|you are|being) a {job} at the {place}.",
    )
]
_TAILS = [
    Template(source)
    for source in (
        "(thank you|thanks).",
        "(give|write|say) only the answer.",
        "(answer in a few words|keep it short|be careful|take your time|do not explain|"
        "write nothing else|there is one right answer).",
        "{name} will (check|read) (it|your answer).",
    )
]
_MODIFIERS: tuple[tuple[Template, Callable[[str], str]], ...] = (
    (Template("(write|give) (the|your) answer in capital letters."), str.upper),
    (Template("put (the|your) answer in [square] brackets."), "[{}]".format),
    (Template("put (the|your) answer in quotes."), '"{}"'.format),
    (Template("(start|begin) (the|your) answer with the word Answer."), "Answer: {}".format),
    (Template("end (the|your) answer with an exclamation mark."), "{}!".format),
)


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _articles(text: str) -> str:
    """Templates offer ``a`` and ``an`` blindly; the next letter decides."""
    text = re.sub(r"\b([Aa]) (?=[aeiou](?!r\b))", r"\1n ", text)
    return re.sub(r"(?<!or )\b([Aa])n (?=[^aeiouh])", r"\1 ", text)


def _frame(rng: random.Random) -> dict[str, str]:
    name, friend = rng.sample(lex.NAMES, 2)
    job, place = rng.choice(tuple(lex.JOBS)), rng.choice(lex.PLACES)
    return {"name": name, "friend": friend, "job": job, "place": place}


def write_task(
    rng: random.Random, fam: Family, *, count: int = 1, plain: bool = False, separate: float = 0.5
) -> list[Task]:
    """Tasks that share one instruction (with different inputs when ``count`` > 1).

    ``plain`` leaves out lead-ins, tails and answer formats. ``separate`` is the chance that the
    content goes into the input where the wording allows both.
    """
    template = rng.choice(fam.templates)
    content, params = fam.draw(rng)
    kind = KINDS[fam.kind] if fam.kind else None
    inside = kind is not None and "x" in template.slots
    after = kind is not None and not inside and count == 1 and rng.random() > separate
    shown = kind.show(content) if kind else ""
    quoted = f'"{shown}"' if kind and kind.quoted else shown
    body = template.write(rng, {**params, "x": quoted})
    tail = ""
    if after and kind:
        if rng.random() < 0.5 and not body.endswith("?"):
            body += f": {quoted}"
        else:
            tail = f" {rng.choice(kind.fields)}: {shown}"
    frame = _frame(rng)
    if body.endswith("?"):
        text = rng.choice(_ASKS).write(rng, {**frame, "b": body[:-1]})
    else:
        # "..., fox, please" would read as one more word of the list
        orders = _ORDERS[:-1] if after else _ORDERS
        text = rng.choice(orders).write(rng, {**frame, "b": body})
    text = _sentence_case(text)
    change: Callable[[str], str] = str
    if not plain:
        if rng.random() < 0.25:
            text = f"{_sentence_case(rng.choice(_LEADS).write(rng, frame))} {text}"
        roll = rng.random()
        if roll < 0.12:
            text += f" {_sentence_case(rng.choice(_TAILS).write(rng, frame))}"
        elif roll < 0.18 and not fam.accepts:
            wording, change = rng.choice(_MODIFIERS)
            text += f" {_sentence_case(wording.write(rng, frame))}"
    text = _articles(text + tail)
    tasks: list[Task] = []
    for index in range(1 if inside or after or kind is None else count):
        if index:
            content, params = fam.draw(rng, params)
        answers = tuple(change(answer) for answer in fam.solve(content, params) or ())
        needs_input = kind is not None and not inside and not after
        field = kind.show(content) if kind and needs_input else ""
        tasks.append(Task(fam.name, text, field, answers))
    return tasks


@dataclass(frozen=True, slots=True)
class Reading:
    """What an instruction was recognised as."""

    family: Family
    params: Params
    content: str | None
    """The content written inside the instruction; None when it goes into the input."""
    change: Callable[[str], str]


_LEAD_SPLIT = re.compile(r"(?<=[.!]) (?=[A-Z])")


def _candidates(text: str) -> list[tuple[str, str | None]]:
    """The text as it is, and without a content written after it."""
    found: list[tuple[str, str | None]] = [(text, None)]
    fields = sorted({field for kind in KINDS.values() for field in kind.fields}, key=len)
    tail = re.fullmatch(rf"(.*[.?!]) (?:{'|'.join(fields)}): (.+)", text, re.DOTALL)
    if tail:
        found.append((tail[1], tail[2]))
    return found


def _strip_frame(text: str) -> list[tuple[str, Callable[[str], str]]]:
    """The text without lead-in and tail, with the answer format that the tail asked for."""
    pieces = _LEAD_SPLIT.split(text)
    if len(pieces) > 1 and any(lead.read(pieces[0]) is not None for lead in _LEADS):
        pieces = pieces[1:]
    results: list[tuple[str, Callable[[str], str]]] = [(" ".join(pieces), str)]
    joined = " ".join(pieces)
    cut = max(joined.rfind(". "), joined.rfind("? "))
    if cut > 0:
        head, last = joined[: cut + 1], joined[cut + 2 :]
        if any(tail.read(last) is not None for tail in _TAILS):
            results.append((head, str))
        results += [
            (head, change) for wording, change in _MODIFIERS if wording.read(last) is not None
        ]
    return results


def read_instruction(text: str, families: Sequence[Family]) -> list[Reading]:
    """Every way in which an instruction can be understood; empty when it is not of this world."""
    readings: list[Reading] = []
    for whole, after in _candidates(" ".join(text.split())):
        for core, change in _strip_frame(whole):
            for wrappers, mark in ((_ORDERS, ""), (_ASKS, "?")):
                bodies = {slots["b"] for w in wrappers if (slots := w.read(core)) is not None}
                for body in sorted(bodies):
                    readings += _read_body(body + mark, after, change, families)
    return readings


def _read_body(
    body: str, after: str | None, change: Callable[[str], str], families: Sequence[Family]
) -> list[Reading]:
    head, colon, tail = body.partition(": ")
    tries = [(body, after)]
    if colon and after is None and not body.endswith("?"):
        tries.append((head, tail))
    found: list[Reading] = []
    for fam in families:
        for template in fam.templates:
            for text, content in tries:
                slots = template.read(text)
                if slots is None:
                    continue
                inside = slots.pop("x", None)
                found.append(Reading(fam, slots, inside or content, change))
    return found
