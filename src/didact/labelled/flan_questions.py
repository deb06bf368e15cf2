"""Questions of the FLAN collection, and how many of each of its parts are drawn (Orca).

Orca (Mukherjee et al. 2023, arXiv 2306.02707) asks zero-shot questions only: all of the part
`cot`; of `niv2` no more than so many of a task; of `flan2021` and `t0` task by task, each as likely
as long as it has questions left; no dialogues. Which part a record is from is told by its meta
(``collection``), or by the source or recipe that made it.

Draws depend on the seed and on the questions, not on their order. No calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from didact.records import Example, digest
from didact.stats.mixing import Sample, rank
from didact.text.explanations import Collection, offers_choices

__all__ = ["Question", "capped", "draw", "draw_by_task", "questions"]


class Question(NamedTuple):
    """A question and what is known of it."""

    id: str
    """Of its text."""
    text: str
    seed: Example
    collection: Collection
    task: str
    """"" where it is not told."""
    choices: bool
    """Whether it offers answers to choose from."""

    def __str__(self) -> str:
        return self.text


def questions(
    seeds: Sequence[Example], refused: Counter[str], *, collection: Collection | None = None
) -> list[Question]:
    """Every zero-shot question, once; the other seeds are counted by reason."""
    found: dict[str, Question] = {}
    for seed in seeds:
        turns = [turn.content for turn in seed.prompt if turn.role != "system"]
        part = collection or _collection(seed)
        if not "".join(turns).strip():
            refused["no question"] += 1
        elif len(turns) > 1:
            refused["several turns"] += 1
        elif seed.meta.get("shots"):
            refused["shows exemplars"] += 1
        elif part is None:
            refused["dialogue"] += 1
        elif (number := digest(turns[0])) in found:
            refused["the same question"] += 1
        else:
            choices = offers_choices(turns[0], _options(seed))
            found[number] = Question(number, turns[0], seed, part, _task(seed), choices)
    return list(found.values())


def capped(found: Sequence[Question], most: int, *, seed: int) -> list[Question]:
    """No more than so many of a task; those whose task is not told are not capped."""
    samples: dict[str, Sample[Question]] = {}
    for question in found:
        if question.task:
            sample = samples.setdefault(question.task, Sample(most, seed=seed))
            sample.offer(question, question.id)
    kept = {question.id for sample in samples.values() for question in sample.items()}
    return [question for question in found if not question.task or question.id in kept]


def draw(found: Sequence[Question], number: int, *, seed: int, salt: str = "") -> list[Question]:
    """So many at random, in their order."""
    sample = Sample[Question](number, seed=seed)
    for question in found:
        sample.offer(question, salt + question.id)
    return sample.items()


def draw_by_task(
    found: Sequence[Question], number: int, *, seed: int, rng: Random
) -> list[Question]:
    """Task by task, each as likely as long as it has questions left, until there are enough."""
    if number >= len(found):
        return list(found)
    pools: dict[str, list[Question]] = {}
    for question in sorted(found, key=lambda one: rank(seed, one.id), reverse=True):
        pools.setdefault(question.task, []).append(question)
    tasks = sorted(pools)
    taken: set[str] = set()
    while len(taken) < number:
        place = rng.randrange(len(tasks))
        pool = pools[tasks[place]]
        taken.add(pool.pop().id)
        if not pool:
            tasks.pop(place)
    return [question for question in found if question.id in taken]


def _collection(seed: Example) -> Collection | None:
    """Which part of FLAN a seed is from; None for its dialogues."""
    stated = str(seed.meta.get("collection", "")).lower()
    if stated.startswith("dialog"):
        return None
    if stated in _NAMES:
        return _NAMES[stated]
    if seed.origin.recipe == "flan" and "rationale" in seed.meta:
        return "cot"
    return _MAKERS.get(seed.origin.recipe, "other")


def _task(seed: Example) -> str:
    return str(next((seed.meta[key] for key in ("task", "dataset") if seed.meta.get(key)), ""))


def _options(seed: Example) -> list[str]:
    options = seed.meta.get("options")
    return list(map(str, options)) if isinstance(options, list) else []


_NAMES: Mapping[str, Collection] = {
    "cot": "cot", "niv": "niv2", "niv2": "niv2", "flan": "flan2021", "flan2021": "flan2021",
    "t0": "t0", "other": "other",
}  # fmt: skip
_MAKERS: Mapping[str, Collection] = {
    "chain-of-thought": "cot", "superni": "niv2", "flan": "flan2021", "promptsource": "t0",
}  # fmt: skip
