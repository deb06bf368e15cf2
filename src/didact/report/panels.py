"""What the examples of a run say: the funnel, the data's shape, its novelty and its verbs.

Pure functions from ``Facts`` to small values; the page and the charts only format them. Where a
paper printed the same quantity, its figure stands beside ours: Self-Instruct (Wang et al. 2022,
arXiv:2212.10560), Tables 1 and 2.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple, cast

from didact.records import JSON, Example, Verdict
from didact.report.reading import Facts
from didact.stats.bootstrap import Interval, wilson
from didact.stats.instruction_data import describe_instructions
from didact.text.rouge import rouge_l_words
from didact.text.verbs import verb_noun_counts
from didact.text.words import count_words, latin_words

__all__ = [
    "Audit",
    "Card",
    "Funnel",
    "Length",
    "Nearest",
    "Reason",
    "Sieve",
    "Statistic",
    "Wheel",
    "audit",
    "funnel",
    "lengths",
    "nearest",
    "sample",
    "statistics",
    "verbs",
]


class Reason(NamedTuple):
    """Why examples were dropped, and how many."""

    text: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """One place where examples are lost: the recipe's own checks, or a filter."""

    name: str
    seen: int
    dropped: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """From what the model wrote to what was kept."""

    steps: tuple[tuple[str, int], ...]
    sieves: tuple[Sieve, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One line of the paper's Table 1."""

    name: str
    ours: float
    paper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Words in one part of the kept examples."""

    part: str
    words: tuple[int, ...]
    mean: float
    paper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """For each kept instruction, ROUGE-L to the most similar one."""

    scores: tuple[float, ...]
    among: str
    """What it was compared with, in words."""
    of: int
    """Kept instructions there are; more than ``scores`` when a sample was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """The commonest verbs, each with its commonest nouns, most frequent first."""

    verbs: tuple[tuple[str, int, tuple[tuple[str, int], ...]], ...]
    paired: int
    """Instructions with a verb and a noun."""
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One question of the audit at one stage of the data."""

    question: str
    stage: str
    share: Interval
    yes: int
    total: int
    unknown: int
    paper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One example as the page shows it."""

    id: str
    turns: tuple[tuple[str, str], ...]
    filter: str
    reason: str
    score: float | None
    neighbour: str
    command: str


_TABLE_1 = (
    ("Instructions", "instructions", 52_445),
    ("of them classification", "classification", 11_584),
    ("of them not classification", "generation", 40_861),
    ("of them with verb and noun", "verb_noun", 26_559),
    ("Instances", "instances", 82_439),
    ("of them with empty input", "empty_input", 35_878),
    ("Words of an instruction, mean", "instruction_words", 15.9),
    ("Words of an input that is not empty, mean", "input_words", 12.7),
    ("Words of an output, mean", "output_words", 18.9),
)

_QUESTIONS = (
    ("valid_instruction", "Is the instruction a valid task?", 92.0),
    ("input_appropriate", "Is the input appropriate?", 79.0),
    ("output_correct", "Is the output correct?", 58.0),
    ("all_valid", "Are all three right?", 54.0),
)

_MEASURED = 2_000
"""At most so many kept instructions are compared with the seeds; a random sample beyond."""


def funnel(facts: Facts) -> Funnel | None:
    """Candidates, examples, kept; and what each place dropped, by reason."""
    if not facts.examples:
        return None
    steps: list[tuple[str, int]] = []
    sieves: list[Sieve] = []
    candidates = _count(facts.recipe, "candidates")
    if candidates:
        steps.append(("Instructions the model wrote", candidates))
        steps.append(("Instructions accepted", _count(facts.recipe, "accepted")))
        sieves.append(_sieve("While writing instructions", candidates, facts.recipe, "dropped"))
    instances = _reasons(facts.recipe, "dropped_instances").total()
    if instances:
        seen = instances + len(facts.examples)
        sieves.append(_sieve("While writing instances", seen, facts.recipe, "dropped_instances"))
    steps.append(("Examples generated", len(facts.examples)))
    if facts.filtered:
        steps.append(("Examples kept", len(facts.kept)))
        sieves += _sieves(facts)
    return Funnel(steps=tuple(steps), sieves=tuple(sieves))


def _sieve(name: str, seen: int, recipe: Mapping[str, JSON], key: str) -> Sieve:
    reasons = _reasons(recipe, key)
    listed = tuple(Reason(*pair) for pair in reasons.most_common())
    return Sieve(name=name, seen=seen, dropped=reasons.total(), reasons=listed)


def _reasons(recipe: Mapping[str, JSON], key: str) -> Counter[str]:
    found = recipe.get(key)
    return Counter({name: _count(found, name) for name in found} if isinstance(found, dict) else {})


def _sieves(facts: Facts) -> list[Sieve]:
    seen: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {}
    for _, name, verdict in facts.verdicts:
        seen[name] += 1
        dropped = reasons.setdefault(name, Counter())
        if not verdict.keep:
            dropped[verdict.reason] += 1
    return [
        Sieve(
            name=f"Filter: {name}",
            seen=seen[name],
            dropped=counts.total(),
            reasons=tuple(Reason(*pair) for pair in counts.most_common()),
        )
        for name, counts in reasons.items()
    ]


def statistics(examples: Sequence[Example]) -> tuple[Statistic, ...]:
    """Table 1 of the paper, for these examples; what is not known of them is left out."""
    if not examples:
        return ()
    ours = describe_instructions(examples).to_json()
    if not any("is_classification" in example.meta for example in examples):
        ours["classification"] = ours["generation"] = None
    return tuple(
        Statistic(name=name, ours=value, paper=paper)
        for name, key, paper in _TABLE_1
        if isinstance(value := ours[key], int | float)
    )


def lengths(examples: Sequence[Example]) -> tuple[Length, ...]:
    """Words of instructions (each once), of inputs that are not empty, of outputs."""
    parts = (
        ("Instruction", [*dict.fromkeys(e.instruction for e in examples)], 15.9),
        ("Input, where there is one", [e.input for e in examples if e.input], 12.7),
        ("Output", [e.output for e in examples], 18.9),
    )
    return tuple(
        Length(part=part, words=words, mean=fmean(words), paper=paper)
        for part, texts, paper in parts
        if (words := tuple(map(count_words, texts)))
    )


def nearest(facts: Facts) -> Nearest | None:
    """How near each kept instruction is to any seed, as in the paper.

    Without the seeds at hand, what the novelty filter measured: the nearest of seeds and pool.
    """
    kept = [*dict.fromkeys(example.instruction for example in facts.kept)]
    seeds = [words for text in dict.fromkeys(facts.seeds) if (words := latin_words(text))]
    if kept and seeds:
        chosen = kept
        if len(kept) > _MEASURED:
            chosen = random.Random(f"{facts.seed}-nearest").sample(kept, _MEASURED)
        scores = tuple(_highest(latin_words(text), seeds) for text in chosen)
        return Nearest(scores=scores, among="the seed tasks", of=len(kept))
    ids = {example.id for example in facts.kept}
    scores = tuple(
        verdict.score
        for id, name, verdict in facts.verdicts
        if name == "novelty" and id in ids and verdict.score is not None
    )
    among = "the seeds and everything kept before it"
    return Nearest(scores=scores, among=among, of=len(scores)) if scores else None


def _highest(words: Sequence[str], seeds: Sequence[Sequence[str]]) -> float:
    return max(rouge_l_words(words, seed).f for seed in seeds)


def verbs(examples: Sequence[Example], *, most: int = 20, nouns: int = 4) -> Wheel | None:
    """Root verbs and their objects, as in the paper's wheel; None without the extra ``text``."""
    instructions = [*dict.fromkeys(example.instruction for example in examples)]
    try:
        pairs = verb_noun_counts(instructions)
    except ImportError:
        return None
    totals: Counter[str] = Counter()
    for pair, count in pairs.items():
        totals[pair.verb] += count
    # Ties in the order of the alphabet, so that the same data draws the same wheel.
    top = sorted(totals, key=lambda verb: (-totals[verb], verb))[:most]
    rows = ((verb, [(p.noun, n) for p, n in pairs.items() if p.verb == verb]) for verb in top)
    return Wheel(
        verbs=tuple(
            (verb, totals[verb], tuple(sorted(found, key=lambda pair: (-pair[1], pair[0]))[:nouns]))
            for verb, found in rows
        ),
        paired=pairs.total(),
        of=len(instructions),
    )


def audit(rows: Sequence[Mapping[str, JSON]]) -> tuple[Audit, ...]:
    """The four questions of the paper's Table 2, each at every stage of the data."""
    found: list[Audit] = []
    for key, question, paper in _QUESTIONS:
        for row in rows:
            yes, total = _count(row, key), _count(row, "total")
            if total:
                share = Interval(*(bound * 100 for bound in wilson(min(yes, total), total)))
                found.append(
                    Audit(
                        question=question,
                        stage=str(row.get("stage", "")),
                        share=share,
                        yes=yes,
                        total=total,
                        unknown=_count(row, "unknown"),
                        paper=paper,
                    )
                )
    return tuple(found)


def _count(row: Mapping[str, JSON], key: str) -> int:
    value = row.get(key, 0)
    return int(value) if isinstance(value, int | float) else 0


def sample(facts: Facts, *, kept: bool, size: int = 10) -> tuple[Card, ...]:
    """Random kept or dropped examples; the run's seed decides which."""
    ids = {example.id for example in facts.kept}
    pool = [e for e in facts.examples or facts.kept if (e.id in ids) == kept]
    pool = [*{example.id: example for example in pool}.values()]
    rng = random.Random(f"{facts.seed}-{'kept' if kept else 'dropped'}")
    chosen = rng.sample(pool, min(size, len(pool)))
    wanted = {example.id for example in chosen}
    verdicts: dict[str, list[tuple[str, Verdict]]] = {}
    for id, name, verdict in facts.verdicts:
        if id in wanted:
            verdicts.setdefault(id, []).append((name, verdict))
    return tuple(_card(example, verdicts.get(example.id, []), facts.where) for example in chosen)


def _card(example: Example, verdicts: Sequence[tuple[str, Verdict]], where: str) -> Card:
    """The verdict shown is the one that dropped it, or else the one that names a neighbour."""
    telling = [pair for pair in verdicts if not pair[1].keep]
    telling += [pair for pair in verdicts if _neighbour(pair[1])]
    telling += [pair for pair in verdicts if pair[1].score is not None]
    name, verdict = telling[0] if telling else ("", Verdict(keep=True))
    return Card(
        id=example.id,
        turns=_turns(example),
        filter=name,
        reason=verdict.reason,
        score=verdict.score,
        neighbour=_neighbour(verdict),
        command=f"didact show {where} {example.id}",
    )


def _turns(example: Example) -> tuple[tuple[str, str], ...]:
    if [message.role for message in example.messages] == ["user", "assistant"]:
        parts = (("Instruction", example.instruction), ("Input", example.input))
        return (*(part for part in parts if part[1]), ("Output", example.output))
    return tuple((message.role.capitalize(), message.content) for message in example.messages)


def _neighbour(verdict: Verdict) -> str:
    for key in ("nearest", "neighbour", "nearest_text"):
        value = verdict.evidence.get(key)
        if isinstance(value, dict):
            value = cast("dict[str, JSON]", value).get("text")
        if isinstance(value, str):
            return value
    return ""
