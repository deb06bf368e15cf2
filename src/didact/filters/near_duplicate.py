"""Keep an example only when no example kept so far has almost the same words.

Two texts are near where the different words they share are at least ``below`` of those that either
has (Jaccard). The usual way is MinHash (Lee et al., "Deduplicating Training Data Makes Language
Models Better", 2021, arXiv 2107.06499), whose candidates are often taken as they come: on 100,000
instructions that misses some and drops as many that are not near. Ours compares texts of up to
``long`` words exactly, which for those is as fast; longer ones, and those after the first million,
meet by MinHash first and are then compared exactly: what is dropped is always near, and of what is
near at least 99.9 in 100 are expected to be found.

Words alone, without their order, are enough for instructions; ``shingle: 3`` compares runs of three
and is the better measure for long documents.

Cost: no call of a model; some 10 microseconds an instruction with 100,000 kept, 0.5 ms an example
of 500 words with 10,000 kept, 0.1 ms by MinHash. Needs the extra ``text`` (rensa) for texts of
more than ``long`` words only.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Literal, NamedTuple

from didact.errors import ConfigError
from didact.records import Example, Verdict
from didact.text.jaccard_index import JaccardIndex, shingles
from didact.text.minhash_index import MinHashIndex
from didact.text.novelty_index import Neighbour
from didact.text.parted import Parted, Pooled
from didact.text.parts import Part, part_of
from didact.text.words import all_words

__all__ = ["NearDuplicate"]

_AT_ONCE = 256
_MOST_EXACT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicate:
    """Drop what shares almost all of its words with an example kept before."""

    version: ClassVar[str] = "1"

    below: float = 0.8
    """Keep what is less similar than this to everything held; above 0, at most 1."""
    part: Part = "example"
    """What is compared: `instruction`, `input`, `prompt` (instruction and input), `output`, or
    `example`, all of it. A part without words is near to nothing."""
    shingle: int = 1
    """Compare runs of so many words."""
    long: int | None = 1000
    """Texts of more different words than this are looked up by MinHash; none: all are compared
    exactly."""
    held: Literal["kept", "all"] = "kept"
    """What an example is compared with: those kept before it, or all before it."""

    def __post_init__(self) -> None:
        if not 0 < self.below <= 1:
            raise ConfigError(f"below must be above 0 and at most 1, not {self.below}")
        if self.shingle < 1:
            raise ConfigError(f"shingle must be at least 1, not {self.shingle}")
        if self.long is not None and self.long < 1:
            raise ConfigError(f"long must be at least 1, or none, not {self.long}")

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order."""
        pool = _Pool(self)
        remaining = iter(examples)
        while batch := list(islice(remaining, _AT_ONCE)):
            yield from pool.judge(batch)

    def pool(self) -> Pooled:
        """The filter at work, for whoever shares its work out."""
        return _Pool(self)


class _Held(NamedTuple):
    id: str
    text: str


class _Pool:
    """What is held, in the two indexes, and the verdicts on what comes next."""

    def __init__(self, settings: NearDuplicate) -> None:
        self._settings = settings
        self._whole = JaccardIndex(settings.below, shingle=settings.shingle)
        self._exact: JaccardIndex | Parted = self._whole
        self._exact_held: list[_Held] = []
        self._marked: MinHashIndex | None = None
        self._marked_held: list[_Held] = []

    def parted(self) -> Parted:
        """The texts that are compared exactly, from now on in parts."""
        self._exact = Parted(self._whole)
        return self._exact

    def texts(self, batch: Sequence[Example]) -> list[str]:
        """What is compared of each."""
        return [part_of(example, self._settings.part) for example in batch]

    def judge(self, batch: Sequence[Example]) -> Iterator[Verdict]:
        """The verdicts on a batch."""
        for start, stop, plain in self._runs(batch):
            yield from self._judge_run(batch[start:stop], plain=plain)

    def _runs(self, batch: Sequence[Example]) -> Iterator[tuple[int, int, bool]]:
        """Stretches of the batch that only the exact index has to do with, and single others."""
        long = self._settings.long
        start = 0
        for at, example in enumerate(batch):
            # A word has a character at least, and spaces between: this spares splitting twice.
            text = part_of(example, self._settings.part)
            if (
                long is None
                or (len(text) < long * self._settings.below and not self._full)
                or self._plain(text)
            ):
                continue
            if at > start:
                yield start, at, True
            yield at, at + 1, False
            start = at + 1
        if start < len(batch):
            yield start, len(batch), True

    @property
    def _full(self) -> bool:
        return len(self._exact) >= _MOST_EXACT

    def _plain(self, text: str) -> bool:
        """Whether it is too short to be near to a long text."""
        long = self._settings.long
        assert long is not None
        return not self._full and len(self._set(text)) < long * self._settings.below

    def _set(self, text: str) -> frozenset[Hashable]:
        return frozenset(shingles(all_words(text), self._settings.shingle))

    def _judge_run(self, examples: Sequence[Example], *, plain: bool) -> Iterator[Verdict]:
        """The verdicts on some that follow one another."""
        held = [_Held(e.id, part_of(e, self._settings.part)) for e in examples]
        hold_all = self._settings.held == "all"
        if not plain:
            yield self._judge_marked(held[0], hold_all=hold_all)
            return
        near = self._exact.offer_all([one.text for one in held], hold=hold_all)
        for one, neighbour in zip(held, near, strict=True):
            if neighbour is None or hold_all:
                self._exact_held.append(one)
            yield self._verdict(neighbour, self._exact_held)

    def _judge_marked(self, one: _Held, *, hold_all: bool) -> Verdict:
        """The verdict on a text that is long, or near to long ones, or comes late."""
        words = self._set(one.text)
        if self._marked is None:
            held = self._marked_held
            self._marked = MinHashIndex(
                self._settings.below, set_of=lambda position: self._set(held[position].text)
            )
        long = self._settings.long
        assert long is not None
        mark = self._marked.mark(words)
        far = self._marked.nearest(words, mark)
        near = None
        if len(words) * self._settings.below <= long:
            [near] = self._exact.nearest_all([one.text])
        best = near if far is None or (near is not None and near.score >= far.score) else far
        if best is None or hold_all:
            if len(words) <= long and not self._full:
                self._exact.add_all([one.text])
                self._exact_held.append(one)
            else:
                self._marked.add(mark)
                self._marked_held.append(one)
        return self._verdict(best, self._exact_held if best is near else self._marked_held)

    def _verdict(self, neighbour: Neighbour | None, held: list[_Held]) -> Verdict:
        if neighbour is None:
            return Verdict(keep=True)
        nearest = held[neighbour.position]
        return Verdict(
            keep=False,
            reason="near duplicate",
            score=neighbour.score,
            evidence={
                "nearest": nearest.text[:500],
                "nearest_id": nearest.id,
                "below": self._settings.below,
            },
        )
