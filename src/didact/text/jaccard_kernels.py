"""The compiled half of the near-duplicate index: prefix postings, bounds, shared words.

Everything lives in flat arrays that ``jaccard_index`` owns and grows; the method is told there.
Imported only at the first search, because it brings in numba. Only plain loops: they compile in a
fraction of the time that array expressions take, and are kept on disk where one may write.

Layout. ``tokens`` holds the token ids of all texts, each text's once and the rarest first, end to
end; ``texts[i]`` is where text *i* starts in it, the last query that compared it, its signature.
``seen`` holds for each token the last query that it stood in. ``classes`` says for each size which
class it is in. ``lists[token, class]`` is the newest chunk of postings of a token in texts of that
class, and how many there are. Chunk *k* has a header that points to chunk *k - 1* and room for 2**k
postings, so the count alone says how far each is filled. A posting is the position of a text and
its signature, folded to 32 bits: the search reads millions of them, and memory is what limits it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar, cast

import numba  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

__all__ = ["sweep"]

Ids: TypeAlias = NDArray[np.int32]
Integers: TypeAlias = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., object])

_COUNT, _TOKENS, _POSTINGS, _QUERY = 0, 1, 2, 3
_START, _ASKED, _SIGNATURE = 0, 1, 2
_LOW = np.uint64(0xFFFFFFFF)
_SCALE = 1 << 20
_ROUNDING = 1e-6
"""Bounds are loosened by this much: far above any rounding error, far below one word."""


def _compiled(function: Function) -> Function:
    try:
        return cast("Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # nowhere to keep the compiled code: compile it again in each process
        return cast("Function", numba.njit(nogil=True)(function))


@_compiled
def _ones(word: np.uint64) -> np.int64:
    """The number of bits set; LLVM knows this form and makes one instruction of it."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    pairs = (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    word = (word & np.uint64(0x3333333333333333)) + pairs
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@_compiled
def _once_rarest_first(ids: Ids, start: int, end: int, seen: Ids, query: int) -> int:
    """Leave each token once, the latest numbered first; where they end. Marks them as seen."""
    stop = start
    for i in range(start, end):
        token = ids[i]
        if seen[token] != query:
            seen[token] = query
            ids[stop] = token
            stop += 1
    size = stop - start
    gap = 1
    while gap < size:
        gap = 3 * gap + 1
    while gap > 1:  # Shell's sort
        gap //= 3
        for i in range(start + gap, stop):
            token = ids[i]
            j = i
            while j >= start + gap and ids[j - gap] < token:
                ids[j] = ids[j - gap]
                j -= gap
            ids[j] = token
    return stop


@_compiled
def _signature(ids: Ids, start: int, end: int) -> np.uint64:
    signature = np.uint64(0)
    for i in range(start, end):
        spread = np.uint64(ids[i] + 1) * np.uint64(0x9E3779B97F4A7C15)
        signature ^= np.uint64(1) << (spread >> np.uint64(58))
    return signature


@_compiled
def _folded(signature: np.uint64) -> np.int64:
    return np.int64((signature ^ (signature >> np.uint64(32))) & _LOW)


@_compiled
def _class_of(size: int, classes: Ids) -> int:
    return classes[min(size, len(classes) - 1)]


@_compiled
def _prefix(size: int, threshold: float) -> int:
    """How many of its rarest tokens a text must be listed, and looked up, under."""
    return size - max(int(np.ceil(threshold * size - _ROUNDING)), 1) + 1


@_compiled
def _similarity(
    size: int, text: int, threshold: float, query: int, tokens: Ids, texts: Integers, seen: Ids
) -> float:
    """Jaccard with the query; -1 as soon as it cannot reach the threshold."""
    start, end = texts[text, _START], texts[text + 1, _START]
    other = end - start
    least = int(np.ceil(threshold * (size + other) / (1.0 + threshold) - _ROUNDING))
    spare = other - least
    missing = 0
    for j in range(start, end):
        if seen[tokens[j]] != query:
            missing += 1
            if missing > spare:
                return -1.0
    common = other - missing
    return common / (size + other - common)


@_compiled
def _search(
    ids: Ids,
    start: int,
    end: int,
    signature: np.uint64,
    threshold: float,
    state: Integers,
    tokens: Ids,
    texts: Integers,
    classes: Ids,
    lists: NDArray[np.int32],
    postings: Integers,
    seen: Ids,
) -> tuple[int, float]:
    best, found = 0.0, -1
    query = state[_QUERY]
    size = end - start
    folded = _folded(signature)
    # J of at least t leaves at most (1 - t)/(1 + t) of m + n words in one text only.
    unshared = int((1.0 - threshold) / (1.0 + threshold) * _SCALE) + 2
    shortest = max(int(np.ceil(threshold * size - _ROUNDING)), 1)
    for i in range(_prefix(size, threshold)):
        token = ids[start + i]
        # A text first met here shares none of the i rarer words, so at most size - i in all.
        longest = int((size - i) * (1.0 + threshold) / threshold - size + _ROUNDING)
        most = (size + longest) * unshared
        for group in range(_class_of(shortest, classes), _class_of(longest, classes) + 1):
            count = lists[token, group, 1]
            if count == 0 or longest < shortest:
                continue
            chunk, room = np.int64(lists[token, group, 0]), 1
            while 2 * room <= count:
                room *= 2
            filled = count - room + 1
            while room:
                for p in range(chunk + 1, chunk + 1 + filled):
                    posting = postings[p]
                    if _ones(np.uint64(posting ^ folded) & _LOW) * _SCALE > most:
                        continue
                    text = posting >> 32
                    if texts[text, _ASKED] == query:
                        continue
                    other = texts[text + 1, _START] - texts[text, _START]
                    unlike = _ones(np.uint64(texts[text, _SIGNATURE]) ^ signature)
                    if (
                        (other < shortest)
                        | (other > longest)
                        | (unlike * _SCALE > (size + other) * unshared)
                    ):
                        continue
                    texts[text, _ASKED] = query
                    score = _similarity(size, text, threshold, query, tokens, texts, seen)
                    if score >= threshold and (score > best or (score == best and text < found)):
                        best, found = score, text
                chunk = postings[chunk]
                room //= 2
                filled = room
    return found, best


@_compiled
def _post(
    ids: Ids,
    start: int,
    end: int,
    signature: np.uint64,
    threshold: float,
    state: Integers,
    classes: Ids,
    lists: NDArray[np.int32],
    postings: Integers,
) -> bool:
    """List the next text under its rarest tokens; False, with nothing done, if room lacks."""
    prefix = _prefix(end - start, threshold)
    group = _class_of(end - start, classes)
    needed = 0
    for i in range(start, start + prefix):
        count = lists[ids[i], group, 1]
        if count & (count + 1) == 0:
            needed += count + 2
    if state[_POSTINGS] + needed > len(postings):
        return False
    posting = (state[_COUNT] << 32) | _folded(signature)
    for i in range(start, start + prefix):
        token = ids[i]
        count = lists[token, group, 1]
        if count & (count + 1) == 0:
            postings[state[_POSTINGS]] = lists[token, group, 0]
            lists[token, group, 0] = state[_POSTINGS]
            state[_POSTINGS] += count + 2
        room = 1
        while 2 * room <= count + 1:
            room *= 2
        postings[lists[token, group, 0] + count + 2 - room] = posting
        lists[token, group, 1] = count + 1
    return True


@_compiled
def sweep(
    look: bool,
    add: int,
    threshold: float,
    ids: Ids,
    ends: Integers,
    found: Integers,
    scores: NDArray[np.float64],
    state: Integers,
    tokens: Ids,
    texts: Integers,
    classes: Ids,
    lists: NDArray[np.int32],
    postings: Integers,
    seen: Ids,
    first: int,
) -> int:
    """Look for the nearest text of each one, from ``first`` on, and add it.

    ``add`` is 0 for never, 1 where none is near, 2 always. Returns how far it came: it stops at a
    text for which the postings must be given more room.
    """
    for number in range(first, len(ends)):
        start = ends[number - 1] if number else 0
        state[_QUERY] += 1
        stop = _once_rarest_first(ids, start, ends[number], seen, state[_QUERY])
        signature = _signature(ids, start, stop)
        found[number] = -1
        if look and stop > start:
            found[number], scores[number] = _search(
                ids, start, stop, signature, threshold,
                state, tokens, texts, classes, lists, postings, seen,
            )  # fmt: skip
        if add == 0 or (add == 1 and found[number] >= 0):
            continue
        if stop > start and not _post(
            ids, start, stop, signature, threshold, state, classes, lists, postings
        ):
            # It comes again, with repeated tokens where it was shortened: that changes nothing.
            for i in range(stop, ends[number]):
                ids[i] = ids[start]
            return number
        for i in range(start, stop):
            tokens[state[_TOKENS]] = ids[i]
            state[_TOKENS] += 1
        texts[state[_COUNT], _SIGNATURE] = np.int64(signature)
        state[_COUNT] += 1
        texts[state[_COUNT], _START] = state[_TOKENS]
    return len(ends)
