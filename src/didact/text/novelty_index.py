"""An exact, growing index that says whether a text is too similar to one it already holds.

Self-Instruct (2022, arXiv 2212.10560) keeps a generated instruction when its largest ROUGE-L F
with everything kept so far does not pass 0.7, and compares it with all of them, one by one. Here
the same decision, to the last bit of ``rouge_score``'s double-precision F, takes microseconds,
because most pairs are settled without being compared:

* F > t asks for a common subsequence of at least t(m + n)/2 words, which bounds the other length:
  texts are listed by length;
* two texts that share so many words share one among the rarest m - o + 1 of each, where o is the
  least overlap any partner needs, so each text is listed under those only (prefix filtering);
* signatures that hold the parity of hashed words bound the words two texts do not share: of 64 or
  128 bits for a first look at many texts at a time, of 512 for a second at each that is left;
* what is left is compared by a bit-parallel longest common subsequence, and decided by the
  reference's own expression, never a rearranged one: at exactly 0.7 those differ.

Words are numbered as they first appear, and a later one is taken to be rarer: an order that never
changes, which is what prefix filtering needs, and close enough to the true one. Adding a text
appends to lists; nothing is ever rebuilt.

Cost: no call of a model. The first search of a process loads the compiled code (seconds the first
time on a machine, a fraction of one later).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import accumulate, chain
from types import ModuleType
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from didact.records import JSON
from didact.text.words import latin_words

__all__ = ["Encoded", "Neighbour", "NoveltyIndex", "Surroundings"]

Scalar = TypeVar("Scalar", bound=np.generic)

_CLASSES = 16
"""Classes of length of the kernels, which are not loaded before they are used."""


class Neighbour(NamedTuple):
    """A text of the index and how similar it is."""

    score: float
    """ROUGE-L F, the double that ``rouge_score`` gives."""
    position: int
    """The number of the text, in the order texts were added, from 0."""


class Encoded(NamedTuple):
    """Texts as numbers of words."""

    ids: NDArray[np.int32]
    """Of all texts, end to end."""
    ends: NDArray[np.int64]
    """Where each text ends."""


class Surroundings(NamedTuple):
    """How a text stands among the texts of the index."""

    nearest: list[Neighbour]
    """The most similar ones, near or not, the most similar and then the earliest first."""
    mean: float
    """Mean similarity to all of them; 0 where there are none."""


class NoveltyIndex:
    """Texts kept so far, and the question whether the next one is near to any of them.

    A text is near when its similarity is above ``threshold``, or equal to it where ``keep_equal``
    is off. ``words`` is the tokeniser; texts may also be given as lists of words.
    """

    def __init__(
        self,
        threshold: float = 0.7,
        *,
        keep_equal: bool = True,
        words: Callable[[str], Sequence[str]] = latin_words,
    ) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"the threshold must be above 0 and at most 1, not {threshold}")
        self._threshold = float(threshold)
        self._drop_equal = not keep_equal
        self._words = words
        self._vocabulary: defaultdict[str, int] = defaultdict()
        self._vocabulary.default_factory = self._vocabulary.__len__
        self._links = np.zeros((6, 65), np.int64)
        self._bits = np.zeros((2, 65), np.uint64)
        self._query = np.zeros(2 + 8, np.uint64)
        self._end = np.zeros(1, np.int64)
        self._found = np.zeros(1, np.int64)
        self._score = np.zeros(1, np.float64)
        self._adds = np.zeros(1, np.uint8)
        self.clear()

    def clear(self) -> None:
        """Forget the texts; words keep their numbers."""
        self._state = np.zeros(4 + 32, np.int64)
        self._tokens = np.zeros(1024, np.int32)
        self._texts = np.zeros((64, 2 + 8), np.int64)
        words = max(len(self._vocabulary), 256)
        self._lists = np.zeros((words, _CLASSES, 2), np.int32)
        self._slots = np.zeros(words, np.int32)
        self._marks = np.zeros(1024, np.uint64)
        self._halves = np.zeros(1024, np.uint64)
        self._metas = np.zeros(1024, np.int64)

    def __len__(self) -> int:
        return int(self._state[0])

    def nearest(self, text: str | Sequence[str]) -> Neighbour | None:
        """The most similar text of those that are near, the earliest of equals; None if none is."""
        return self._one(text, look=True, add=False)

    def add(self, text: str | Sequence[str]) -> int:
        """Add a text without asking; its position."""
        self._one(text, look=False, add=True)
        return len(self) - 1

    def offer(self, text: str | Sequence[str]) -> Neighbour | None:
        """Add a text unless one is near; returns the nearest one that stands in its way."""
        return self._one(text, look=True, add=True)

    def offer_all(self, texts: Sequence[str | Sequence[str]]) -> list[Neighbour | None]:
        """``offer`` each text, one after another; a little faster than as many calls."""
        encoded = self.encode(texts)
        found, scores = self.take(encoded, adds=np.ones(len(texts), np.uint8))
        pairs = zip(scores.tolist(), found.tolist(), strict=True)
        return [Neighbour(score, at) if at >= 0 else None for score, at in pairs]

    def encode(self, texts: Sequence[str | Sequence[str]]) -> Encoded:
        """The texts as numbers of words, new words numbered."""
        split = [self._words(text) if isinstance(text, str) else text for text in texts]
        sizes = [len(words) for words in split]
        ids = self._encode(chain.from_iterable(split), sum(sizes), max(sizes, default=0))
        return Encoded(ids, np.array(list(accumulate(sizes)), np.int64))

    def take(
        self, encoded: Encoded, *, adds: NDArray[np.uint8], look: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Look for the nearest text of each, one after another; its position or -1, and its score.

        A text to which none is near is added where ``adds`` is 1. Numbers of words may come from
        elsewhere; a higher one is taken to be rarer.
        """
        ids, ends = encoded
        sizes = np.diff(ends, prepend=0)
        self._fit(int(ids.max(initial=0)) + 1, int(sizes.max(initial=0)))
        found, scores = np.empty(len(ends), np.int64), np.empty(len(ends), np.float64)
        self._sweep(ids, ends, found, scores, look=look, adds=adds)
        return found, scores

    def held(self) -> Encoded:
        """The texts that it holds."""
        count, size = self._state.item(0), self._state.item(1)
        return Encoded(self._tokens[:size].copy(), self._texts[1 : count + 1, 0].copy())

    @property
    def rule(self) -> dict[str, JSON]:
        """What makes another index that decides alike."""
        equal = not self._drop_equal
        return {"measure": "rouge-l", "threshold": self._threshold, "keep_equal": equal}

    @property
    def reach(self) -> float:
        """The least ratio of the lengths of two texts that are near to one another."""
        return self._threshold / (2.0 - self._threshold)

    def scores(self, text: str | Sequence[str]) -> NDArray[np.float64]:
        """The similarity to every text, in the order they were added; nothing is skipped."""
        words = self._words(text) if isinstance(text, str) else text
        ids = self._encode(words, len(words), len(words))
        return self._compared(ids, len(self), self._slots)

    def top(self, text: str | Sequence[str], k: int = 10) -> list[Neighbour]:
        """The k most similar texts, near or not, the most similar and then the earliest first."""
        return _surroundings(self.scores(text), k).nearest

    def around(
        self, texts: Sequence[str | Sequence[str]], counts: Sequence[int], k: int = 10
    ) -> list[Surroundings]:
        """How each text stands among the first so many of the index; nothing is skipped.

        Texts are shared out among the processor's cores.
        """
        split = [self._words(text) if isinstance(text, str) else text for text in texts]
        encoded = [self._encode(words, len(words), len(words)) for words in split]
        workers = max(min(os.cpu_count() or 1, len(texts)), 1)

        def share(number: int) -> list[Surroundings]:
            slots = np.zeros_like(self._slots)
            mine = zip(encoded[number::workers], counts[number::workers], strict=True)
            return [_surroundings(self._compared(*one, slots), k) for one in mine]

        found: list[Surroundings | None] = [None] * len(texts)
        _similarities()  # compiled once, not once by each thread
        with ThreadPoolExecutor(workers) as pool:
            for number, part in enumerate(pool.map(share, range(workers))):
                found[number::workers] = part
        return cast("list[Surroundings]", found)

    def _compared(
        self, ids: NDArray[np.int32], count: int, slots: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        scores = np.empty(count, np.float64)
        _similarities().compare(ids, count, scores, self._tokens, self._texts, slots)
        return scores

    def _one(self, text: str | Sequence[str], *, look: bool, add: bool) -> Neighbour | None:
        words = self._words(text) if isinstance(text, str) else text
        size = len(words)
        ids = self._encode(words, size, size)
        # The arrays of results are kept: to make them would take as long as most searches.
        self._end[0], self._adds[0] = size, add
        self._sweep(ids, self._end, self._found, self._score, look=look, adds=self._adds)
        at = self._found.item()
        return Neighbour(self._score.item(), at) if at >= 0 else None

    def _encode(self, words: Iterable[str], total: int, longest: int) -> NDArray[np.int32]:
        """The numbers of so many words, of texts of up to ``longest``; makes room for them."""
        ids = np.fromiter(map(self._vocabulary.__getitem__, words), np.int32, total)
        self._fit(len(self._vocabulary), longest)
        return ids

    def _fit(self, words: int, longest: int) -> None:
        if words > len(self._slots):
            self._lists = _room(self._lists, words)
            self._slots = _room(self._slots, words)
        if longest >= self._links.shape[1]:
            self._links = np.zeros((6, 2 * longest), np.int64)
            self._bits = np.zeros((2, 2 * longest), np.uint64)

    def _sweep(
        self,
        ids: NDArray[np.int32],
        ends: NDArray[np.int64],
        found: NDArray[np.int64],
        scores: NDArray[np.float64],
        *,
        look: bool,
        adds: NDArray[np.uint8],
    ) -> None:
        sweep = _kernels().sweep
        self._tokens = _room(self._tokens, self._state.item(1) + len(ids))
        self._texts = _room(self._texts, self._state.item(0) + len(ends) + 1)
        done = 0
        while True:
            held = (
                self._state, self._tokens, self._texts, self._lists, self._slots,
                self._marks, self._halves, self._metas, self._links, self._bits, self._query,
            )  # fmt: skip
            done = sweep(
                look, adds, self._threshold, self._drop_equal, ids, ends, found, scores, held, done
            )
            if done == len(ends):
                break
            self._marks = _room(self._marks, len(self._marks) + 1)
            self._halves = _room(self._halves, len(self._marks))
            self._metas = _room(self._metas, len(self._marks))


@cache
def _kernels() -> ModuleType:
    from didact.text import novelty_kernels  # brings in numba

    return novelty_kernels


@cache
def _similarities() -> ModuleType:
    from didact.text import similarity_kernels  # brings in numba

    return similarity_kernels


def _surroundings(scores: NDArray[np.float64], k: int) -> Surroundings:
    if not len(scores):
        return Surroundings([], 0.0)
    # All that reach the k-th, so that of equal ones the earliest can be told.
    least = np.partition(scores, -k)[-k] if k < len(scores) else 0.0
    candidates = np.flatnonzero(scores >= least)
    order = candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
    nearest = [Neighbour(float(scores[position]), int(position)) for position in order]
    return Surroundings(nearest, float(np.mean(scores)))


def _room(array: NDArray[Scalar], needed: int) -> NDArray[Scalar]:
    """The array itself, or, where it is shorter, a copy at least twice as long."""
    if len(array) >= needed:
        return array
    grown = np.zeros((max(needed, 2 * len(array)), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
