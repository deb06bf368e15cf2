"""GSM8K: word problems of grade-school mathematics with one number as the answer.

K. Cobbe et al., "Training Verifiers to Solve Math Word Problems" (2021, arXiv 2110.14168). A row is
``{"question", "answer"}``, the answer worked out and ending in ``#### 72``; notes to a calculator
such as ``<<48/2=24>>`` are taken out. Evaluate with `final-answer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.formats.reading import Data, Reading, row_of
from didact.records import Example, Origin

__all__ = ["Gsm8k"]

_ORIGIN = Origin(recipe="gsm8k")
_CALCULATED = re.compile(r"<<[^<>]*>>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gsm8k:
    """Word problems of grade-school mathematics, by their final number (GSM8K)."""

    path: Path
    """The published ``test.jsonl``, or rows like it."""
    instruction: str = ""
    """Put before every question, say to ask for a form of the answer."""

    def read(self) -> Iterator[Example]:
        """The problems in order, the worked solution as the output."""
        return Reading(self.path, on_error="stop").examples(self._item)

    def _item(self, data: Data) -> Sequence[Example]:
        row = row_of(data)
        question, answer = row.text("question"), _CALCULATED.sub("", row.text("answer"))
        if not answer.rpartition("####")[1]:
            row.fail("'answer' must end in #### and the number")
        if self.instruction:
            return (Example.single(self.instruction, answer, input=question, origin=_ORIGIN),)
        return (Example.single(question, answer, origin=_ORIGIN),)
