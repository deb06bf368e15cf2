"""Which texts say nearly the same: exact distances of vectors, and Magpie's three columns.

Magpie (Xu et al. 2024, arXiv 2406.08464) embeds every instruction and looks up its nearest ones.
Distances are of unit vectors and squared, as FAISS gives them: at 0.05 the cosine is 0.975.
Published rows carry the distance of the nearest other row, how many others are nearer than the
threshold, and a representative: none without such a neighbour, the row itself where it is the
first, else the first of its neighbours. Groups are not closed: a row may be represented by one that
is represented by another, and then both are dropped. `first_of_each` is the corrected rule: a row
is dropped only for one that is kept.

Cost: no calls; time grows with the square of the rows, some seconds for 10,000.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didact.text.words import all_words

__all__ = ["Near", "first_of_each", "hashed_words", "near"]

_BLOCK = 256


class Near(NamedTuple):
    """What is near to one row."""

    distance: float | None
    """Squared, of the nearest other row; None where there is no other."""
    others: tuple[int, ...]
    """Rows nearer than the threshold, in their order, and not itself."""
    row: int

    @property
    def representative(self) -> int | None:
        """The published rule; None without neighbours."""
        return min(self.row, self.others[0]) if self.others else None


def near(vectors: NDArray[np.float32], *, below: float, most: int = 500) -> list[Near]:
    """For every row, those whose squared distance is below a threshold; lengths do not matter.

    ``most`` are looked at, itself among them, as published: the nearest, earlier rows first. Whole
    numbers give the same distances on every machine: their products are exact.
    """
    found: list[Near] = []
    count = len(vectors)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors).astype(np.float64))
    lengths[lengths == 0] = 1.0
    for start in range(0, count, _BLOCK):
        block = vectors[start : start + _BLOCK]
        cosines = (block @ vectors.T).astype(np.float64)
        cosines /= lengths[start : start + _BLOCK, None] * lengths
        distances = np.maximum(2.0 - 2.0 * cosines, 0.0)
        for place, row in enumerate(distances):
            number = start + place
            row[number] = np.inf
            close = np.flatnonzero(row < below)
            if len(close) >= most:
                close = np.sort(close[np.argsort(row[close], kind="stable")[: most - 1]])
            distance = round(float(row.min()), 6) if count > 1 else None
            found.append(Near(distance, tuple(int(other) for other in close), number))
    return found


def first_of_each(rows: Sequence[Near], candidates: Iterable[int]) -> set[int]:
    """Of the candidates, in their order, those that are near to none that was kept before."""
    kept: set[int] = set()
    for number in candidates:
        if kept.isdisjoint(rows[number].others):
            kept.add(number)
    return kept


def hashed_words(texts: Sequence[str], *, size: int = 1024) -> NDArray[np.float32]:
    """Vectors of the words and pairs of words of each text, hashed; no model is needed.

    A text without words is hashed as it is, so that two of them are near only where they are alike.
    """
    vectors = np.zeros((len(texts), size), dtype=np.float32)
    for number, text in enumerate(texts):
        words = all_words(text) or [text]
        for feature in (*words, *map(" ".join, pairwise(words))):
            code = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
            # The sign makes what falls together by chance cancel out on average.
            vectors[number, (code >> 1) % size] += 1.0 if code & 1 else -1.0
    return vectors
