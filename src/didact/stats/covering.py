"""A few of many vectors that stand for all of them: facility location and k-centre.

Facility location takes, one after another, what raises the sum over all items of the similarity to
the nearest taken one the most; greedy is within 1 - 1/e of the best set (Nemhauser et al. 1978),
and lazy evaluation (Minoux 1978) takes the same items with far fewer sums. Superfiltering (Li et
al. 2024, arXiv 2402.00530) chooses so. K-centre (Gonzalez 1985) takes what is farthest from all
taken so far, and is within twice of the smallest largest distance: it favours outliers, which
facility location does not.

The similarity is the cosine, 0 where it is negative; of equal items the first is taken.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

__all__ = ["facility_location", "k_centre"]

Vectors = NDArray[np.float32]
_BLOCK = 512


def facility_location(units: Vectors, count: int) -> list[int]:
    """The places of ``count`` vectors of length 1 that cover all, in the order they are taken."""
    nearest = np.zeros(len(units), np.float64)
    gains = _sums(units)
    # Gains only fall: a stale one that is still the largest after renewal is the largest of all.
    heap = [(-gain, place) for place, gain in enumerate(gains.tolist())]
    heapq.heapify(heap)
    taken: list[int] = []
    while heap and len(taken) < count:
        _, place = heapq.heappop(heap)
        similar = np.maximum(units @ units[place], 0).astype(np.float64)
        gain = float(np.maximum(similar - nearest, 0).sum())
        if heap and (-gain, place) > heap[0]:
            heapq.heappush(heap, (-gain, place))
            continue
        taken.append(place)
        nearest = np.maximum(nearest, similar)
    return taken


def k_centre(units: Vectors, count: int) -> list[int]:
    """The places of ``count`` vectors of length 1, each the farthest from those taken before."""
    if not len(units) or count < 1:
        return []
    taken = [int(np.argmax(_sums(units)))]
    nearest = units @ units[taken[0]]
    while len(taken) < min(count, len(units)):
        nearest[taken[-1]] = np.inf  # never again, also where all are equal
        place = int(np.argmin(nearest))
        taken.append(place)
        nearest = np.maximum(nearest, units @ units[place])
    return taken


def _sums(units: Vectors) -> NDArray[np.float64]:
    """For each vector the sum of its similarities to all."""
    sums = np.zeros(len(units), np.float64)
    for start in range(0, len(units), _BLOCK):
        block = np.maximum(units[start : start + _BLOCK] @ units.T, 0)
        sums[start : start + _BLOCK] = block.sum(axis=1, dtype=np.float64)
    return sums
