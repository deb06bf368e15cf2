"""Texts as a map: vectors of weighted words, a few groups, two coordinates, and what is covered.

Words and pairs of words are hashed and weighted by how rare they are (tf-idf; Sparck Jones 1972),
so no model is needed and any language works. Groups are k-means (Lloyd 1982) started far apart
(k-means++, Arthur and Vassilvitskii 2007, with a fixed seed); the two coordinates are the ranks on
the first principal components. A map of hashed words is a rough one: it shows what is
said, not what is meant. Cost: no calls; seconds for 5,000 texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didact.text.cosine_index import unit_vectors
from didact.text.neighbours import hashed_words

__all__ = ["Topics", "Vectors", "coverage", "topics", "weighted_words"]

Vectors = NDArray[np.float32]
_ROUNDS = 40
_SIZE = 512


class Topics(NamedTuple):
    """Where every text is."""

    group: list[int]
    """The number of its group, the largest group first."""
    places: list[tuple[float, float]]
    """Two coordinates between 0 and 1."""


def weighted_words(texts: Sequence[str]) -> Vectors:
    """One vector of length 1 for each text."""
    counts = hashed_words(texts, size=_SIZE)
    common = (counts != 0).sum(axis=0)
    weights = np.log((1 + len(texts)) / (1 + common)).astype(np.float32)
    return unit_vectors(np.sign(counts) * np.log1p(np.abs(counts)) * weights)


def topics(units: Vectors, count: int, *, seed: int = 0) -> Topics:
    """Up to ``count`` groups of vectors of length 1, and a place for each vector."""
    if not len(units):
        return Topics([], [])
    centres = _started(units, min(count, len(units)), np.random.default_rng(seed))
    owner = np.zeros(len(units), np.int64)
    for _ in range(_ROUNDS):
        new = np.argmax(units @ centres.T, axis=1)
        if (new == owner).all() and _:
            break
        owner = new
        for number in range(len(centres)):
            mine = units[owner == number]
            if len(mine):
                centres[number] = unit_vectors(mine.sum(axis=0))[0]
    order = np.argsort(-np.bincount(owner, minlength=len(centres)), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return Topics([int(rank[number]) for number in owner], _places(units))


def coverage(units: Vectors, targets: Vectors, sizes: Sequence[int]) -> list[float]:
    """How well the first n vectors cover the targets: the mean cosine of each to its nearest."""
    found: list[float] = []
    nearest = np.zeros(len(targets), np.float64)
    done = 0
    for size in sizes:
        if size > done:
            near = (targets @ units[done:size].T).max(axis=1)
            nearest = np.maximum(nearest, near.astype(np.float64))
            done = size
        found.append(float(nearest.mean()))
    return found


def _started(units: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    taken = [int(rng.integers(len(units)))]
    nearest = units @ units[taken[0]]
    while len(taken) < count:
        chance = np.maximum(1.0 - nearest.astype(np.float64), 0.0)
        total = float(chance.sum())
        if total <= 0:
            break
        taken.append(int(rng.choice(len(units), p=chance / total)))
        nearest = np.maximum(nearest, units @ units[taken[-1]])
    return units[taken].copy()


def _places(units: Vectors) -> list[tuple[float, float]]:
    centred = units - units.mean(axis=0)
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = vectors[:, -2:][:, ::-1]
    # A component has no sign of its own: the largest part is made positive.
    axes = axes * np.sign(axes[np.argmax(np.abs(axes), axis=0), [0, 1]])
    # By rank: a few texts far from all others would push everything else into one corner.
    ranks = np.argsort(np.argsort(centred @ axes, axis=0, kind="stable"), axis=0)
    placed = ranks / max(len(units) - 1, 1)
    return [(float(x), float(y)) for x, y in placed]
