"""How much of a text repeats itself: the loop a model fell into, lines over again, runs of words.

The shares of duplicate lines and of words inside runs that came before are those of the quality
filters of MassiveText (Rae et al., "Scaling Language Models", 2021, arXiv 2112.11446, table A1):
30 % of lines; of the runs of 5 to 10 words 15 to 10 % of the characters. Ours counts words instead
of characters, so that scripts without spaces count alike, and adds the loop: the same run of words,
again and again without anything between, which is how a small model's answer ends.

Cost: no call of a model; linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from didact.text.words import all_words

__all__ = ["Loop", "longest_loop", "repeated_characters", "repeated_lines", "repeated_runs"]

_LONGEST = 50
"""Words of the longest unit whose repetition is looked for."""

_SAME = re.compile(r"([^\W_])\1{19,}")


class Loop(NamedTuple):
    """A run of words that follows itself."""

    words: tuple[str, ...]
    times: int
    """How often it stands there, one after the other, whole."""


def longest_loop(text: str) -> Loop | None:
    """The run of words that repeats itself over most of the text; None where none does."""
    words = all_words(text)
    periods = _periods(words)
    ids = _numbered(words) if periods else np.zeros(0, np.int64)
    best: tuple[int, int, int] | None = None
    for period in periods:
        same = ids[period:] == ids[:-period]
        length, start = _longest_true(same)
        times = length // period + 1
        # Of equal extent the shorter unit: "a a a a" is "a" four times.
        if times >= 2 and (best is None or times * period > best[0]):
            best = (times * period, period, start)
    if best is None:
        return None
    covered, period, start = best
    return Loop(tuple(words[start : start + period]), covered // period)


def repeated_lines(text: str) -> float:
    """The share of lines with letters that stood there before."""
    lines = [line for line in map(str.strip, text.splitlines()) if any(map(str.isalpha, line))]
    return 1 - len(set(lines)) / len(lines) if lines else 0.0


def repeated_runs(text: str, size: int = 5) -> float:
    """The share of words that stand in a run of ``size`` words which came before."""
    words = all_words(text)
    seen: set[tuple[str, ...]] = set()
    covered = np.zeros(len(words), np.bool_)
    for at, run in enumerate(zip(*(words[start:] for start in range(size)), strict=False)):
        if run in seen:
            covered[at : at + size] = True
        seen.add(run)
    return float(covered.mean()) if words else 0.0


def repeated_characters(text: str) -> str:
    """The first letter or digit that stands twenty times in a row, as it stands; or ""."""
    found = _SAME.search(text)
    return found.group() if found else ""


def _periods(words: list[str]) -> Sequence[int]:
    """Those at which words follow themselves often enough for a loop; all where most words do."""
    longest = min(_LONGEST, len(words) // 2)
    kinds = len(set(words))
    if kinds == len(words):
        return ()
    if kinds * 8 < len(words):
        return range(1, longest + 1)
    counts = [0] * (longest + 1)
    places: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        earlier = places.setdefault(word, [])
        for before in reversed(earlier):
            if at - before > longest:
                break
            counts[at - before] += 1
        earlier.append(at)
    return [period for period in range(1, longest + 1) if counts[period] >= period]


def _numbered(words: list[str]) -> NDArray[np.int64]:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(word, len(numbers)) for word in words], np.int64)


def _longest_true(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Length and start of the longest run of true values, the first of equals."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.view(np.int8), [0]))))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    return int(lengths[longest]), int(edges[2 * longest])
