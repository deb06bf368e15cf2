"""An exact, growing index that finds the text that shares most of its words with a given one.

The measure is Jaccard's: the different words (or runs of words) that two texts have in common, over
those that either has. A text is near where it is at least the threshold. Decisions are exact; most
pairs are settled without being compared, as in joins of similar sets (Bayardo et al., "Scaling Up
All Pairs Similarity Search", 2007; Xiao et al., "Efficient Similarity Joins for Near Duplicate
Detection", 2008):

* J >= t bounds the size of the other, from t to 1/t times one's own: texts are listed by size;
* two near texts share one of the rarest m - tm + 1 words of each, so each is listed under those
  only (prefix filtering);
* 64 bits that hold the parity of hashed words bound the words two texts do not share, before any
  word is looked at; what is left is counted, until it cannot be near any more.

Words are numbered as they first appear, and a later one is taken to be rarer. Adding a text appends
to lists; nothing is ever rebuilt. MinHash, the usual way, compares what falls into the same bands:
it misses some pairs, and for texts of some tens of words it is not faster.

Cost: no call of a model. The first search of a process loads the compiled code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from itertools import accumulate, chain
from math import log
from types import ModuleType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from didact.text.novelty_index import Neighbour
from didact.text.words import all_words

__all__ = ["JaccardIndex", "shingles"]

Scalar = TypeVar("Scalar", bound=np.generic)

_CLASSES = 24
_SIZES = np.array(
    [min(int(log(max(size, 1), 1.25)), _CLASSES - 1) for size in range(256)], np.int32
)
"""The class of each size: a quarter apart, the last for all texts of more than 169 words."""

_LAST_QUERY = 2**31 - 2
"""Queries are numbered in 32 bits."""


def shingles(words: Sequence[str], size: int) -> Sequence[Hashable]:
    """Every run of ``size`` words; of a shorter text all of it, as one."""
    if size == 1 or not words:
        return words
    if len(words) <= size:
        return [tuple(words)]
    return list(zip(*(words[start:] for start in range(size)), strict=False))


class JaccardIndex:
    """Texts kept so far, and the question which of them the next one is nearest to.

    ``words`` is the tokeniser; ``shingle`` compares runs of so many words instead of words.
    """

    def __init__(
        self,
        threshold: float = 0.7,
        *,
        words: Callable[[str], Sequence[str]] = all_words,
        shingle: int = 1,
    ) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"the threshold must be above 0 and at most 1, not {threshold}")
        if shingle < 1:
            raise ValueError(f"a run has at least one word, not {shingle}")
        self._threshold = float(threshold)
        self._words = words
        self._shingle = shingle
        self._vocabulary: defaultdict[Hashable, int] = defaultdict()
        self._vocabulary.default_factory = self._vocabulary.__len__
        self._state = np.zeros(4 + 32, np.int64)
        self._tokens = np.zeros(1024, np.int32)
        self._texts = np.zeros((64, 3), np.int64)
        self._lists = np.zeros((256, _CLASSES, 2), np.int32)
        self._seen = np.zeros(256, np.int32)
        self._marks = np.zeros(1024, np.uint64)
        self._places = np.zeros(1024, np.int64)

    def __len__(self) -> int:
        return int(self._state[0])

    def nearest_all(self, texts: Sequence[str]) -> list[Neighbour | None]:
        """For each text the most similar one that is near, the earliest of equals; or None."""
        return self._sweep(texts, look=True, add=0)

    def add_all(self, texts: Sequence[str]) -> None:
        """Add the texts without asking."""
        self._sweep(texts, look=False, add=2)

    def offer_all(self, texts: Sequence[str], *, hold: bool = False) -> list[Neighbour | None]:
        """Add each text, one after another, unless one is near; what stands in its way.

        With ``hold``, those that one is near to are added too.
        """
        return self._sweep(texts, look=True, add=2 if hold else 1)

    def _sweep(self, texts: Sequence[str], *, look: bool, add: int) -> list[Neighbour | None]:
        sweep = _kernels().sweep
        ids, ends = self._encode(texts)
        if add:
            self._tokens = _room(self._tokens, int(self._state[1]) + len(ids))
            self._texts = _room(self._texts, len(self) + len(ends) + 1)
        found, scores = np.empty(len(ends), np.int64), np.empty(len(ends), np.float64)
        done = 0
        while True:
            held = (
                self._state, self._tokens, self._texts, _SIZES, self._lists,
                self._marks, self._places, self._seen,
            )  # fmt: skip
            done = sweep(look, add, self._threshold, ids, ends, found, scores, held, done)
            if done == len(ends):
                break
            self._marks = _room(self._marks, len(self._marks) + 1)
            self._places = _room(self._places, len(self._marks))
        pairs = zip(scores.tolist(), found.tolist(), strict=True)
        return [Neighbour(score, at) if at >= 0 else None for score, at in pairs]

    def _encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Token ids of all texts end to end, and where each text ends."""
        split = [shingles(self._words(text), self._shingle) for text in texts]
        sizes = [len(words) for words in split]
        ends = np.array(list(accumulate(sizes)), np.int64)
        numbers = map(self._vocabulary.__getitem__, chain.from_iterable(split))
        ids = np.fromiter(numbers, np.int32, sum(sizes))
        self._lists = _room(self._lists, len(self._vocabulary))
        self._seen = _room(self._seen, len(self._vocabulary))
        # A text that waits for room is asked twice.
        if int(self._state[3]) + 2 * len(texts) > _LAST_QUERY:
            self._state[3] = 0
            self._seen[:] = 0
            self._texts[:, 1] = 0
        return ids, ends


@cache
def _kernels() -> ModuleType:
    from didact.text import jaccard_kernels  # brings in numba

    return jaccard_kernels


def _room(array: NDArray[Scalar], needed: int) -> NDArray[Scalar]:
    """The array itself, or, where it is shorter, a copy at least twice as long."""
    if len(array) >= needed:
        return array
    grown = np.zeros((max(needed, 2 * len(array)), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
