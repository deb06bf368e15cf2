"""ROUGE-L and ROUGE-1 against the references, as Super-NaturalInstructions scores generation.

Y. Wang et al., "Super-NaturalInstructions: Generalization via Declarative Instructions on 1600+ NLP
Tasks" (2022, arXiv 2204.07705), track "default": F-measure with stemming, the best over all
references, times 100. Ours equals the official script to the last bit before its rounding; it
differs in that an item without a reference abstains instead of scoring 0. The words are Latin
letters and digits only, so a reference in another script scores 0 whatever the answer: the reason
of such a score says so. No calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from didact.context import Context
from didact.records import Answer, Score
from didact.text.rouge import rouge_l, rouge_n
from didact.text.words import latin_words

__all__ = ["Rouge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rouge:
    """Words shared with the best reference, in order (rougeL) or as a bag (rouge1), 0 to 100."""

    version: ClassVar[str] = "1"

    stem: bool = True
    """Compare word stems, so that "runs" meets "running"; the official metric does."""

    async def score(
        self,
        ctx: Context,  # noqa: ARG002 - every evaluator takes it, this one asks no model
        answers: Sequence[Answer],
    ) -> AsyncIterator[Score]:
        """Two scores per answer."""
        for answer in answers:
            references = [text for text in answer.example.references if text.strip()]
            latin = any(latin_words(text) for text in references)
            reason = "" if latin else "no Latin words in any reference"
            for metric, measure in (("rougeL", self._longest), ("rouge1", self._single)):
                yield Score(
                    example_id=answer.example.id,
                    model=answer.model,
                    metric=metric,
                    value=_best(measure, answer.text, references),
                    reason=reason if references else "no reference",
                )

    def _longest(self, text: str, reference: str) -> float:
        return rouge_l(text, reference, stem=self.stem).f

    def _single(self, text: str, reference: str) -> float:
        return rouge_n(text, reference, n=1, stem=self.stem).f


def _best(
    measure: Callable[[str, str], float], text: str, references: Sequence[str]
) -> float | None:
    return 100 * max(measure(text, reference) for reference in references) if references else None
