"""A judge grades each answer alone from 1 to 10, with the right answer at hand where it helps.

L. Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena" (2023, arXiv 2306.05685),
single-answer grading: reasons first, then "Rating: [[5]]". For mathematics, reasoning and code the
judge is shown a reference answer, because judges are easily led by a wrong solution. A conversation
is shown whole and its last turn graded. Ours differs in that a reply without a rating, which is -1
there and left out of the mean, abstains with a reason, and so does a rating outside 1 to 10.

Cost: one call per answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import ClassVar

from didact.context import Context
from didact.estimate import Estimate, Span
from didact.judges.asking import (
    CHAT,
    Question,
    Rulings,
    asked_of,
    chat,
    reference_of,
    rulings,
    shown_of,
    text_reader,
)
from didact.judges.estimating import empty_answers, estimate_of_answers
from didact.records import Answer, Example, Request, Sampling, Score
from didact.text.judge_marks import read_rating

__all__ = ["Graded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """The grade from 1 to 10 that a judge gives an answer."""

    version: ClassVar[str] = "1"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"judge": CHAT}

    judge: str = "judge"
    """The role that judges: any model."""
    reference_for: tuple[str, ...] = ("math", "reasoning", "coding")
    """Values of `category` in an item's meta for which the judge sees the item's output; `all` is
    every item that has one."""
    max_tokens: int = 2048
    """Of the judge's reply."""
    temperature: float = 0.0
    """Of the judge."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """One score per answer."""
        counts = Rulings()
        questions = [
            Question(answer.example, self._request(answer), text_reader(read_rating))
            for answer in answers
        ]
        async with aclosing(rulings(ctx, self.judge, questions, counts)) as results:
            number = 0
            async for ruling in results:
                answer = answers[number]
                number += 1
                yield Score(
                    example_id=answer.example.id,
                    model=answer.model,
                    metric="graded",
                    value=ruling.verdict,
                    reason=ruling.reason,
                )
        ctx.note("statistics", **counts.to_json())

    def estimate(self, items: Sequence[Example], models: Sequence[str], answer: Span) -> Estimate:
        """What the judge will be asked, with so many tokens to an answer."""
        asked = [(one.example, self._request(one)) for one in empty_answers(items, models)]
        return estimate_of_answers(self.judge, asked, answer, name="grades")

    def _request(self, answer: Answer) -> Request:
        example = answer.example
        reference = _REFERENCE.format(text=reference_of(example)) if self._shows(example) else ""
        prompt = _PROMPT.format(
            asked=asked_of(example),
            reference=reference,
            text=shown_of(answer),
            correctness=_CORRECTNESS if reference else "",
        )
        return chat(prompt, Sampling(max_tokens=self.max_tokens, temperature=self.temperature))

    def _shows(self, example: Example) -> bool:
        wanted = set(self.reference_for) & {"all", str(example.meta.get("category", ""))}
        return bool(wanted and example.output.strip())


_CORRECTNESS = " Compare it with the reference answer first, and point out what is wrong in it."

_REFERENCE = """
[The start of the reference answer]
{text}
[The end of the reference answer]
"""

_PROMPT = """\
Judge how well an assistant answered the request below: is the answer helpful, relevant, right, \
deep enough, well made and detailed?{correctness} Give your reasons in a few sentences, as an \
impartial judge would; then grade the answer from 1 to 10 in exactly this form: [[grade]], for \
example: Rating: [[5]].

[Question]
{asked}
{reference}
[The start of the assistant's answer]
{text}
[The end of the assistant's answer]"""
