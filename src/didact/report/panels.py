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
from typing import NamedTuple

from didact.records import JSON, Example
from didact.report.reading import Facts
from didact.stats.bootstrap import Interval, wilson
from didact.stats.instruction_data import describe_instructions
from didact.text.rouge import rouge_l_words
from didact.text.verbs import verb_noun_counts
from didact.text.words import count_words, latin_words

__all__ = [
    "Audit",
    "Funnel",
    "Length",
    "Nearest",
    "Reason",
    "Sieve",
    "Statistic",
    "Wheel",
    "audit",
    "audit_notes",
    "funnel",
    "lengths",
    "nearest",
    "statistics",
    "verbs",
]


class Reason(NamedTuple):
    """Why examples were dropped, and how many."""

    text: str
    number: int


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


def audit(found: Mapping[str, JSON]) -> tuple[Audit, ...]:
    """The four questions of the paper's Table 2, each at every stage of the data."""
    listed = found.get("rows")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return tuple(
        Audit(
            question=question,
            stage=str(row.get("stage", "")),
            share=_per_cent(min(_count(row, key), total), total),
            yes=_count(row, key),
            total=total,
            unknown=_count(row, "unknown"),
            paper=paper,
        )
        for key, question, paper in _QUESTIONS
        for row in rows
        if (total := _count(row, "total"))
    )


def audit_notes(found: Mapping[str, JSON]) -> tuple[str, ...]:
    """What else the auditor counted, in sentences."""
    notes: list[str] = []
    instructions, seen = _count(found, "instructions"), found.get("seen_in_pretraining")
    if instructions and isinstance(seen, int | float):
        share = _per_cent(round(seen * instructions), instructions)
        notes.append(
            f"Of {instructions:,} instructions kept, {share.mean:.1f} % [{share.low:.1f},"
            f" {share.high:.1f}] stand to the letter in the text that the base model learned from."
        )
    families, unseen = _count(found, "families"), _count(found, "held_out_families")
    if families:
        notes.append(f"They ask for tasks of {families} families; {unseen} of these no seed shows.")
    return tuple(notes)


def _per_cent(part: int, whole: int) -> Interval:
    return Interval(*(bound * 100 for bound in wilson(part, whole)))


def _count(row: Mapping[str, JSON], key: str) -> int:
    value = row.get(key, 0)
    return int(value) if isinstance(value, int | float) else 0
