"""Drop answers that repeat themselves: loops, the same lines, the same runs of words.

The limits for lines and runs of words are of MassiveText (Rae et al. 2021, arXiv 2112.11446, table
A1), which measured web pages; an answer of a few words is measured for loops only, because a list
of five colours repeats more than a page may. What is counted is told in ``text/repeats.py``.

Cost: no call of a model; some 0.1 ms for an answer of a hundred words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from didact.records import Example, Verdict
from didact.text.parts import Part, part_of
from didact.text.repeats import longest_loop, repeated_characters, repeated_lines, repeated_runs
from didact.text.words import count_words

__all__ = ["Repetition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Drop answers that go round in circles."""

    version: ClassVar[str] = "1"

    part: Part = "output"
    """What is looked at: `instruction`, `input`, `prompt`, `output`, or `example`, all of it."""
    times: int = 5
    """How often a run of words may not follow itself; 0: any."""
    loop: int = 10
    """The fewest words that a loop covers in all."""
    lines: float = 0.3
    """The largest share of lines that stood there before."""
    runs: float = 0.3
    """The largest share of words that stand in a run of five which came before; the 0.15 of
    MassiveText also drops songs, forms and code."""
    words: int = 50
    """Answers with fewer words are not measured for lines and runs."""

    def check(self, example: Example) -> Verdict:
        """Keep it, or show what is repeated."""
        text = part_of(example, self.part)
        if same := repeated_characters(text):
            return _drop("one character", float(len(same)), found=same[:20], limit=20)
        loop = longest_loop(text) if self.times else None
        if loop and loop.times >= self.times and loop.times * len(loop.words) >= self.loop:
            found = " ".join(loop.words)[:200]
            return _drop("a loop", float(loop.times), found=found, limit=self.times)
        if count_words(text) < self.words:
            return Verdict(keep=True)
        if (share := repeated_lines(text)) > self.lines:
            return _drop("repeated lines", share, limit=self.lines)
        if (share := repeated_runs(text)) > self.runs:
            return _drop("repeated words", share, limit=self.runs)
        return Verdict(keep=True)


def _drop(reason: str, score: float, *, limit: float, found: str = "") -> Verdict:
    evidence = {"limit": limit, "found": found} if found else {"limit": limit}
    return Verdict(keep=False, reason=reason, score=score, evidence=evidence)
