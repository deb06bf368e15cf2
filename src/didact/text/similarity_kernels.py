"""The compiled half of the novelty index that skips nothing: the similarity to every text.

Self-Instruct logs of each instruction its ten nearest and its mean similarity to the whole pool,
for which every pair has to be compared. A text's words are looked up as masks of where they stand
in the query (``masks``, a row of 64-bit words for each different word of it, found by ``slots``);
row 0 is empty, so that nothing has to be decided for a word that the query lacks.

Imported only at the first use, because it brings in numba. It calls nothing of another file: what
is compiled is kept by the file it stands in, and would not notice a change elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar, cast

import numba  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

__all__ = ["compare"]

Ids: TypeAlias = NDArray[np.int32]
Integers: TypeAlias = NDArray[np.int64]
Bits: TypeAlias = NDArray[np.uint64]
Doubles: TypeAlias = NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[..., object])

_START = 0


def _compiled(function: Function) -> Function:
    try:
        return cast("Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # nowhere to keep the compiled code: compile it again in each process
        return cast("Function", numba.njit(nogil=True)(function))


@_compiled
def _zeros(word: np.uint64) -> np.int64:
    """The number of bits that are not set; LLVM makes one instruction of this form."""
    word = ~word
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    pairs = (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    word = (word & np.uint64(0x3333333333333333)) + pairs
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@_compiled
def _short(start: np.uint64, end: np.uint64, tokens: Ids, slots: Ids, masks: Bits) -> np.int64:
    """Longest common subsequence with a query of up to 64 tokens (Hyyrö 2004)."""
    row = ~np.uint64(0)
    for j in range(start, end):
        matched = row & masks[np.uint64(slots[np.uint64(tokens[j])]), np.uint64(0)]
        row = (row + matched) | (row - matched)
    return _zeros(row)


@_compiled
def _long(
    start: np.uint64, end: np.uint64, tokens: Ids, slots: Ids, masks: Bits, row: Bits
) -> np.int64:
    """The same over many machine words."""
    row[:] = ~np.uint64(0)
    for j in range(start, end):
        place = slots[tokens[j]]
        carry = np.uint64(0)
        if place == 0:
            continue
        for w in range(len(row)):
            matched = row[w] & masks[place, w]
            total = row[w] + matched
            over = total < row[w]
            total += carry
            over |= total < carry
            row[w] = total | (row[w] - matched)
            carry = np.uint64(1) if over else np.uint64(0)
    common = np.int64(0)
    for w in range(len(row)):
        common += _zeros(row[w])
    return common


@_compiled
def compare(
    ids: Ids, count: int, scores: Doubles, tokens: Ids, texts: Integers, slots: Ids
) -> None:
    """ROUGE-L F of one text with each of the first ``count``; ``slots`` is given back as it was."""
    size = len(ids)
    masks = np.zeros((size + 1, max((size + 63) >> 6, 1)), np.uint64)
    row = np.zeros(masks.shape[1], np.uint64)
    places = 0
    for i in range(size):
        if slots[ids[i]] == 0:
            places += 1
            slots[ids[i]] = places
        masks[slots[ids[i]], i >> 6] |= np.uint64(1) << np.uint64(i & 63)
    for text in range(count):
        start, end = np.uint64(texts[text, _START]), np.uint64(texts[text + 1, _START])
        if size <= 64:
            common = _short(start, end, tokens, slots, masks)
        else:
            common = _long(start, end, tokens, slots, masks, row)
        score = 0.0
        if common:
            # The reference's own expression: any other differs in the last digit.
            precision, recall = common / size, common / (np.int64(end) - np.int64(start))
            score = 2 * precision * recall / (precision + recall)
        scores[text] = score
    for i in range(size):
        slots[ids[i]] = 0
