"""A growing index of long texts by MinHash: linear in their number, and it may miss a neighbour.

MinHash (Broder, "On the resemblance and containment of documents", 1997) in bands (Indyk and
Motwani 1998), by rensa: two texts meet where all the rows of one band are equal, which for a
similarity of J happens with likelihood 1 - (1 - J^rows)^bands. The bands are so many that at the
threshold itself this is at least 0.999; every pair that meets is then compared exactly, so that
nothing is called near that is not.

An optional dependency: ``pip install "didact[text]"``. Cost: no call of a model; about 0.1 ms for a
text of 500 words.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, cast

from didact.errors import ConfigError
from didact.text.novelty_index import Neighbour

__all__ = ["MinHashIndex", "bands_for", "likelihood_of_meeting"]

_HASHES = 128
_RECALL = 0.999
_SEED = 42


def likelihood_of_meeting(similarity: float, *, bands: int, hashes: int = _HASHES) -> float:
    """How likely two texts of this similarity are equal in one of the bands."""
    return 1 - (1 - similarity ** (hashes // bands)) ** bands


def bands_for(threshold: float, *, recall: float = _RECALL, hashes: int = _HASHES) -> int:
    """The fewest bands with which pairs at the threshold meet as often as ``recall``."""
    possible = [bands for bands in range(1, hashes + 1) if hashes % bands == 0]
    for bands in possible:
        if likelihood_of_meeting(threshold, bands=bands, hashes=hashes) >= recall:
            return bands
    return hashes


class MinHashIndex:
    """Sets kept so far, and the question which of them the next one is nearest to.

    ``set_of`` gives the set at a position again: they are not held twice.
    """

    def __init__(self, threshold: float, *, set_of: Callable[[int], frozenset[Hashable]]) -> None:
        self._threshold = threshold
        self._set_of = set_of
        self._rensa = _rensa()
        bands = bands_for(threshold)
        self._bands: Any = self._rensa.RMinHashLSH(
            threshold=threshold, num_perm=_HASHES, num_bands=bands
        )
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def nearest(self, found: frozenset[Hashable], mark: object) -> Neighbour | None:
        """The most similar set that is near and that it meets, the earliest of equals; or None."""
        best: Neighbour | None = None
        if not found:
            return None
        for position in sorted(self._bands.query(mark)):
            other = self._set_of(position)
            common = len(found & other)
            score = common / (len(found) + len(other) - common)
            if score >= self._threshold and (best is None or score > best.score):
                best = Neighbour(score, position)
        return best

    def add(self, mark: object) -> int:
        """Add a set by its mark; its position."""
        self._bands.insert(self._count, mark)
        self._count += 1
        return self._count - 1

    def mark(self, found: frozenset[Hashable]) -> object:
        """What stands for the set in the bands."""
        mark = self._rensa.RMinHash(num_perm=_HASHES, seed=_SEED)
        mark.update(list(map(_bytes, found)))
        return mark


def _bytes(token: Hashable) -> bytes:
    text = " ".join(cast("tuple[str, ...]", token)) if isinstance(token, tuple) else str(token)
    return text.encode("utf-8", "surrogatepass")


def _rensa() -> Any:  # noqa: ANN401  (the package has no types)
    try:
        import rensa  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
    except ImportError as error:
        raise ConfigError(
            'near duplicates of long texts need rensa: pip install "didact[text]", or compare them'
            " exactly, which is slower: near-duplicate with long: null"
        ) from error
    return rensa
