"""Keep no more of any one kind than of the others.

Reason: a judged selection shifts the mixture. AlpaGasus kept few coding items, and its model was
weak there: category balance belongs after every filter. Examples are grouped by a key of ``meta``;
from a group that is too large a sample is drawn by content, the same in whatever order they come.

Cost: no call of a model; 80 bytes of memory an example.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from didact.errors import ConfigError
from didact.records import Example, Verdict, canonical
from didact.stats.portions import drawn

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
        names: dict[str, int] = {}
        of = array("q")

        def ids() -> Iterator[str]:
            for example in examples:
                value = example.meta.get(self.by)
                name = value if isinstance(value, str) else canonical(value)
                of.append(names.setdefault(name, len(names)))
                yield example.id

        order = drawn(ids(), seed=self.seed)
        kinds = np.frombuffer(of, np.int64)
        sizes = np.bincount(kinds, minlength=len(names))
        most = self.most or int(min(sizes, default=0))
        # Kind after kind, each in the order of the lots: the first of each are kept.
        grouped = order[np.argsort(kinds[order], kind="stable")]
        starts = np.cumsum(sizes) - sizes
        ranks = np.arange(len(grouped)) - starts[kinds[grouped]]
        kept = np.zeros(len(grouped), np.bool_)
        kept[grouped[ranks < most]] = True
        told = list(names)
        for keep, kind in zip(kept.tobytes(), of, strict=True):
            if keep:
                yield Verdict(keep=True)
            else:
                evidence = {self.by: told[kind][:200], "most": most, "of": int(sizes[kind])}
                yield Verdict(keep=False, reason="enough of its kind", evidence=evidence)
