"""Tasks of two steps on a list of words, answered at once or with both steps written out.

The share of worked answers is what Scaling Instruction-Finetuned Language Models (H. W. Chung et
al. 2022, arXiv 2210.11416) varies. Some pairs of steps are kept for evaluation, where each step is
known and their combination is not. Cost: no calls.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from didact.microworld import lexicon
from didact.records import Example, Origin

__all__ = ["TwoSteps"]

Words = list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSteps:
    """First change a list, then answer a question about what came out."""

    count: int
    """How many tasks."""
    worked: float = 0.0
    """How many of the answers write out both steps, from 0 to 1."""
    unseen: bool = False
    """The pairs of steps that are kept for evaluation, instead of the others."""

    def read(self) -> Iterator[Example]:
        """The tasks; with another share the same tasks, of which more or fewer are worked."""
        rng = random.Random(f"two steps {self.unseen}")
        pairs = [
            (change, ask)
            for n, change in enumerate(_CHANGES)
            for m, ask in enumerate(_ASKED)
            if ((n + m) % 3 == 0) == self.unseen
        ]
        for number in range(self.count):
            change, ask = pairs[number % len(pairs)]
            words = rng.sample(lexicon.NOUNS, rng.choice((3, 4, 5)))
            changed = _CHANGES[change](words)
            answer = _ASKED[ask](changed)
            output = f"The answer is {answer}."
            if rng.random() < self.worked:
                output = f"{', '.join(changed)}. {output}"
            yield Example.single(
                f"First {change}, then {ask}.",
                output,
                input=", ".join(words),
                origin=Origin(recipe="two-steps"),
                meta={"family": f"{change}, {ask}"},
            )


_CHANGES: dict[str, Callable[[Words], Words]] = {
    "reverse the words": lambda words: words[::-1],
    "sort the words by the alphabet": sorted,
    "leave out the first word": lambda words: words[1:],
    "leave out the last word": lambda words: words[:-1],
    "move the first word to the end": lambda words: [*words[1:], words[0]],
    "write the first word twice": lambda words: [words[0], *words],
}

_ASKED: dict[str, Callable[[Words], str]] = {
    "give the first word": lambda words: words[0],
    "give the last word": lambda words: words[-1],
    "give the second word": lambda words: words[1],
    "count the words": lambda words: ("two", "three", "four", "five", "six")[len(words) - 2],
}
