"""TruthfulQA: questions that people often answer wrongly, with right and wrong answers.

S. Lin et al., "TruthfulQA: Measuring How Models Mimic Human Falsehoods" (2021, arXiv 2109.07958):
817 questions. A row of the published CSV has ``Question``, ``Best Answer``, and ``Correct Answers``
and ``Incorrect Answers`` separated by semicolons. The output is the best answer, the other correct
ones are references. Evaluate with `choice`, which compares the options, or with a judge; what is
published as a judge of truth was a tuned model that is no longer served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import Data, Reading, row_of
from didact.records import JSON, Example, Origin

__all__ = ["Truthfulqa"]

_ORIGIN = Origin(recipe="truthfulqa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truthfulqa:
    """Questions that people often answer wrongly, with right and wrong answers (TruthfulQA)."""

    path: Path
    """The published ``TruthfulQA.csv``, or rows like it."""
    options: Literal["one", "many"] = "one"
    """`one`: the best answer among the wrong ones. `many`: all right ones among them, for
    ``choice_mass``."""

    def read(self) -> Iterator[Example]:
        """The questions in order, ``meta["category"]`` telling the subject."""
        return Reading(self.path, on_error="stop").examples(self._item)

    def _item(self, data: Data) -> Sequence[Example]:
        row = row_of(data)
        best = row.text("Best Answer").strip()
        others = _parts(row.text("Correct Answers"))
        right = list(dict.fromkeys([best, *others]))
        wrong = _parts(row.text("Incorrect Answers"))
        shown: list[JSON] = [best] if self.options == "one" else [*right]
        # What some rows list as both is right.
        shown += [answer for answer in wrong if answer not in right]
        meta: dict[str, JSON] = {
            "category": row.optional_text("Category"),
            "references": [answer for answer in right if answer != best],
            "options": shown,
        }
        question = row.text("Question").strip()
        return (Example.single(question, best, origin=_ORIGIN, meta=meta),)


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))
