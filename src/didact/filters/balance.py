"""Keep no more of any one kind than of the others.

Reason: a judged selection shifts the mixture. AlpaGasus kept few coding items, and its model was
weak there: category balance belongs after every filter. Examples are grouped by a key of ``meta``;
from a group that is too large a sample is drawn by content, the same in whatever order they come.

Cost: no call of a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from didact.errors import ConfigError
from didact.records import Example, Verdict, canonical
from didact.stats.portions import by_lot

__all__ = ["Balance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Keep the same number of every kind."""

    version: ClassVar[str] = "1"
    selects: ClassVar[bool] = True

    by: str
    """The key of `meta` that names the kind; examples without it are a kind too."""
    most: int | None = None
    """The most examples of a kind; none: as many as the smallest kind has."""
    seed: int = 0
    """Another number draws another sample."""

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise ConfigError(f"most must be at least 1, or none, not {self.most}")

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order; all are read before the first."""
        ids: list[str] = []
        kinds: list[str] = []
        for example in examples:
            value = example.meta.get(self.by)
            ids.append(example.id)
            kinds.append(value if isinstance(value, str) else canonical(value))
        places: dict[str, list[int]] = {}
        for place in by_lot(ids, seed=self.seed):
            places.setdefault(kinds[place], []).append(place)
        most = self.most or min(map(len, places.values()), default=0)
        kept = {place for found in places.values() for place in found[:most]}
        for place, kind in enumerate(kinds):
            if place in kept:
                yield Verdict(keep=True)
            else:
                evidence = {self.by: kind[:200], "most": most, "of": len(places[kind])}
                yield Verdict(keep=False, reason="enough of its kind", evidence=evidence)
