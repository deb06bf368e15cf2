"""The entries of ``generate`` become one set of examples: each content once, in the shares asked.

What an entry makes goes into its pool. An entry with a ``cap`` keeps so many of them: a recipe that
asks models is stopped at the cap, for every example more would cost calls; all others are read to
the end and sampled by content, so that the start of a sorted file is not all that is seen. When
every pool is full, `didact.stats.mixing` says how many of each are taken. Sampling depends on the
run's seed and on each example's own id, so another entry beside it changes nothing; but a content
that stands in two entries is the first one's.

Cost: no calls. Memory: some 27 bytes for every content, so that none comes twice, and 16 more for
one that may still be drawn: such examples wait on the disk beyond some thousands, with a cap to the
end of their entry, with a weight or share anywhere to the end of the last entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from didact.config import Generation
from didact.digests import Digests
from didact.errors import ConfigError
from didact.records import JSON, Example
from didact.spool import Spool
from didact.stats.mixing import Portion, allot, rank
from didact.tables import Waiting

__all__ = ["DUPLICATE", "OVER_CAP", "OVER_SHARE", "Pools", "asks"]

_FEW = 4096
"""Examples beyond twice the cap after which it is looked at who can still be drawn."""

DUPLICATE, OVER_CAP, OVER_SHARE = "exact duplicate", "over the cap", "over its part of the mixture"


def asks(component: object) -> bool:
    """Whether a component asks models: a recipe does, unless it says that it makes no calls."""
    return hasattr(component, "run") and getattr(component, "calls_per_example", "") != "none"


class Pools:
    """What every entry has made so far, and what of it is taken in the end."""

    def __init__(self, entries: Sequence[Generation], *, seed: int, folder: Path) -> None:
        self._entries = entries
        self._mixed = any(entry.weight is not None or entry.share is not None for entry in entries)
        self._seen = Digests()
        self._made = [0] * len(entries)
        self._unique = [0] * len(entries)
        self._counts = [0] * len(entries)
        self._pools = [
            _Pool(folder / str(number), seed=seed, most=None if asks(entry.use) else entry.cap)
            for number, entry in enumerate(entries)
        ]
        self._limited_by: int | None = None
        self.dropped: Counter[str] = Counter()
        """How many are not taken, by reason."""

    @property
    def kept(self) -> int:
        """Examples that are taken; before the end of the last entry, those that still may be."""
        return len(self._seen) - self.dropped[OVER_CAP] - self.dropped[OVER_SHARE]

    def offer(self, number: int, example: Example) -> bool:
        """An example that entry ``number`` made; True where it is taken whatever comes after."""
        self._made[number] += 1
        before = len(self._seen)
        if self._seen.add(bytes.fromhex(example.id)) < before:
            self.dropped[DUPLICATE] += 1
            return False
        self._unique[number] += 1
        if (most := self._pools[number].most) is not None:
            self._pools[number].add(example)
            if self._unique[number] > most:
                self.dropped[OVER_CAP] += 1
            return False
        if self._mixed:
            self._pools[number].add(example)
            return False
        self._counts[number] += 1
        return True

    def full(self, number: int) -> bool:
        """Whether entry ``number`` need make no more."""
        entry = self._entries[number]
        return asks(entry.use) and entry.cap is not None and self._unique[number] >= entry.cap

    def end(self, number: int) -> Iterator[Example]:
        """What is settled now that entry ``number`` has made all it makes, in order."""
        pool = self._pools[number]
        if not self._mixed:
            self._counts[number] += len(pool)
            return pool.drawn(len(pool))
        return self._taken() if number == len(self._entries) - 1 else iter(())

    def _taken(self) -> Iterator[Example]:
        portions = [
            Portion(len(pool), weight=entry.weight, share=entry.share)
            for pool, entry in zip(self._pools, self._entries, strict=True)
        ]
        try:
            allotment = allot(portions)
        except ValueError as error:
            raise ConfigError(f"generate: {error}") from error
        self._counts, self._limited_by = list(allotment.counts), allotment.limited_by
        if over := sum(map(len, self._pools)) - sum(self._counts):
            self.dropped[OVER_SHARE] = over
        return (
            example
            for pool, count in zip(self._pools, self._counts, strict=True)
            for example in pool.drawn(count)
        )

    def to_json(self, parts: Sequence[str]) -> dict[str, JSON]:
        """What came from where, for ``stage.json``."""
        whole = sum(self._counts)
        entries: list[JSON] = [
            {
                "use": part,
                "made": made,
                "examples": count,
                "fraction": round(count / whole, 6) if whole else 0.0,
                "cap": entry.cap,
                "weight": entry.weight,
                "share": entry.share,
            }
            for part, made, count, entry in zip(
                parts, self._made, self._counts, self._entries, strict=True
            )
        ]
        limit = None if self._limited_by is None else parts[self._limited_by]
        return {"entries": entries, "limited_by": limit}


class _Pool:
    """Examples of which some are drawn by lot: their lots at hand, they themselves in a line."""

    def __init__(self, folder: Path, *, seed: int, most: int | None) -> None:
        self.most = most
        """How many are drawn at most."""
        self._seed = seed
        self._line = Spool(folder)
        self._lots = bytearray()
        self._limit: bytes | None = None
        """A lot above this is not drawn any more."""
        self._settle = None if most is None else 2 * most + _FEW

    def add(self, example: Example) -> None:
        """One more; it is let go at once where it can no more be drawn."""
        lot = rank(self._seed, example.id)
        if self._limit is not None and lot > self._limit:
            return
        self._lots += lot
        self._line.add(Waiting(example.id, example))
        if self._settle is not None and len(self._line) == self._settle:
            self._settle += len(self) + _FEW
            last = 16 * int(self._order()[len(self) - 1])
            self._limit = bytes(self._lots[last : last + 16])

    def __len__(self) -> int:
        return len(self._line) if self.most is None else min(len(self._line), self.most)

    def drawn(self, count: int) -> Iterator[Example]:
        """The ``count`` with the lowest lots, in the order in which they came; once."""
        taken = np.zeros(len(self._line), np.bool_)
        taken[self._order()[:count]] = True
        for take, row in zip(taken.tobytes(), self._line.taken(), strict=True):
            if take:
                yield row.example

    def _order(self) -> NDArray[np.int64]:
        halves = np.frombuffer(self._lots, dtype=">u8").reshape(-1, 2)
        return np.lexsort((halves[:, 1], halves[:, 0]))
