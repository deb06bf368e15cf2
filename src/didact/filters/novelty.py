"""Keep an instruction only when nothing kept so far, and no seed, is too similar to it.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560), section 2.2: an instruction joins the pool when
its ROUGE-L with every instruction in the pool is below 0.7. Decisions are exact: those that
``rouge_score`` would give in double precision, pair by pair. *Faithful* is the published code:
only a-z and 0-9 form words, so two copies of a Chinese sentence are unlike each other, and what
scores exactly 0.7 is kept. *Corrected*, the default, is the paper: words of every script count, and
an instruction must score less than 0.7.

An instruction is judged once, where it first appears: all its examples (a task has up to five
instances) share that verdict, and are never held against one another.

The published run also logs, of every instruction, the ten most similar ones of the pool and its
mean similarity to all of it: ``report: 10``. Nothing can be skipped then.

Cost: no call of a model; about ten microseconds an instruction with 50,000 kept, half a millisecond
with a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar, Literal

from didact.errors import ConfigError
from didact.records import JSON, Example, Verdict
from didact.text.novelty_index import Neighbour, NoveltyIndex, Surroundings
from didact.text.parted import Parted, Pooled
from didact.text.words import all_words, latin_words

__all__ = ["Novelty"]

_AT_ONCE = 256
"""Examples read ahead; a call of compiled code costs about as much as judging one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """Drop instructions too similar to one kept before, or to a seed (ROUGE-L)."""

    version: ClassVar[str] = "1"

    below: float = 0.7
    """Keep what is less similar than this to everything kept; above 0, at most 1."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`corrected` compares every script; `faithful` only a-z and 0-9, and keeps what equals
    `below`, as the published code does."""
    report: int = 0
    """Tell of every instruction so many of the most similar ones, and its mean similarity to all
    that it was compared with, as the published run does (10); 0: only the nearest of what is
    dropped."""

    _seeds: list[Example] = field(
        init=False, repr=False, compare=False, default_factory=list[Example]
    )

    def __post_init__(self) -> None:
        if not 0 < self.below <= 1:
            raise ConfigError(f"below must be above 0 and at most 1, not {self.below}")
        if self.report < 0:
            raise ConfigError(f"report must be 0 or more, not {self.report}")

    def prime(self, seeds: Sequence[Example]) -> None:
        """Compare with these from the start; they take the place of earlier ones."""
        self._seeds[:] = seeds

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order."""
        pool = _Pool(self, self._seeds)
        remaining = iter(examples)
        while batch := list(islice(remaining, _AT_ONCE)):
            pool.texts(batch)
            yield from pool.judge(batch)

    def pool(self) -> Pooled | None:
        """The filter at work, for whoever shares its work out; none where nothing is skipped."""
        return None if self.report else _Pool(self, self._seeds)


class _Pool:
    """What is kept so far, and the verdict on every instruction met."""

    def __init__(self, settings: Novelty, seeds: Sequence[Example]) -> None:
        faithful = settings.mode == "faithful"
        words = latin_words if faithful else all_words
        self._report = settings.report
        self._whole = NoveltyIndex(settings.below, keep_equal=faithful, words=words)
        self._index: NoveltyIndex | Parted = self._whole
        self._held = list({seed.instruction: seed for seed in seeds}.values())
        for seed in self._held:
            self._whole.add(seed.instruction)
        self._verdicts: dict[str, Verdict | None] = {}

    def parted(self) -> Parted:
        """The pool, from now on in parts."""
        self._index = Parted(self._whole)
        return self._index

    def texts(self, batch: Sequence[Example]) -> list[str]:
        """The instructions of a batch that none before had."""
        new = dict.fromkeys(example.instruction for example in batch)
        found = [instruction for instruction in new if instruction not in self._verdicts]
        self._verdicts.update(dict.fromkeys(found))
        return found

    def judge(self, batch: Sequence[Example]) -> Iterator[Verdict]:
        """The verdicts on a batch whose texts were asked for."""
        texts = [example.instruction for example in batch]
        first: dict[str, Example] = {}
        for text, example in zip(texts, batch, strict=True):
            if self._verdicts[text] is None:
                first.setdefault(text, example)
        near = self._index.offer_all(list(first))
        counts: list[int] = []
        for (instruction, example), neighbour in zip(first.items(), near, strict=True):
            counts.append(len(self._held))
            if neighbour is None:
                self._held.append(example)
            self._verdicts[instruction] = _verdict(neighbour, self._held)
        if self._report:
            found = self._whole.around(list(first), counts, self._report)
            for instruction, around in zip(first, found, strict=True):
                verdict = _found(self._verdicts, instruction)
                told = {**_told(around, self._held), **verdict.evidence}
                self._verdicts[instruction] = replace(verdict, evidence=told)
        for text in texts:
            yield _found(self._verdicts, text)


def _found(verdicts: Mapping[str, Verdict | None], instruction: str) -> Verdict:
    verdict = verdicts[instruction]
    assert verdict is not None
    return verdict


def _told(around: Surroundings, held: Sequence[Example]) -> dict[str, JSON]:
    """What the published run logs of an instruction."""
    most: list[JSON] = [
        {"instruction": held[position].instruction, "id": held[position].id, "score": score}
        for score, position in around.nearest
    ]
    return {"most_similar": most, "mean_similarity": around.mean}


def _verdict(neighbour: Neighbour | None, held: Sequence[Example]) -> Verdict:
    if neighbour is None:
        return Verdict(keep=True)
    nearest = held[neighbour.position]
    return Verdict(
        keep=False,
        reason="too similar",
        score=neighbour.score,
        evidence={"nearest": nearest.instruction, "nearest_id": nearest.id},
    )
