"""What is rated: tasks made from a run once, with the texts in them, and kept beside the ratings.

A task holds its own copy of what is shown, so that a study goes on with the same texts when the run
is made again, and every rating says by a hash which text it is about. Some tasks are attention
items: a text that answers another request, where a careful rater can only say one thing. They look
like the others and count for nothing but how careful the rater was.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, cast

from didact import rows, tables
from didact.errors import ConfigError
from didact.ratings.modes import MODES
from didact.records import JSON, Answer, Example, digest
from didact.store import Run

__all__ = ["REFERENCE", "Side", "Study", "Task", "make_tasks", "text_id"]

REFERENCE = "reference"
"""The model that a right answer is said to be of."""
_ITEMS = {"audit": 200}
_MANY = 100
_ONE_IN = 20
_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a set of raters is asked."""

    name: str
    mode: str
    """One of ``MODES``."""
    seed: int = 0
    items: int | None = None
    """Test items or examples that are drawn: 100, and 200 for the audit, by default."""
    models: tuple[str, ...] = ()
    """The roles whose answers are rated; all of them by default."""
    attention: int | None = None
    """Attention items: one in twenty tasks by default."""

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {**asdict(self), "models": list(self.models)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Study:
        """The inverse of ``to_json``."""
        return cls(**cast("dict[str, Any]", {**data, "models": tuple(data["models"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One answer shown."""

    model: str
    text: str

    @property
    def id(self) -> str:
        """The hash of the text."""
        return text_id(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One page of a rater."""

    example_id: str
    turns: Sequence[tuple[str, str]]
    """Role and text of every message of the prompt; in the audit of the whole example."""
    sides: Sequence[Side] = ()
    reference: str = ""
    """A right answer that may be looked up; "" where there is none or it is rated itself."""
    expected: Mapping[str, Sequence[str]] | None = None
    """What an attention item must be answered with, by question; None for all others."""

    @property
    def key(self) -> str:
        """What the task is called: says nothing about the models."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "example_id": self.example_id,
            "turns": [list(turn) for turn in self.turns],
            "sides": [{"model": side.model, "text": side.text} for side in self.sides],
            "reference": self.reference,
            "expected": {k: list(v) for k, v in self.expected.items()} if self.expected else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Task:
        """The inverse of ``to_json``."""
        return cls(
            example_id=data["example_id"],
            turns=[(role, text) for role, text in data["turns"]],
            sides=[Side(**side) for side in data["sides"]],
            reference=data["reference"],
            expected=data["expected"],
        )


def text_id(text: str) -> str:
    """The hash by which a rating says which text it is about."""
    return digest(text)


def make_tasks(run: Path, study: Study) -> list[Task]:
    """The tasks of a study, the same for the same run; ConfigError where there is nothing."""
    if study.mode not in MODES:
        raise ConfigError(f"no mode {study.mode!r} (there are: {', '.join(MODES)})")
    if (study.items is not None and study.items < 1) or (study.attention or 0) < 0:
        raise ConfigError("the number of items is at least 1, that of attention items at least 0")
    rng = random.Random(f"{study.seed} {study.mode}")
    most = study.items or _ITEMS.get(study.mode, _MANY)
    make = _audit if study.mode == "audit" else _of_answers
    tasks, decoys = make(run, study, rng, most)
    wanted = max(2, len(tasks) // _ONE_IN) if study.attention is None else study.attention
    return list({task.key: task for task in [*tasks, *decoys[:wanted]]}.values())


def _audit(run: Path, study: Study, rng: random.Random, most: int) -> tuple[list[Task], list[Task]]:
    kept = run / "filter" / "kept.parquet"
    path = kept if kept.is_file() else run / "generate" / "examples.parquet"
    there = rows.count(path)
    if not there:
        raise ConfigError(f"{run}: there are no examples to audit; run generate first")
    if study.models:
        raise ConfigError("an audit of the data is not about models; leave --models away")
    picked = sorted(rng.sample(range(there), min(most, there)))
    examples = list(_picked(path, picked))
    tasks = [_whole(example, example.output) for example in examples]
    decoys = [
        _whole(example, other.output, expected={"output_correct": ["no"]})
        for example, other in _mismatched(examples, _output, rng)
    ]
    return tasks, decoys


def _picked(path: Path, numbers: Sequence[int]) -> Iterator[Example]:
    wanted, first = set(numbers), 0
    for group in rows.groups(path):
        yield from (
            tables.EXAMPLES.from_row(row)
            for offset, row in enumerate(group)
            if first + offset in wanted
        )
        first += len(group)


def _whole(
    example: Example, output: str, *, expected: Mapping[str, Sequence[str]] | None = None
) -> Task:
    turns = [(message.role, message.content) for message in example.messages]
    if turns and turns[-1][0] == "assistant":
        turns[-1] = ("assistant", output)
    return Task(example_id=example.id, turns=turns, expected=expected)


def _of_answers(
    run: Path, study: Study, rng: random.Random, most: int
) -> tuple[list[Task], list[Task]]:
    table = _answers(run)
    known = list(dict.fromkeys(model for found in table.values() for model in found[1]))
    models = list(study.models or (name for name in known if name != REFERENCE))
    if not study.models and MODES[study.mode].answers == 2 and len(models) == 1:
        models.append(REFERENCE)
    if unknown := [name for name in models if name not in known]:
        raise ConfigError(
            f"{run}: no answers of {', '.join(unknown)} (there are: {', '.join(known)})"
        )
    if MODES[study.mode].answers == 2 and len(models) < 2:
        raise ConfigError(f"{run}: two models are needed to compare answers; name them (--models)")
    chosen = rng.sample(sorted(table), min(most, len(table)))
    items = [table[key][0] for key in chosen]
    of = {key: table[key][1] for key in chosen}
    # Two answers that are the same, letter for letter, tie without anybody's time.
    tasks = [
        _asked(item, [Side(model=name, text=of[item.id][name]) for name in names], models)
        for item in items
        for names in combinations(models, MODES[study.mode].answers)
        if all(name in of[item.id] for name in names)
        and (len(names) < 2 or of[item.id][names[0]] != of[item.id][names[1]])
    ]
    if not tasks:
        raise ConfigError(f"{run}: nothing to rate: the answers compared are all the same")

    def right(item: Example) -> str:
        return item.output or next(iter(of[item.id].values()))

    decoys: list[Task] = []
    for item, other in _mismatched(items, right, rng):
        wrong = Side(model="", text=right(other))
        if MODES[study.mode].answers == 1:
            decoys.append(_asked(item, [wrong], models, expected={"level": ["C", "D"]}))
        elif item.output:
            sides = [Side(model=REFERENCE, text=item.output), wrong]
            question = MODES[study.mode].questions[0].name
            decoys.append(_asked(item, sides, models, expected={question: [REFERENCE]}))
    return tasks, decoys


def _asked(
    item: Example,
    sides: Sequence[Side],
    models: Sequence[str],
    *,
    expected: Mapping[str, Sequence[str]] | None = None,
) -> Task:
    return Task(
        example_id=item.id,
        turns=[(message.role, message.content) for message in item.prompt],
        sides=sides,
        # Of two answers one may be it, on an attention item: that would give it away.
        reference=item.output if len(sides) == 1 and REFERENCE not in models else "",
        expected=expected,
    )


def _answers(run: Path) -> dict[str, tuple[Example, dict[str, str]]]:
    """Item by id, and the text of every model on it."""
    opened = Run.open(run)
    try:
        if opened.stage("evaluate") is None:
            raise ConfigError(
                f"{run}: there are no answers to rate; run evaluate first, or rate the data"
                " (--mode audit)"
            )
        found: dict[str, tuple[Example, dict[str, str]]] = {}
        answers: Sequence[Answer] = opened.answers()
        for answer in answers:
            texts = found.setdefault(answer.example.id, (answer.example, {}))[1]
            texts[answer.model] = answer.text
    finally:
        opened.close()
    for item, texts in found.values():
        if item.output:
            texts.setdefault(REFERENCE, item.output)
    return found


def _mismatched(
    examples: Sequence[Example], text: Callable[[Example], str], rng: random.Random
) -> list[tuple[Example, Example]]:
    """Examples, each with another whose text shares the fewest words with it; rarest first."""
    found: list[tuple[float, Example, Example]] = []
    usable = [example for example in examples if text(example).strip()]
    for example in usable if len(usable) > 1 else ():
        own = _words(f"{example.instruction} {example.input} {text(example)}")
        others = rng.sample(usable, min(_TRIES, len(usable)))
        rated = [
            (len(own & _words(text(other))) / (len(_words(text(other))) or 1), n)
            for n, other in enumerate(others)
            if text(other) != text(example) and example.instruction != other.instruction
        ]
        if rated:
            shared, best = min(rated)
            found.append((shared, example, others[best]))
    found.sort(key=lambda row: row[0])
    return [(example, other) for _, example, other in found]


def _output(example: Example) -> str:
    return example.output


def _words(text: str) -> set[str]:
    return set(text.lower().split())
