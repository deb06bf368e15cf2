"""How much of each part a mixture takes, and which items: arithmetic, no randomness of its own.

Three rules, which may stand side by side. A part with neither weight nor share is taken whole.
Parts with a ``weight`` are mixed in the proportion of their weights. A part with a ``share`` is
that share of the whole. Proportions are kept exactly, so the part that runs dry first sets how much
there is; nothing is repeated to fill up, as the public mixtures do (Wei et al. 2021, arXiv
2109.01652; Longpre et al. 2023, arXiv 2301.13688).

Which items of a part are taken depends on the seed and the id of each item alone: to take more of a
part keeps those taken before, and another part beside it changes nothing.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

__all__ = [
    "Allotment",
    "Portion",
    "Sample",
    "allot",
    "apportion",
    "probabilities",
    "proportional_rates",
    "rank",
]

Item = TypeVar("Item")
_ALMOST_ONE = 1 - 1e-9


class Portion(NamedTuple):
    """One part of a mixture."""

    available: int
    """Items that there are."""
    weight: float | None = None
    """How much beside the other parts with a weight; above 0."""
    share: float | None = None
    """How much of the whole; above 0 and at most 1."""


class Allotment(NamedTuple):
    """What a mixture takes."""

    counts: tuple[int, ...]
    """Items of each part."""
    limited_by: int | None
    """The part that was taken whole while others were cut to keep the proportion; None where no
    part was cut."""


def allot(portions: Sequence[Portion]) -> Allotment:
    """How many items of each part; a part with none is left out of the proportion.

    ValueError where the shares leave no room for the rest, or no rest is there to fill the room.
    """
    shares = {n: p.share for n, p in enumerate(portions) if p.share is not None and p.available}
    weights = {n: p.weight for n, p in enumerate(portions) if p.weight is not None and p.available}
    plain = {n for n, p in enumerate(portions) if p.share is None and p.weight is None}
    asked = math.fsum(p.share for p in portions if p.share is not None)
    rest = any(p.share is None for p in portions)
    if asked > 2 - _ALMOST_ONE:
        raise ValueError(f"the shares add up to {asked:g}, which is more than 1")
    if asked > _ALMOST_ONE and rest:
        raise ValueError("the shares add up to 1 and leave nothing for the other entries")
    if shares and asked < _ALMOST_ONE and not rest:
        raise ValueError(f"the shares add up to {asked:g}, and no entry makes up the rest")
    wanted = [float(p.available) if n in plain else 0.0 for n, p in enumerate(portions)]
    limits: list[int] = []
    if weights:
        tight = min(weights, key=lambda n: portions[n].available / weights[n])
        unit = portions[tight].available / weights[tight]
        for n, weight in weights.items():
            wanted[n] = unit * weight
        limits.append(tight)
    if shares:
        others = math.fsum(wanted)
        given = math.fsum(shares.values())
        tight = min(shares, key=lambda n: portions[n].available / shares[n])
        most = portions[tight].available / shares[tight]
        # Where every other part is empty, those with a share are mixed among themselves.
        total = min(most, others / (1 - given)) if others else most
        if others and total == most:
            wanted = [count * most * (1 - given) / others for count in wanted]
            limits = [tight]
        elif not others:
            limits = [tight]
        for n, share in shares.items():
            wanted[n] = share * total
    counts = apportion(math.floor(math.fsum(wanted) + 0.5), wanted)
    counts = [min(count, p.available) for count, p in zip(counts, portions, strict=True)]
    cut = any(count < p.available for count, p in zip(counts, portions, strict=True))
    return Allotment(tuple(counts), limits[-1] if cut and limits else None)


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """A whole number in parts proportional to the weights, by largest remainder."""
    whole = math.fsum(weights)
    if not whole:
        return [0] * len(weights)
    exact = [total * weight / whole for weight in weights]
    # A hair above: 0.3 * 10 must not be 2.
    counts = [math.floor(value + 1e-9) for value in exact]
    order = sorted(range(len(exact)), key=lambda n: (counts[n] - exact[n], n))
    for n in order[: max(0, total - sum(counts))]:
        counts[n] += 1
    return counts


def proportional_rates(sizes: Iterable[int], most: int) -> list[int]:
    """Examples-proportional rates with a maximum: ``min(size, most)`` of each (FLAN: 3,000)."""
    return [min(size, most) for size in sizes]


def probabilities(rates: Sequence[float]) -> list[float]:
    """The rates over their sum."""
    whole = math.fsum(rates)
    return [rate / whole if whole else 0.0 for rate in rates]


def rank(seed: int, item_id: str) -> bytes:
    """The place of an item in the order in which its part is taken, whatever is beside it."""
    return hashlib.blake2b(f"{seed}/{item_id}".encode(), digest_size=16).digest()


class Sample(Generic[Item]):
    """The first ``size`` items by rank of those offered; keeps no more than that in memory."""

    def __init__(self, size: int, *, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._offered = 0
        self._heap: list[tuple[int, int, Item]] = []

    def offer(self, item: Item, item_id: str) -> None:
        """One more item."""
        place = int.from_bytes(rank(self._seed, item_id))
        entry = (-place, self._offered, item)
        self._offered += 1
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        elif self._size:
            heapq.heappushpop(self._heap, entry)

    def items(self) -> list[Item]:
        """Those taken, in the order in which they were offered."""
        return [item for _, _, item in sorted(self._heap, key=lambda entry: entry[1])]
