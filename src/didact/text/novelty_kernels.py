"""The compiled half of the novelty index: the search through the postings, and subsequences.

Everything lives in flat arrays that ``novelty_index`` owns and grows; the method is told there.
Imported only at the first search, because it brings in numba. Only plain loops: they compile in
a fraction of the time that array expressions take, and are kept on disk where one may write.

Layout. ``tokens`` holds the token ids of all texts, end to end; ``texts[i]`` is where text *i*
starts in it and the last query that compared it. A token has one list of postings for each of
eight classes of length, for few lengths can match a query's: ``lists[token, class]`` is where in
``postings`` it begins and how many it holds, with room for the next power of two. A posting is the
signature of a text and, in one number, its position, its length and how many of its tokens are
rarer than this one. ``state`` holds four counters, and where rooms that lists have outgrown begin,
by size. ``slots[token]`` is the first pair of the query in which the token stands: a pair is 64
places of the query and a mask of those that hold the token; ``links`` chains the pairs, ``bits``
holds masks and the row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar, cast

import numba  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray

__all__ = ["score_all", "sweep"]

Ids: TypeAlias = NDArray[np.int32]
Integers: TypeAlias = NDArray[np.int64]
Bits: TypeAlias = NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., object])

_LONGEST = (4, 7, 10, 14, 20, 31, 79)
"""Words of the longest text of each class but the last. With eight classes the lists of a token
fill one line of the processor's cache."""
_FULL = 0xFFFF
"""The most that a posting states of a length and of a number of rarer tokens."""
_COUNT, _TOKENS, _POSTINGS, _QUERY, _ROOMS = 0, 1, 2, 3, 4
_ORDER, _WORD, _NEXT, _LAST, _TOTAL, _LEFT = 0, 1, 2, 3, 4, 5
_MASK, _ROW = 0, 1
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
def _f_measure(common: np.int64, predicted: int, wanted: int) -> float:
    """The reference's own expression: any other decides differently at the threshold."""
    if common == 0:
        return 0.0
    precision = common / predicted
    recall = common / wanted
    return 2 * precision * recall / (precision + recall)


@_compiled
def _prepare(ids: Ids, start: int, end: int, slots: Ids, links: Integers, bits: Bits) -> np.uint64:
    """Set up the query: tokens by rarity, bit masks of where each token stands; its signature."""
    size, signature, pairs = end - start, np.uint64(0), 0
    for i in range(size):
        token = ids[start + i]
        links[_ORDER, i] = token
        spread = np.uint64(token + 1) * np.uint64(0x9E3779B97F4A7C15)
        signature ^= np.uint64(1) << (spread >> np.uint64(58))
        head = np.int64(slots[token])
        if head == 0 or links[_WORD, links[_LAST, head]] != i >> 6:
            pairs += 1
            links[_WORD, pairs] = i >> 6
            links[_NEXT, pairs] = 0
            bits[_MASK, pairs] = np.uint64(0)
            if head == 0:
                head = pairs
                slots[token] = head
                links[_TOTAL, head] = 0
            else:
                links[_NEXT, links[_LAST, head]] = pairs
            links[_LAST, head] = pairs
        bits[_MASK, links[_LAST, head]] |= np.uint64(1) << np.uint64(i & 63)
        links[_TOTAL, head] += 1
        links[_LEFT, head] = links[_TOTAL, head]
    gap = 1
    while gap < size:
        gap = 3 * gap + 1
    while gap > 1:  # Shell's sort; a token seen later is taken to be rarer
        gap //= 3
        for i in range(gap, size):
            token = links[_ORDER, i]
            j = i
            while j >= gap and links[_ORDER, j - gap] < token:
                links[_ORDER, j] = links[_ORDER, j - gap]
                j -= gap
            links[_ORDER, j] = token
    return signature


@_compiled
def _forget(ids: Ids, start: int, end: int, slots: Ids) -> None:
    for i in range(start, end):
        slots[ids[i]] = 0


@_compiled
def _common_short(size: int, tokens: Ids, start: int, end: int, slots: Ids, bits: Bits) -> np.int64:
    """Longest common subsequence with a query of up to 64 tokens: one machine word."""
    row = ~np.uint64(0)
    for j in range(start, end):
        pair = slots[tokens[j]]
        if pair:
            matched = row & bits[_MASK, pair]
            row = (row + matched) | (row - matched)
    if size < 64:
        row |= ~np.uint64(0) << np.uint64(size)
    return 64 - _ones(row)  # pyright: ignore[reportArgumentType]


@_compiled
def _common_long(
    size: int, tokens: Ids, start: int, end: int, slots: Ids, links: Integers, bits: Bits
) -> np.int64:
    """The same over many machine words, visiting only those in which the token stands."""
    width = (size + 63) >> 6
    for w in range(width):
        bits[_ROW, w] = ~np.uint64(0)
    if size & 63:
        bits[_ROW, width - 1] >>= np.uint64(64 - (size & 63))
    for j in range(start, end):
        pair = np.int64(slots[tokens[j]])
        carry = np.uint64(0)
        at = np.int64(0)
        while pair or (carry and at < width):
            if pair and (carry == 0 or at == links[_WORD, pair]):
                at = links[_WORD, pair]
                row = bits[_ROW, at]
                matched = row & bits[_MASK, pair]
                total = row + matched
                over = total < row
                total += carry
                over |= total < carry
                bits[_ROW, at] = total | (row - matched)
                pair = links[_NEXT, pair]
            else:
                total = bits[_ROW, at] + carry
                over = total == 0
                bits[_ROW, at] |= total
            carry = np.uint64(1) if over else np.uint64(0)
            at += 1
    if size & 63:
        bits[_ROW, width - 1] |= ~np.uint64(0) << np.uint64(size & 63)
    common = np.int64(64 * width)
    for w in range(width):
        common -= _ones(bits[_ROW, w])
    return common


@_compiled
def _too_few(
    missing: float, tokens: Ids, start: int, end: int, slots: Ids, links: Integers
) -> bool:
    """Whether more than ``missing`` tokens of a text have no partner in the query."""
    j = start
    while j < end and missing >= 0:
        pair = slots[tokens[j]]
        if pair and links[_LEFT, pair] > 0:
            links[_LEFT, pair] -= 1
        else:
            missing -= 1
        j += 1
    for seen in range(start, j):
        pair = slots[tokens[seen]]
        links[_LEFT, pair] = links[_TOTAL, pair]
    return missing < 0


@_compiled
def _prefix(size: int, threshold: float) -> int:
    """How many of its rarest tokens a text must be listed, and looked up, under."""
    least = int(np.ceil(threshold * size / (2.0 - threshold) - _ROUNDING))
    return size - max(least, 1) + 1


@_compiled
def _class(size: int) -> int:
    found = 0
    for longest in _LONGEST:
        found += size > longest
    return found


@_compiled
def _search(
    size: int,
    signature: np.uint64,
    threshold: float,
    drop_equal: bool,
    state: Integers,
    tokens: Ids,
    texts: Integers,
    lists: Ids,
    slots: Ids,
    postings: Integers,
    links: Integers,
    bits: Bits,
) -> tuple[int, float]:
    best, found = 0.0, -1
    state[_QUERY] += 1
    # F above t leaves at most (1 - t)(m + n) words without a partner. In whole numbers:
    unshared = int((1.0 - threshold) * _SCALE) + 2
    shortest = int(threshold * size / (2.0 - threshold) - _ROUNDING)
    first = _class(shortest)
    for i in range(_prefix(size, threshold)):
        token = links[_ORDER, i]
        if i > 0 and links[_ORDER, i - 1] == token:
            continue
        # A text first met here shares none of the i rarer words, so at most size - i in all.
        longest = int(((2.0 - threshold) * size - 2 * i) / threshold + _ROUNDING)
        for length in range(first, _class(longest) + 1):
            count = lists[token, length, 1]
            if count == 0:
                continue
            start = np.int64(lists[token, length, 0])
            for p in range(start, start + count):
                at = np.uint64(p)  # an index without a sign is not looked at for one
                other = (postings[at, 1] >> 16) & _FULL
                unlike = _ones(np.uint64(postings[at, 0]) ^ signature)
                # One branch, almost always taken: three would be guessed wrongly too often.
                if (
                    (other < shortest)
                    | (other > longest)
                    | (unlike * _SCALE > (size + other) * unshared)
                ) & (other < _FULL):
                    continue
                text = postings[at, 1] >> 32
                if texts[text, 1] == state[_QUERY]:
                    continue
                begin, end = texts[text, 0], texts[text + 1, 0]
                other = end - begin
                least = threshold * (size + other) / 2 - _ROUNDING
                # Nor does it share any of its own rarer words.
                if other - (postings[at, 1] & _FULL) < least:
                    continue
                texts[text, 1] = state[_QUERY]
                if size <= 64:
                    common = _common_short(size, tokens, begin, end, slots, bits)
                elif _too_few(other - least, tokens, begin, end, slots, links):
                    continue
                else:
                    common = _common_long(size, tokens, begin, end, slots, links, bits)
                score = _f_measure(common, size, other)
                near = score > threshold or (drop_equal and score == threshold)
                if near and (score > best or (score == best and text < found)):
                    best, found = score, text
    return found, best


@_compiled
def _make_room(count: np.int64, old: np.int64, state: Integers, postings: Integers) -> np.int64:
    """Where a list that has filled its room goes on: a room of twice the size, its postings in it.

    A room that is free points to the next free one of its size. The places of both are stored plus
    one: zero is none.
    """
    wanted, size = max(2 * count, 1), 0
    while 1 << size < wanted:
        size += 1
    new = state[_ROOMS + size] - 1
    if new >= 0:
        state[_ROOMS + size] = postings[new, 0]
    else:
        new = state[_POSTINGS]
        state[_POSTINGS] += wanted
    for i in range(count):
        postings[new + i, 0] = postings[old + i, 0]
        postings[new + i, 1] = postings[old + i, 1]
    if count:
        postings[old, 0] = state[_ROOMS + size - 1]
        state[_ROOMS + size - 1] = old + 1
    return new


@_compiled
def _post(
    size: int,
    signature: np.uint64,
    threshold: float,
    state: Integers,
    lists: Ids,
    postings: Integers,
    links: Integers,
) -> bool:
    """List the next text under its rarest tokens; False, with nothing done, if room lacks."""
    prefix = _prefix(size, threshold)
    length = _class(size)
    needed = 0
    for i in range(prefix):
        count = lists[links[_ORDER, i], length, 1]
        if count & (count - 1) == 0:
            needed += max(2 * count, 1)
    if state[_POSTINGS] + needed > len(postings):
        return False
    for i in range(prefix):
        token = links[_ORDER, i]
        if i > 0 and links[_ORDER, i - 1] == token:
            continue
        count, old = np.int64(lists[token, length, 1]), np.int64(lists[token, length, 0])
        if count & (count - 1) == 0:
            lists[token, length, 0] = _make_room(count, old, state, postings)
        p = lists[token, length, 0] + count
        postings[p, 0] = np.int64(signature)
        postings[p, 1] = (state[_COUNT] << 32) | (min(size, _FULL) << 16) | min(i, _FULL)
        lists[token, length, 1] = count + 1
    return True


@_compiled
def sweep(
    look: bool,
    add: bool,
    threshold: float,
    drop_equal: bool,
    ids: Ids,
    ends: Integers,
    found: Integers,
    scores: NDArray[np.float64],
    state: Integers,
    tokens: Ids,
    texts: Integers,
    lists: Ids,
    slots: Ids,
    postings: Integers,
    links: Integers,
    bits: Bits,
    first: int,
) -> int:
    """Look for texts near each one, from ``first`` on, and add it where there is none.

    Returns how far it came: it stops at a text for which the postings must be given more room.
    """
    for number in range(first, len(ends)):
        start = ends[number - 1] if number else 0
        size = ends[number] - start
        signature = _prepare(ids, start, ends[number], slots, links, bits)
        found[number] = -1
        if look and size:
            found[number], scores[number] = _search(
                size, signature, threshold, drop_equal,
                state, tokens, texts, lists, slots, postings, links, bits,
            )  # fmt: skip
        _forget(ids, start, ends[number], slots)
        if not add or found[number] >= 0:
            continue
        if size and not _post(size, signature, threshold, state, lists, postings, links):
            return number
        for i in range(start, ends[number]):
            tokens[state[_TOKENS]] = ids[i]
            state[_TOKENS] += 1
        state[_COUNT] += 1
        texts[state[_COUNT], 0] = state[_TOKENS]
    return len(ends)


@_compiled
def score_all(
    ids: Ids,
    scores: NDArray[np.float64],
    state: Integers,
    tokens: Ids,
    texts: Integers,
    slots: Ids,
    links: Integers,
    bits: Bits,
) -> None:
    """ROUGE-L F of one text with every text of the index."""
    size = len(ids)
    _prepare(ids, 0, size, slots, links, bits)
    for text in range(state[_COUNT]):
        start, end = texts[text, 0], texts[text + 1, 0]
        if size <= 64:
            common = _common_short(size, tokens, start, end, slots, bits)
        else:
            common = _common_long(size, tokens, start, end, slots, links, bits)
        scores[text] = _f_measure(common, size, end - start)
    _forget(ids, 0, size, slots)
