"""The compiled half of the near-duplicate index: prefix postings, bounds, shared words.

Everything lives in flat arrays that ``jaccard_index`` owns and grows; the method is told there.
Imported only at the first search, because it brings in numba. Only plain loops: they compile in a
fraction of the time that array expressions take, and are kept on disk where one may write.

Layout. ``tokens`` holds the token ids of all texts, each text's once and the rarest first, end to
end; ``texts[i]`` is where text *i* starts in it, the last query that compared it, its signature.
``seen`` holds for each token the last query that it stood in. ``classes`` says for each size which
class it is in. ``lists[token, class]`` is where the postings of a token in texts of that class
begin, and how many there are, with room for the next power of two. A posting is a text's signature,
in ``marks``, and its position, in ``places``: a search reads the signatures of 64 after one
another, eight bytes each. ``state`` holds counters, and where rooms that lists have outgrown begin,
by size.
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
Bits: TypeAlias = NDArray[np.uint64]
Flags: TypeAlias = NDArray[np.uint8]
Held: TypeAlias = tuple[Integers, Ids, Integers, Ids, Ids, Bits, Integers, Ids]
"""``state, tokens, texts, classes, lists, marks, places, seen``."""
Function = TypeVar("Function", bound=Callable[..., object])

_COUNT, _TOKENS, _POSTINGS, _QUERY, _ROOMS = 0, 1, 2, 3, 4
_START, _ASKED, _SIGNATURE = 0, 1, 2
_AT_ONCE = 64
"""Postings looked at together; so many more than there are have room."""
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
def _class_of(size: int, classes: Ids) -> int:
    return classes[min(size, len(classes) - 1)]


@_compiled
def _prefix(size: int, threshold: float) -> int:
    """How many of its rarest tokens a text must be listed, and looked up, under."""
    return size - max(int(np.ceil(threshold * size - _ROUNDING)), 1) + 1


@_compiled
def _alike(start: np.uint64, most: int, marks: Bits, mark: np.uint64) -> np.uint64:
    """Of the next postings, a bit for each whose signature has at most so many unlike bits."""
    found = np.uint64(0)
    # Nothing is decided inside this loop, so that several postings are compared at a time.
    for j in range(np.uint64(_AT_ONCE)):
        found |= np.uint64(_ones(marks[start + j] ^ mark) <= most) << j
    return found


@_compiled
def _similarity(size: int, text: int, threshold: float, query: int, held: Held) -> float:
    """Jaccard with the query; -1 as soon as it cannot reach the threshold."""
    _, tokens, texts, _, _, _, _, seen = held
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
    ids: Ids, start: int, end: int, mark: np.uint64, threshold: float, held: Held
) -> tuple[np.int64, float]:
    state, _, texts, classes, lists, marks, places, _ = held
    best, found = 0.0, np.int64(-1)
    query = state[_QUERY]
    size = end - start
    # J of at least t leaves at most (1 - t)/(1 + t) of m + n words in one text only.
    unshared = int((1.0 - threshold) / (1.0 + threshold) * _SCALE) + 2
    shortest = max(int(np.ceil(threshold * size - _ROUNDING)), 1)
    for i in range(_prefix(size, threshold)):
        token = ids[start + i]
        # A text first met here shares none of the i rarer words, so at most size - i in all.
        longest = int((size - i) * (1.0 + threshold) / threshold - size + _ROUNDING)
        if longest < shortest:
            break
        most = ((size + longest) * unshared) // _SCALE
        for group in range(_class_of(shortest, classes), _class_of(longest, classes) + 1):
            count = np.int64(lists[token, group, 1])
            first = np.int64(lists[token, group, 0])
            for done in range(0, count, _AT_ONCE):
                at = np.uint64(first + done)
                alike = _alike(at, most, marks, mark)
                if count - done < _AT_ONCE:
                    alike &= (np.uint64(1) << np.uint64(count - done)) - np.uint64(1)
                while alike:
                    lowest = alike & (~alike + np.uint64(1))
                    alike ^= lowest
                    text = places[at + np.uint64(_ones(lowest - np.uint64(1)))]
                    if texts[text, _ASKED] == query:
                        continue
                    other = texts[text + 1, _START] - texts[text, _START]
                    unlike = _ones(np.uint64(texts[text, _SIGNATURE]) ^ mark)
                    if (
                        (other < shortest)
                        | (other > longest)
                        | (unlike * _SCALE > (size + other) * unshared)
                    ):
                        continue
                    texts[text, _ASKED] = query
                    score = _similarity(size, text, threshold, query, held)
                    if score >= threshold and (score > best or (score == best and text < found)):
                        best, found = score, text
    return found, best


@_compiled
def _make_room(count: np.int64, old: np.int64, held: Held) -> np.int64:
    """Where a list that has filled its room goes on: a room of twice the size, its postings in it.

    A room that is free points to the next free one of its size. The places of both are stored plus
    one: zero is none.
    """
    state, _, _, _, _, marks, places, _ = held
    wanted, size = max(2 * count, 1), 0
    while 1 << size < wanted:
        size += 1
    new = state[_ROOMS + size] - 1
    if new >= 0:
        state[_ROOMS + size] = places[new]
    else:
        new = state[_POSTINGS]
        state[_POSTINGS] += wanted
    for i in range(count):
        marks[new + i] = marks[old + i]
        places[new + i] = places[old + i]
    if count:
        places[old] = state[_ROOMS + size - 1]
        state[_ROOMS + size - 1] = old + 1
    return new


@_compiled
def _post(ids: Ids, start: int, end: int, mark: np.uint64, threshold: float, held: Held) -> bool:
    """List the next text under its rarest tokens; False, with nothing done, if room lacks."""
    state, _, _, classes, lists, marks, places, _ = held
    prefix = _prefix(end - start, threshold)
    group = _class_of(end - start, classes)
    needed = _AT_ONCE
    for i in range(start, start + prefix):
        count = lists[ids[i], group, 1]
        if count & (count - 1) == 0:
            needed += max(2 * count, 1)
    if state[_POSTINGS] + needed > len(marks):
        return False
    for i in range(start, start + prefix):
        token = ids[i]
        count, old = np.int64(lists[token, group, 1]), np.int64(lists[token, group, 0])
        if count & (count - 1) == 0:
            lists[token, group, 0] = _make_room(count, old, held)
        at = lists[token, group, 0] + count
        marks[at] = mark
        places[at] = state[_COUNT]
        lists[token, group, 1] = count + 1
    return True


@_compiled
def sweep(
    look: bool,
    adds: Flags,
    threshold: float,
    ids: Ids,
    ends: Integers,
    found: Integers,
    scores: NDArray[np.float64],
    held: Held,
    first: int,
) -> int:
    """Look for the nearest text of each one, from ``first`` on, and add it.

    ``adds`` is 0 for never, 1 where none is near, 2 always. Returns how far it came: it stops at a
    text for which the postings must be given more room.
    """
    state, tokens, texts, _, _, _, _, seen = held
    for number in range(first, len(ends)):
        start = ends[number - 1] if number else 0
        state[_QUERY] += 1
        stop = _once_rarest_first(ids, start, ends[number], seen, state[_QUERY])
        mark = _signature(ids, start, stop)
        found[number] = -1
        if look and stop > start:
            found[number], scores[number] = _search(ids, start, stop, mark, threshold, held)
        if adds[number] == 0 or (adds[number] == 1 and found[number] >= 0):
            continue
        if stop > start and not _post(ids, start, stop, mark, threshold, held):
            # It comes again, with repeated tokens where it was shortened: that changes nothing.
            for i in range(stop, ends[number]):
                ids[i] = ids[start]
            return number
        for i in range(start, stop):
            tokens[state[_TOKENS]] = ids[i]
            state[_TOKENS] += 1
        texts[state[_COUNT], _SIGNATURE] = np.int64(mark)
        state[_COUNT] += 1
        texts[state[_COUNT], _START] = state[_TOKENS]
    return len(ends)
