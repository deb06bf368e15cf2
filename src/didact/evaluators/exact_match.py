"""Exact match after normalisation, as Super-NaturalInstructions scores classification.

Y. Wang et al., "Super-NaturalInstructions: Generalization via Declarative Instructions on 1600+ NLP
Tasks" (2022, arXiv 2204.07705): lower case, ASCII punctuation removed, white space collapsed, and
unlike SQuAD's metric the articles stay; 100 if the answer equals any reference, else 0. Ours
differs in that an item without a reference abstains instead of scoring 0. No calls.
"""

from __future__ import annotations

import string
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from didact.context import Context
from didact.records import Answer, Score

__all__ = ["ExactMatch"]

_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactMatch:
    """100 where the answer equals a reference but for case, punctuation and spaces, else 0."""

    version: ClassVar[str] = "1"

    async def score(
        self,
        ctx: Context,  # noqa: ARG002 - every evaluator takes it, this one asks no model
        answers: Sequence[Answer],
    ) -> AsyncIterator[Score]:
        """One score per answer."""
        for answer in answers:
            references = [text for text in answer.example.references if text.strip()]
            matched = _normalised(answer.text) in map(_normalised, references)
            yield Score(
                example_id=answer.example.id,
                model=answer.model,
                metric="exact_match",
                value=100.0 * matched if references else None,
                reason="" if references else "no reference",
            )


def _normalised(text: str) -> str:
    return " ".join(text.lower().translate(_PUNCTUATION).split())
