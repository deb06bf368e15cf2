r"""Whether an answer ends at the right result, however it gets there.

As K. Cobbe et al., "Training Verifiers to Solve Math Word Problems" (2021, arXiv 2110.14168), score
GSM8K: what stands behind ``####``. Other models say it otherwise, so ours reads, in this order,
what is behind the last ``####``, in the last ``\boxed{}``, behind the last "answer is" or
"answer:", and else the last number, or the whole text where it has none. Numbers are compared as
numbers: 1,000 is 1000.0, and currency, percent and units of a number do not count. An item without
a reference abstains. No calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from didact.context import Context
from didact.records import Answer, Score
from didact.text.final_answers import final_answer, marked_answer

__all__ = ["FinalAnswer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalAnswer:
    """100 where the result at the end is that of a reference, else 0."""

    version: ClassVar[str] = "1"

    reading: Literal["lenient", "marked"] = "lenient"
    """`marked` takes what is behind ``####`` only, as published: a model that has not learned the
    form is wrong everywhere."""

    async def score(
        self,
        ctx: Context,  # noqa: ARG002 - every evaluator takes it, this one asks no model
        answers: Sequence[Answer],
    ) -> AsyncIterator[Score]:
        """One score per answer."""
        for answer in answers:
            references = [text for text in answer.example.references if text.strip()]
            read = marked_answer if self.reading == "marked" else final_answer
            found = read(answer.text)
            right = bool(found) and found in map(final_answer, references)
            yield Score(
                example_id=answer.example.id,
                model=answer.model,
                metric="final_answer",
                value=100.0 * right if references else None,
                reason="" if references else "no reference",
            )
