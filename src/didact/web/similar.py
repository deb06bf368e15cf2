"""Which examples of a run are like one: those that share its rarest words, by ROUGE-L.

Neighbours by meaning would need a model; neighbours by words need the index that is there. The
rarest words of the instruction find candidates, and ROUGE-L of the instructions, the measure of the
novelty filter (Self-Instruct, Y. Wang et al. 2022), puts them in order. It takes as long in a run
of a million examples as in one of ten: words that stand in too many examples are not looked up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from didact.records import Example
from didact.text.rouge import rouge_l_words
from didact.text.words import latin_words
from didact.web.search import Line

__all__ = ["Near", "similar"]

_MOST = 10
_WORDS = 8
_COMMON = 3_000
"""A word that stands in more examples than that finds nobody in particular."""
_CANDIDATES = 400


class Near(NamedTuple):
    """An example and how like it is, 0 to 1."""

    line: Line
    score: float


def similar(index: sqlite3.Connection, line: Line, example: Example) -> Sequence[Near]:
    """The nearest first; none where its words are all common or all its own."""
    asked = f"{example.instruction} {example.input}"[:4000]
    words = [word for word, _ in _rarest(index, asked)]
    if not words:
        return ()
    match = " OR ".join(f'"{word}"' for word in words)
    found = index.execute(
        "SELECT examples.* FROM words CROSS JOIN examples ON examples.n = words.rowid"
        " WHERE words MATCH ? AND words.rowid != ? ORDER BY words.rank LIMIT ?",
        (match, line["n"], _CANDIDATES),
    ).fetchall()
    own = latin_words(str(line["asked"]))
    near = [Near(row, rouge_l_words(own, latin_words(row["asked"])).f) for row in found]
    near = [one for one in near if one.line["id"] != line["id"]]
    return sorted(near, key=lambda one: (-one.score, one.line["n"]))[:_MOST]


def _rarest(index: sqlite3.Connection, text: str) -> Sequence[tuple[str, int]]:
    """Words and in how many examples they stand, the rarest first; those of one example alone."""
    index.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, words, row)"
    )
    found: list[tuple[str, int]] = []
    for word in dict.fromkeys(word.lower() for word in text.split()):
        plain = word.strip(".,;:!?()[]{}'\"`*_")
        if not plain.isalnum():
            continue
        row = index.execute("SELECT doc FROM vocabulary WHERE term = ?", (plain,)).fetchone()
        if row is not None and 1 < row[0] <= _COMMON:
            found.append((plain, int(row[0])))
    return sorted(found, key=lambda pair: pair[1])[:_WORDS]
