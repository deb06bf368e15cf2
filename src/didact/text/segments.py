"""Which segments of the web can be an answer: the filters of instruction backtranslation.

Li et al. 2023 (arXiv 2308.06259): total length, repetitive sentences (Jaccard similarity of n-grams
over pairs of sentences), and a header that is not empty, not all in capitals and not that of a
navigation. They give neither n nor the threshold; ours are three words and a half. A sentence of
fewer than n words is compared with none. The open replication (Spico197/Humpback) takes pages of
1,000 to 2,200 characters instead, and none with a line shorter than five. No I/O.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from didact.text.sections import Section
from didact.text.words import all_words

__all__ = ["NAVIGATION", "SegmentRules", "fault_of_segment", "repetition"]

NAVIGATION = ("advertisement", "forum", "quick link", "free newsletter")
"""What the header of a navigation says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRules:
    """What a segment must be like; the defaults are the paper's."""

    shortest: int = 600
    """Characters."""
    longest: int = 3000
    """Characters."""
    shortest_line: int = 0
    """Characters of every line that is not empty."""
    repetition: float = 0.5
    """Two sentences that share so much of their n-grams, or more, repeat each other."""
    ngram: int = 3
    """Words of an n-gram."""
    navigation: tuple[str, ...] = NAVIGATION
    """A header with one of these in it, in any case, is no header of a text."""


def fault_of_segment(section: Section, rules: SegmentRules) -> str:
    """Why a section is no segment to keep; "" where it is one. The cheap rules come first."""
    header, text = section.header, section.text
    if header is not None:
        if not header.strip():
            return "no header"
        if header.isupper():
            return "header in capitals"
        if any(word.lower() in header.lower() for word in rules.navigation):
            return "header of a navigation"
    if len(text) < rules.shortest:
        return "too short"
    if len(text) > rules.longest:
        return "too long"
    if any(0 < len(line.strip()) < rules.shortest_line for line in text.splitlines()):
        return "a line too short"
    if repetition(text, rules.ngram) >= rules.repetition:
        return "repetitive"
    return ""


def repetition(text: str, ngram: int) -> float:
    """The highest Jaccard similarity of n-grams of words between two sentences; 0 where none is."""
    grams: list[frozenset[tuple[str, ...]]] = []
    for sentence in _SENTENCE_END.split(text):
        words = all_words(sentence)
        if len(words) >= ngram:
            starts = range(len(words) - ngram + 1)
            grams.append(frozenset(tuple(words[n : n + ngram]) for n in starts))
    # Only sentences that share an n-gram can be alike, and few do.
    holding: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    shared: Counter[tuple[int, int]] = Counter()
    for number, found in enumerate(grams):
        for gram in found:
            shared.update((other, number) for other in holding[gram])
            holding[gram].append(number)
    return max(
        (
            both / (len(grams[first]) + len(grams[second]) - both)
            for (first, second), both in shared.items()
        ),
        default=0.0,
    )


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
