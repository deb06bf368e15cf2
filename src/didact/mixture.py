"""The entries of ``generate`` become one set of examples: each content once, in the shares asked.

What an entry makes goes into its pool. An entry with a ``cap`` keeps so many of them: a recipe that
asks models is stopped at the cap, for every example more would cost calls; all others are read to
the end and sampled by content, so that the start of a sorted file is not all that is seen. When
every pool is full, `didact.stats.mixing` says how many of each are taken. Sampling depends on the
run's seed and on each example's own id, so another entry beside it changes nothing; but a content
that stands in two entries is the first one's.

Cost: no calls. Memory: nothing where all is taken; what a cap keeps, to the end of its entry; with
a weight or share anywhere, every example, to the end of the last entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from didact.config import Generation
from didact.digests import Digests
from didact.errors import ConfigError
from didact.records import JSON, Example
from didact.stats.mixing import Portion, Sample, allot

__all__ = ["DUPLICATE", "OVER_CAP", "OVER_SHARE", "Pools", "asks"]

DUPLICATE, OVER_CAP, OVER_SHARE = "exact duplicate", "over the cap", "over its part of the mixture"


def asks(component: object) -> bool:
    """Whether a component asks models: a recipe does, unless it says that it makes no calls."""
    return hasattr(component, "run") and getattr(component, "calls_per_example", "") != "none"


class Pools:
    """What every entry has made so far, and what of it is taken in the end."""

    def __init__(self, entries: Sequence[Generation], *, seed: int) -> None:
        self._entries = entries
        self._seed = seed
        self._mixed = any(entry.weight is not None or entry.share is not None for entry in entries)
        self._seen = Digests()
        self._made = [0] * len(entries)
        self._unique = [0] * len(entries)
        self._counts = [0] * len(entries)
        self._samples = {
            number: Sample[Example](entry.cap, seed=seed)
            for number, entry in enumerate(entries)
            if entry.cap is not None and not asks(entry.use)
        }
        self._pools: list[list[Example]] = [[] for _ in entries]
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
        if number in self._samples:
            self._samples[number].offer(example, example.id)
            if self._unique[number] > (self._entries[number].cap or 0):
                self.dropped[OVER_CAP] += 1
            return False
        if self._mixed:
            self._pools[number].append(example)
            return False
        self._counts[number] += 1
        return True

    def full(self, number: int) -> bool:
        """Whether entry ``number`` need make no more."""
        entry = self._entries[number]
        return asks(entry.use) and entry.cap is not None and self._unique[number] >= entry.cap

    def end(self, number: int) -> list[Example]:
        """What is settled now that entry ``number`` has made all it makes, in order."""
        if number in self._samples:
            self._pools[number] = self._samples.pop(number).items()
        if not self._mixed:
            found, self._pools[number] = self._pools[number], []
            self._counts[number] += len(found)
            return found
        return self._taken() if number == len(self._entries) - 1 else []

    def _taken(self) -> list[Example]:
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
        found: list[Example] = []
        for pool, count in zip(self._pools, self._counts, strict=True):
            sample = Sample[Example](count, seed=self._seed)
            for example in pool:
                sample.offer(example, example.id)
            found += sample.items()
        return found

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
