"""The compiled half of the novelty index: the search through the postings, and subsequences.

Everything lives in flat arrays that ``novelty_index`` owns and grows; the method is told there.
Imported only at the first search: it brings in numba. Only plain loops, which compile sooner than
array expressions; what is compiled is kept on disk where one may write.

Layout. ``tokens`` holds the token ids of all texts, end to end; ``texts[i]`` is where text *i*
starts in it, the last query that compared it, and a signature of 512 bits: the parity of hashed
words. A token has one list of postings for each class of length, for few lengths can match a
query's: ``lists[token, class]`` is where its postings begin and how many there are, with room for
the next power of two. A posting is spread over three arrays: ``marks`` and ``halves`` hold a
signature of 128 bits, folded to 64, and the first half of it; ``metas``, in one number, where the
text is, its length and how many of its tokens are rarer than this one. ``state`` holds counters,
and where rooms that lists have outgrown begin, by size. ``slots[token]`` is the first pair of the
query in which the token stands: a pair is 64 places of the query and a mask of those that hold the
token; ``links`` chains the pairs, ``bits`` holds masks and the row; pair 0 is empty. ``query``
holds the signatures of the query.
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
Held: TypeAlias = tuple[
    Integers, Ids, Integers, Ids, Ids, Bits, Bits, Integers, Integers, Bits, Bits
]
"""``state, tokens, texts, lists, slots, marks, halves, metas, links, bits, query``."""
Function = TypeVar("Function", bound=Callable[..., object])

_LONGEST = (4, 6, 8, 10, 12, 14, 17, 20, 24, 28, 34, 42, 56, 80, 160, 1 << 40)
"""Words of the longest text of each of the sixteen classes."""
_AT_ONCE = 64
"""Postings looked at together; so many more than there are have room."""
_ALONE = 16
"""Up to so many unlike bits, 64 of them tell nearly as much as 128."""
_FULL = 0xFFFF
"""The most that a posting states of a length and of a number of rarer tokens."""
_COUNT, _TOKENS, _POSTINGS, _QUERIES, _ROOMS = 0, 1, 2, 3, 4
_START, _ASKED, _BITS, _MARK, _HALF, _WIDE = 0, 1, 2, 0, 1, 2
_ORDER, _WORD, _NEXT, _LAST, _TOTAL, _LEFT, _MASK, _ROW = 0, 1, 2, 3, 4, 5, 0, 1
_SCALE, _ROUNDING = 1 << 20, 1e-6
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
    precision, recall = common / predicted, common / wanted
    return 2 * precision * recall / (precision + recall)


@_compiled
def _prepare(
    ids: Ids, start: int, end: int, slots: Ids, links: Integers, bits: Bits, query: Bits
) -> None:
    """Set up the query: tokens by rarity, masks of where each token stands, signatures."""
    size, pairs = end - start, 0
    for word in range(len(query)):
        query[word] = np.uint64(0)
    for i in range(size):
        token = ids[start + i]
        links[_ORDER, i] = token
        spread = np.uint64(token + 1) * np.uint64(0x9E3779B97F4A7C15)
        bit = np.uint64(1) << (spread >> np.uint64(58))
        query[_MARK] ^= bit
        query[_HALF] ^= bit * ((spread >> np.uint64(57)) & np.uint64(1))
        word = _WIDE + np.int64((spread >> np.uint64(48)) & np.uint64(7))
        query[word] ^= np.uint64(1) << ((spread >> np.uint64(51)) & np.uint64(63))
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


@_compiled
def _forget(ids: Ids, start: int, end: int, slots: Ids) -> None:
    for i in range(start, end):
        slots[ids[i]] = 0


@_compiled
def _common_short(size: int, start: int, end: int, held: Held) -> np.int64:
    """Longest common subsequence with a query of up to 64 tokens: one machine word."""
    _, tokens, _, _, slots, _, _, _, _, bits, _ = held
    row = ~np.uint64(0)
    # Indexes without a sign are not looked at for one; a word the query lacks has an empty mask.
    for j in range(np.uint64(start), np.uint64(end)):
        matched = row & bits[np.uint64(_MASK), np.uint64(slots[np.uint64(tokens[j])])]
        row = (row + matched) | (row - matched)
    if size < 64:
        row |= ~np.uint64(0) << np.uint64(size)
    return 64 - _ones(row)  # pyright: ignore[reportArgumentType]


@_compiled
def _common_long(size: int, start: int, end: int, held: Held) -> np.int64:
    """The same over many machine words, visiting only those in which the token stands."""
    _, tokens, _, _, slots, _, _, _, links, bits, _ = held
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
def _too_few(missing: float, start: int, end: int, held: Held) -> bool:
    """Whether more than ``missing`` tokens of a text have no partner in the query."""
    _, tokens, _, _, slots, _, _, _, links, _, _ = held
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
def _similarity(size: int, start: int, other: int, least: float, held: Held) -> float:
    """F of the query with a text; 0 where fewer words than ``least`` have a partner."""
    if size <= 64:
        return _f_measure(_common_short(size, start, start + other, held), size, other)
    if _too_few(other - least, start, start + other, held):
        return 0.0
    return _f_measure(_common_long(size, start, start + other, held), size, other)


@_compiled
def _prefix(size: int, threshold: float) -> int:
    """How many of its rarest tokens a text must be listed, and looked up, under."""
    least = int(np.ceil(threshold * size / (2.0 - threshold) - _ROUNDING))
    return size - max(least, 1) + 1


@_compiled
def _class(size: int) -> int:
    found = 0
    for longest in _LONGEST[:-1]:
        found += size > longest
    return found


@_compiled
def _alike(start: np.uint64, most: int, marks: Bits, halves: Bits, query: Bits) -> np.uint64:
    """Of the next postings, a bit for each whose signature has at most so many unlike bits."""
    mark, half = query[_MARK], query[_HALF]
    found = np.uint64(0)
    # Nothing is decided inside these loops, so that several postings are compared at a time.
    if most < _ALONE:
        for j in range(np.uint64(_AT_ONCE)):
            found |= np.uint64(_ones(marks[start + j] ^ mark) <= most) << j
    else:
        for j in range(np.uint64(_AT_ONCE)):
            # The folded signature is the first half on the second.
            first = halves[start + j] ^ half
            second = (marks[start + j] ^ mark) ^ first
            found |= np.uint64(_ones(first) + _ones(second) <= most) << j
    return found


@_compiled
def _unlike(text: np.uint64, texts: Integers, query: Bits) -> np.int64:
    """A number of words, at most that of those that a text and the query do not share."""
    found = np.int64(0)
    for word in range(8):
        found += _ones(np.uint64(texts[text, _BITS + word]) ^ query[_WIDE + word])
    return found


@_compiled
def _search(size: int, threshold: float, drop_equal: bool, held: Held) -> tuple[np.int64, float]:
    state, _, texts, lists, _, marks, halves, metas, links, _, query = held
    best, found = 0.0, np.int64(-1)
    state[_QUERIES] += 1
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
            count = np.int64(lists[token, length, 1])
            start = np.int64(lists[token, length, 0])
            most = ((size + min(longest, _LONGEST[length])) * unshared) // _SCALE
            for done in range(0, count, _AT_ONCE):
                at = np.uint64(start + done)
                alike = _alike(at, most, marks, halves, query)
                if count - done < _AT_ONCE:
                    alike &= (np.uint64(1) << np.uint64(count - done)) - np.uint64(1)
                while alike:
                    lowest = alike & (~alike + np.uint64(1))
                    alike ^= lowest
                    meta = metas[at + np.uint64(_ones(lowest - np.uint64(1)))]
                    text = np.uint64(meta >> 32)
                    other = (meta >> 16) & _FULL
                    if other == _FULL:
                        other = texts[text + np.uint64(1), _START] - texts[text, _START]
                    # Nor does it share any of its own rarer words.
                    least = threshold * (size + other) / 2 - _ROUNDING
                    if (
                        (other < shortest)
                        | (other > longest)
                        | (min(size - i, other - (meta & _FULL)) < least)
                    ):
                        continue
                    if texts[text, _ASKED] == state[_QUERIES]:
                        continue
                    texts[text, _ASKED] = state[_QUERIES]
                    if _unlike(text, texts, query) * _SCALE > (size + other) * unshared:
                        continue
                    score = _similarity(size, texts[text, _START], other, least, held)
                    near = score > threshold or (drop_equal and score == threshold)
                    position = np.int64(text)
                    if near and (score > best or (score == best and position < found)):
                        best, found = score, position
    return found, best


@_compiled
def _make_room(count: np.int64, old: np.int64, held: Held) -> np.int64:
    """Where a list that has filled its room goes on: a room of twice the size, its postings in it.

    A room that is free points to the next free one of its size. The places of both are stored plus
    one: zero is none.
    """
    state, _, _, _, _, marks, halves, metas, _, _, _ = held
    wanted, size = max(2 * count, 1), 0
    while 1 << size < wanted:
        size += 1
    new = state[_ROOMS + size] - 1
    if new >= 0:
        state[_ROOMS + size] = metas[new]
    else:
        new = state[_POSTINGS]
        state[_POSTINGS] += wanted
    for i in range(count):
        marks[new + i] = marks[old + i]
        halves[new + i] = halves[old + i]
        metas[new + i] = metas[old + i]
    if count:
        metas[old] = state[_ROOMS + size - 1]
        state[_ROOMS + size - 1] = old + 1
    return new


@_compiled
def _post(size: int, threshold: float, held: Held) -> bool:
    """List the next text under its rarest tokens; False, with nothing done, if room lacks."""
    state, _, _, lists, _, marks, halves, metas, links, _, query = held
    prefix, length, needed = _prefix(size, threshold), _class(size), _AT_ONCE
    for i in range(prefix):
        count = lists[links[_ORDER, i], length, 1]
        if count & (count - 1) == 0:
            needed += max(2 * count, 1)
    if state[_POSTINGS] + needed > len(marks):
        return False
    for i in range(prefix):
        token = links[_ORDER, i]
        if i > 0 and links[_ORDER, i - 1] == token:
            continue
        count, old = np.int64(lists[token, length, 1]), np.int64(lists[token, length, 0])
        if count & (count - 1) == 0:
            lists[token, length, 0] = _make_room(count, old, held)
        p = lists[token, length, 0] + count
        marks[p] = query[_MARK]
        halves[p] = query[_HALF]
        metas[p] = (state[_COUNT] << 32) | (min(size, _FULL) << 16) | min(i, _FULL)
        lists[token, length, 1] = count + 1
    return True


@_compiled
def sweep(
    look: bool,
    adds: Flags,
    threshold: float,
    drop_equal: bool,
    ids: Ids,
    ends: Integers,
    found: Integers,
    scores: NDArray[np.float64],
    held: Held,
    first: int,
) -> int:
    """Look for texts near each one, from ``first`` on; add it where ``adds`` says so and none is.

    Returns how far it came: it stops at a text for which the postings must be given more room.
    """
    state, tokens, texts, _, slots, _, _, _, links, bits, query = held
    for number in range(first, len(ends)):
        start = ends[number - 1] if number else 0
        size = ends[number] - start
        _prepare(ids, start, ends[number], slots, links, bits, query)
        found[number] = -1
        if look and size:
            found[number], scores[number] = _search(size, threshold, drop_equal, held)
        _forget(ids, start, ends[number], slots)
        if not adds[number] or found[number] >= 0:
            continue
        if size and not _post(size, threshold, held):
            return number
        for i in range(start, ends[number]):
            tokens[state[_TOKENS]] = ids[i]
            state[_TOKENS] += 1
        for word in range(8):
            texts[state[_COUNT], _BITS + word] = np.int64(query[_WIDE + word])
        state[_COUNT] += 1
        texts[state[_COUNT], _START] = state[_TOKENS]
    return len(ends)
