"""An exact, growing index that says whether a text is too similar to one it already holds.

Self-Instruct (2022, arXiv 2212.10560) keeps a generated instruction when its largest ROUGE-L F
with everything kept so far does not pass 0.7, and compares it with all of them, one by one. Here
the same decision, to the last bit of ``rouge_score``'s double-precision F, takes microseconds,
because most pairs are settled without being compared:

* F > t asks for a common subsequence of at least t(m + n)/2 words, which bounds the other length:
  texts are listed by length;
* two texts that share so many words share one among the rarest m - o + 1 of each, where o is the
  least overlap any partner needs, so each text is listed under those only (prefix filtering);
* 64 bits that hold the parity of hashed words bound the words two texts do not share;
* what is left is compared by a bit-parallel longest common subsequence, and decided by the
  reference's own expression, never a rearranged one: at exactly 0.7 those differ.

Words are numbered as they first appear, and a later one is taken to be rarer: an order that never
changes, which is what prefix filtering needs, and close enough to the true one. Adding a text
appends to lists; nothing is ever rebuilt.

Cost: no call of a model. The first search of a process loads the compiled code (seconds the first
time on a machine, a fraction of one later).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate, chain
from types import ModuleType
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from didact.text.words import latin_words

__all__ = ["Neighbour", "NoveltyIndex"]

Scalar = TypeVar("Scalar", bound=np.generic)


class Neighbour(NamedTuple):
    """A text of the index and how similar it is."""

    score: float
    """ROUGE-L F, the double that ``rouge_score`` gives."""
    position: int
    """The number of the text, in the order texts were added, from 0."""


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
        self._state = np.zeros(4 + 32, np.int64)
        self._tokens = np.zeros(1024, np.int32)
        self._texts = np.zeros((64, 2), np.int64)
        self._lists = np.zeros((256, 8, 2), np.int32)
        self._slots = np.zeros(256, np.int32)
        self._postings = np.zeros((1024, 2), np.int64)
        self._links = np.zeros((6, 65), np.int64)
        self._bits = np.zeros((2, 65), np.uint64)
        self._end = np.zeros(1, np.int64)
        self._found = np.zeros(1, np.int64)
        self._score = np.zeros(1, np.float64)

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
        split = [self._words(text) if isinstance(text, str) else text for text in texts]
        sizes = [len(words) for words in split]
        ids = self._encode(chain.from_iterable(split), sum(sizes), max(sizes, default=0))
        ends = np.array(list(accumulate(sizes)), np.int64)
        found, scores = np.empty(len(ends), np.int64), np.empty(len(ends), np.float64)
        self._sweep(ids, ends, found, scores, look=True, add=True)
        pairs = zip(scores.tolist(), found.tolist(), strict=True)
        return [Neighbour(score, at) if at >= 0 else None for score, at in pairs]

    def scores(self, text: str | Sequence[str]) -> NDArray[np.float64]:
        """The similarity to every text, in the order they were added; nothing is skipped."""
        words = self._words(text) if isinstance(text, str) else text
        ids = self._encode(words, len(words), len(words))
        scores = np.empty(len(self), np.float64)
        _kernels().score_all(
            ids,
            scores,
            self._state,
            self._tokens,
            self._texts,
            self._slots,
            self._links,
            self._bits,
        )
        return scores

    def top(self, text: str | Sequence[str], k: int = 10) -> list[Neighbour]:
        """The k most similar texts, near or not, the most similar and then the earliest first."""
        scores = self.scores(text)
        order = np.argsort(-scores, kind="stable")[:k]
        return [Neighbour(float(scores[position]), int(position)) for position in order]

    def _one(self, text: str | Sequence[str], *, look: bool, add: bool) -> Neighbour | None:
        words = self._words(text) if isinstance(text, str) else text
        size = len(words)
        ids = self._encode(words, size, size)
        # The arrays of results are kept: to make them would take as long as most searches.
        self._end[0] = size
        self._sweep(ids, self._end, self._found, self._score, look=look, add=add)
        at = self._found.item()
        return Neighbour(self._score.item(), at) if at >= 0 else None

    def _encode(self, words: Iterable[str], total: int, longest: int) -> NDArray[np.int32]:
        """The numbers of so many words, of texts of up to ``longest``; makes room for them."""
        ids = np.fromiter(map(self._vocabulary.__getitem__, words), np.int32, total)
        if len(self._vocabulary) > len(self._slots):
            self._lists = _room(self._lists, len(self._vocabulary))
            self._slots = _room(self._slots, len(self._vocabulary))
        if longest >= self._links.shape[1]:
            self._links = np.zeros((6, 2 * longest), np.int64)
            self._bits = np.zeros((2, 2 * longest), np.uint64)
        return ids

    def _sweep(
        self,
        ids: NDArray[np.int32],
        ends: NDArray[np.int64],
        found: NDArray[np.int64],
        scores: NDArray[np.float64],
        *,
        look: bool,
        add: bool,
    ) -> None:
        sweep = _kernels().sweep
        if add:
            self._tokens = _room(self._tokens, self._state.item(1) + len(ids))
            self._texts = _room(self._texts, self._state.item(0) + len(ends) + 1)
        done = 0
        while True:
            done = sweep(
                look, add, self._threshold, self._drop_equal, ids, ends, found, scores,
                self._state, self._tokens, self._texts, self._lists, self._slots,
                self._postings, self._links, self._bits, done,
            )  # fmt: skip
            if done == len(ends):
                break
            self._postings = _room(self._postings, len(self._postings) + 1)


@cache
def _kernels() -> ModuleType:
    from didact.text import novelty_kernels  # brings in numba

    return novelty_kernels


def _room(array: NDArray[Scalar], needed: int) -> NDArray[Scalar]:
    """The array itself, or, where it is shorter, a copy at least twice as long."""
    if len(array) >= needed:
        return array
    grown = np.zeros((max(needed, 2 * len(array)), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
