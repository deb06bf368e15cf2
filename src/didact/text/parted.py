"""A growing pool in parts: the texts held longest are asked elsewhere, the last ones here.

What a text is nearest to in a pool is the nearest of what it is nearest to in each part of it, the
earliest of equals, however the pool is cut. So a pool that grows is judged in its order here, with
an index of the last texts only, and whoever has time looks the same texts up in the parts that do
not change any more (``PartIndex``). No lists of near pairs are made, whose number grows with the
square of a cluster of texts that are near to one another. Exact, whatever was cut when.

Parts are bounded, so that asking one needs little memory, and made only once they are worth it:

- when looking up among the last texts has become dear, as measured here, these become parts; where
  it stays cheap, as for near-duplicates of short texts, nothing is ever asked elsewhere;
- they are cut by the length of their texts: two texts that are near differ in length by a factor
  that the threshold bounds, so that others pass by the parts that are too short or too long;
- within a part words are numbered anew by how often they stand there, so that a search goes
  through the postings of words that are truly rare.

Cost: whoever asks a part lists its texts once, at two microseconds each.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from didact.records import JSON, Example, Verdict, canonical
from didact.text.jaccard_index import JaccardIndex
from didact.text.novelty_index import Encoded, Neighbour, NoveltyIndex

__all__ = ["Block", "Index", "Part", "PartIndex", "Parted", "Pooled", "gathered"]

_DEAR = 15e-6
"""Seconds that looking up a text among the last ones may take before they become parts."""
_LEAST = 1 << 14
"""No fewer texts become parts, ..."""
_MOST = 1 << 20
"""... and so many in any case."""
_SIZE = 1 << 15
"""Texts of a part: some 25 MB of instructions where it is asked."""
_SLACK = 1e-6
"""Bounds are loosened by this much: far above any rounding error, far below one word."""


class Index(Protocol):
    """An exact index that grows: of ROUGE-L or of Jaccard's measure."""

    def __len__(self) -> int: ...

    def clear(self) -> None:
        """Forget the texts; words keep their numbers."""
        ...

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The texts as numbers of words."""
        ...

    def take(
        self, encoded: Encoded, *, adds: NDArray[np.uint8], look: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Position or -1, and score, of the nearest of each; what is to be added is."""
        ...

    def held(self) -> Encoded:
        """The texts that it holds."""
        ...

    @property
    def rule(self) -> dict[str, JSON]:
        """What makes another index that decides alike."""
        ...

    @property
    def reach(self) -> float:
        """The least ratio of the sizes of two texts that are near to one another."""
        ...


class Pooled(Protocol):
    """A filter at work that judges each example by those held before it."""

    def parted(self) -> Parted:
        """The pool, from now on in parts; asked once, before anything is judged."""
        ...

    def texts(self, batch: Sequence[Example]) -> list[str]:
        """What will be looked up for a batch; asked batch after batch, ahead of judging."""
        ...

    def judge(self, batch: Sequence[Example]) -> Iterator[Verdict]:
        """The verdicts on a batch."""
        ...


class Part(NamedTuple):
    """Texts that are held and do not change."""

    key: str
    texts: Encoded
    places: NDArray[np.int64]
    """Where each text is in the pool; ascending."""
    low: int
    """Words of the shortest."""
    high: int
    """Words of the longest."""


@dataclass(slots=True, kw_only=True)
class Block:
    """Texts that will be judged one after another, and what the parts say of them."""

    texts: Encoded
    row_of: Mapping[str, int]
    sizes: NDArray[np.int64]
    places: NDArray[np.int64] = field(init=False)
    """Of the nearest in any part that was asked; -1 where none is near."""
    scores: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.places = np.full(len(self.sizes), -1, np.int64)
        self.scores = np.zeros(len(self.sizes), np.float64)

    def hear(
        self, rows: NDArray[np.int64], places: NDArray[np.int64], scores: NDArray[np.float64]
    ) -> None:
        """What a part has near to some of them, each row once."""
        better = (scores > self.scores[rows]) | (
            (scores == self.scores[rows]) & ((places < self.places[rows]) | (self.places[rows] < 0))
        )
        self.places[rows[better]] = places[better]
        self.scores[rows[better]] = scores[better]


class Parted:
    """What an index is, with its older texts in parts."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._block: Block | None = None
        self._sealed = 0
        self.parts: list[Part] = []
        self.rule = index.rule
        self._seconds = 0.0
        """What the block has cost so far."""
        self.price = 0.0
        """Seconds that looking up a text among the last ones took in the block before."""

    def __len__(self) -> int:
        return self._sealed + len(self._index)

    def block(self, texts: Sequence[str]) -> Block:
        """Texts to ask the parts about before they are judged."""
        different = list(dict.fromkeys(texts))
        encoded = self._index.encode(different)
        rows = {text: row for row, text in enumerate(different)}
        return Block(texts=encoded, row_of=rows, sizes=np.diff(encoded.ends, prepend=0))

    def asked(self, part: Part, sizes: NDArray[np.int64]) -> slice:
        """Which of some texts, sorted by their words, could be near to any of a part."""
        reach = self._index.reach
        low = max(part.low * reach - _SLACK, 1)
        ends = np.searchsorted(sizes, [low, part.high / reach + _SLACK])
        return slice(int(ends[0]), int(ends[1]))

    def expect(self, block: Block) -> None:
        """From now on texts are those of this block, about which all parts were asked."""
        self._block = block
        self._seconds = 0.0

    def offer_all(self, texts: Sequence[str], *, hold: bool = False) -> list[Neighbour | None]:
        """Add each text unless one is near, with ``hold`` in any case; what stands in its way."""
        return self._judged(texts, adds=2 if hold else 1)

    def nearest_all(self, texts: Sequence[str]) -> list[Neighbour | None]:
        """For each text the most similar one that is near, the earliest of equals; or None."""
        return self._judged(texts, adds=0)

    def add_all(self, texts: Sequence[str]) -> None:
        """Add the texts without asking."""
        adds = np.full(len(texts), 2, np.uint8)
        self._index.take(self._index.encode(texts), adds=adds, look=False)

    def _judged(self, texts: Sequence[str], *, adds: int) -> list[Neighbour | None]:
        assert self._block is not None, "no block is expected"
        block = self._block
        rows = np.array([block.row_of[text] for text in texts], np.int64)
        elsewhere, far = block.places[rows], block.scores[rows]
        # What is near to a text of a part is not added, but where all are.
        flags = np.where((elsewhere < 0) | (adds == 2), adds, 0).astype(np.uint8)
        begin = time.perf_counter()
        here, near = self._index.take(gathered(block.texts, rows), adds=flags)
        self._seconds += time.perf_counter() - begin
        found: list[Neighbour | None] = []
        for place, old, local, new in zip(
            elsewhere.tolist(), far.tolist(), here.tolist(), near.tolist(), strict=True
        ):
            if place >= 0 and (local < 0 or old >= new):
                found.append(Neighbour(old, place))
            else:
                found.append(Neighbour(new, local + self._sealed) if local >= 0 else None)
        return found

    @property
    def soon(self) -> bool:
        """Whether parts will be made before long."""
        return len(self._index) >= _LEAST and self.price >= _DEAR / 2

    def seal(self) -> list[Part]:
        """At the end of a block make parts of the last texts, where looking them up is dear.

        Blocks that were made before must hear of them before they are judged.
        """
        count = len(self._index)
        if self._block is not None and len(self._block.sizes):
            self.price = self._seconds / len(self._block.sizes)
        if count < _LEAST or (self.price < _DEAR and count < _MOST):
            return []
        texts = self._index.held()
        order = np.argsort(np.diff(texts.ends, prepend=0), kind="stable")
        # In the order of the pool within each, so that the first of equals is the earliest.
        cut = [np.sort(rows) for rows in np.array_split(order, -(-count // _SIZE))]
        made = [self._part(gathered(texts, rows), rows + self._sealed) for rows in cut]
        self._sealed += count
        self._index.clear()
        self.parts += made
        return made

    def _part(self, texts: Encoded, places: NDArray[np.int64]) -> Part:
        sizes = np.diff(texts.ends, prepend=0)
        # By content: whoever was asked the same by another run may have it at hand.
        content = hashlib.blake2b(canonical(self.rule).encode(), digest_size=16)
        content.update(texts.ids.tobytes())
        content.update(texts.ends.tobytes())
        low, high = int(sizes.min()), int(sizes.max())
        return Part(content.hexdigest(), texts, places, low, high)


class PartIndex:
    """The texts of a part, to be asked."""

    def __init__(self, rule: Mapping[str, Any], texts: Encoded) -> None:
        self._index = _made(rule)
        self._count = len(texts.ends)
        often = np.bincount(texts.ids)
        words = np.flatnonzero(often)
        # Higher numbers are rarer ones; of words that are as rare the one first met later.
        order = words[np.argsort(-often[words], kind="stable")]
        self._numbers = np.full(len(often), -1, np.int32)
        self._numbers[order] = np.arange(len(order), dtype=np.int32)
        self._words = len(order)
        here = Encoded(self._numbers[texts.ids], texts.ends)
        self._index.take(here, adds=np.full(self._count, 2, np.uint8), look=False)

    def __len__(self) -> int:
        return self._count

    def nearest(self, texts: Encoded) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of each text the nearest of the part, the first of equals, or -1; and the scores."""
        ids, ends = texts
        sizes = np.diff(ends, prepend=0)
        here = np.full(len(ids), -1, np.int32)
        known = ids < len(self._numbers)
        here[known] = self._numbers[ids[known]]
        # Words that the part lacks are rarer than all, and each of a text another one.
        places = np.arange(len(ids)) - np.repeat(ends - sizes, sizes)
        here = np.where(here < 0, self._words + places, here).astype(np.int32)
        return self._index.take(Encoded(here, ends), adds=np.zeros(len(ends), np.uint8))


def _made(rule: Mapping[str, Any]) -> Index:
    if rule["measure"] == "jaccard":
        return JaccardIndex(rule["threshold"])
    return NoveltyIndex(rule["threshold"], keep_equal=rule["keep_equal"])


def gathered(texts: Encoded, rows: NDArray[np.int64]) -> Encoded:
    """Some of the texts, in the order of the rows."""
    sizes = np.diff(texts.ends, prepend=0)
    chosen = sizes[rows]
    ends = np.cumsum(chosen)
    # Where each word is: the start of its text, and how far in it stands.
    starts = (texts.ends - sizes)[rows]
    places = np.repeat(starts - (ends - chosen), chosen) + np.arange(int(chosen.sum()))
    return Encoded(texts.ids[places], ends)
