"""Which examples of a run are like one: those that share its rarest words, by ROUGE-L.

Neighbours by meaning would need a model; neighbours by words need the index that is there. The
rarest words of the instruction find candidates, and ROUGE-L of the instructions, the measure of the
novelty filter (Self-Instruct, Y. Wang et al. 2022), puts them in order. It takes as long in a run
of a million examples as in one of ten: words that stand in too many examples are not looked up.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from didact.records import Example
from didact.text.rouge import rouge_l_words
from didact.text.words import latin_words
from didact.web.search import Line

__all__ = ["Near", "similar"]

_MOST = 10
_WORDS = 6
_COMMON = 500
"""A word that stands in more examples than that finds nobody in particular."""
_CANDIDATES = 100


class Near(NamedTuple):
    """An example and how like it is, 0 to 1."""

    line: Line
    score: float


def similar(index: sqlite3.Connection, line: Line, example: Example) -> Sequence[Near]:
    """The nearest first; none where its words are all common or all its own."""
    # By how many of its rare words others share; to rank by BM25 would be to look at all of them.
    shared: Counter[int] = Counter()
    for numbers in _rarest(index, f"{example.instruction} {example.input}"[:4000]):
        shared.update(numbers)
    del shared[line["n"]]
    numbers = [n for n, _ in sorted(shared.items(), key=lambda pair: (-pair[1], pair[0]))]
    numbers = numbers[:_CANDIDATES]
    found = index.execute(
        f"SELECT * FROM examples WHERE n IN ({', '.join('?' * len(numbers))})", numbers
    ).fetchall()
    own = latin_words(str(line["asked"]))
    near = [Near(row, rouge_l_words(own, latin_words(row["asked"])).f) for row in found]
    near = [one for one in near if one.line["id"] != line["id"]]
    return sorted(near, key=lambda one: (-one.score, one.line["n"]))[:_MOST]


def _rarest(index: sqlite3.Connection, text: str) -> Sequence[Sequence[int]]:
    """The examples of each of its rarest words, the rarest first."""
    found: list[list[int]] = []
    for word in dict.fromkeys(text.lower().split()):
        plain = word.strip(".,;:!?()[]{}'\"`*_")
        if plain.isalnum():
            rows = index.execute(
                "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?", (f'"{plain}"', _COMMON + 1)
            ).fetchall()
            if 1 < len(rows) <= _COMMON:
                found.append([row[0] for row in rows])
    return sorted(found, key=len)[:_WORDS]
