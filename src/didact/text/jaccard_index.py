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

from didact.records import JSON
from didact.text.novelty_index import Encoded, Neighbour
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
        self.clear()

    def clear(self) -> None:
        """Forget the texts; words keep their numbers."""
        words = max(len(self._vocabulary), 256)
        self._state = np.zeros(4 + 32, np.int64)
        self._tokens = np.zeros(1024, np.int32)
        self._texts = np.zeros((64, 3), np.int64)
        self._lists = np.zeros((words, _CLASSES, 2), np.int32)
        self._seen = np.zeros(words, np.int32)
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

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The texts as numbers of words, each of a text once; new words numbered."""
        split = [dict.fromkeys(shingles(self._words(text), self._shingle)) for text in texts]
        sizes = [len(words) for words in split]
        ends = np.array(list(accumulate(sizes)), np.int64)
        numbers = map(self._vocabulary.__getitem__, chain.from_iterable(split))
        return Encoded(np.fromiter(numbers, np.int32, sum(sizes)), ends)

    def take(
        self, encoded: Encoded, *, adds: NDArray[np.uint8], look: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Look for the nearest text of each, one after another; its position or -1, and its score.

        A text is added where ``adds`` is 2, and where it is 1 if none is near. Numbers of words may
        come from elsewhere; a higher one is taken to be rarer.
        """
        ids, ends = encoded.ids.copy(), encoded.ends
        words = int(ids.max(initial=0)) + 1
        self._lists, self._seen = _room(self._lists, words), _room(self._seen, words)
        # A text that waits for room is asked twice.
        if int(self._state[3]) + 2 * len(ends) > _LAST_QUERY:
            self._state[3] = 0
            self._seen[:] = 0
            self._texts[:, 1] = 0
        self._tokens = _room(self._tokens, int(self._state[1]) + len(ids))
        self._texts = _room(self._texts, len(self) + len(ends) + 1)
        found, scores = np.empty(len(ends), np.int64), np.empty(len(ends), np.float64)
        done = 0
        while True:
            held = (
                self._state, self._tokens, self._texts, _SIZES, self._lists,
                self._marks, self._places, self._seen,
            )  # fmt: skip
            done = _kernels().sweep(
                look, adds, self._threshold, ids, ends, found, scores, held, done
            )
            if done == len(ends):
                return found, scores
            self._marks = _room(self._marks, len(self._marks) + 1)
            self._places = _room(self._places, len(self._marks))

    def held(self) -> Encoded:
        """The texts that it holds, each of their words once."""
        count, size = int(self._state[0]), int(self._state[1])
        return Encoded(self._tokens[:size].copy(), self._texts[1 : count + 1, 0].copy())

    @property
    def rule(self) -> dict[str, JSON]:
        """What makes another index that decides alike."""
        return {"measure": "jaccard", "threshold": self._threshold}

    @property
    def reach(self) -> float:
        """The least ratio of the sizes of two texts that are near to one another."""
        return self._threshold

    def _sweep(self, texts: Sequence[str], *, look: bool, add: int) -> list[Neighbour | None]:
        adds = np.full(len(texts), add, np.uint8)
        found, scores = self.take(self.encode(texts), adds=adds, look=look)
        pairs = zip(scores.tolist(), found.tolist(), strict=True)
        return [Neighbour(score, at) if at >= 0 else None for score, at in pairs]


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
