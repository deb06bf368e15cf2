"""The four levels of the Self-Instruct paper, given by a judge.

Self-Instruct (Y. Wang et al. 2022, arXiv 2212.10560), section 4.4: A, valid and satisfying; B,
acceptable with minor errors; C, responds to the instruction but with significant errors; D,
irrelevant or invalid. There the author of an instruction rates the answers; here a judge does,
which is cheaper and has to be compared with people before it is believed. An answer that the judge
cannot place abstains, and is never given a D.

Cost: one call per answer.
"""

from __future__ import annotations

from collections import Counter
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
from didact.records import JSON, Answer, Example, Request, Sampling, Score
from didact.text.judge_marks import read_level

__all__ = ["FourLevel"]

_LEVELS = "DCBA"


@dataclass(frozen=True, slots=True, kw_only=True)
class FourLevel:
    """1 to 4 for D to A, and whether the answer is at least acceptable (A or B)."""

    version: ClassVar[str] = "1"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"judge": CHAT}

    judge: str = "judge"
    """The role that judges: any model."""
    show_reference: bool = True
    """Whether the judge sees the output of the item, where there is one."""
    max_tokens: int = 512
    """Of the judge's reply."""
    temperature: float = 0.0
    """Of the judge."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """Three scores per answer: `four_level`, `satisfying` for A, `acceptable` for A or B.

        The letter is the reason of each.
        """
        counts = Rulings()
        levels: dict[str, Counter[str]] = {}
        questions = [
            Question(answer.example, self._request(answer), text_reader(read_level))
            for answer in answers
        ]
        async with aclosing(rulings(ctx, self.judge, questions, counts)) as results:
            number = 0
            async for ruling in results:
                answer, level = answers[number], ruling.verdict
                number += 1
                levels.setdefault(answer.model, Counter())[level or "unscored"] += 1
                values = {
                    "four_level": None if level is None else _LEVELS.index(level) + 1.0,
                    "satisfying": None if level is None else float(level == "A"),
                    "acceptable": None if level is None else float(level in "AB"),
                }
                for metric, value in values.items():
                    yield Score(
                        example_id=answer.example.id,
                        model=answer.model,
                        metric=metric,
                        value=value,
                        reason=level or ruling.reason,
                    )
        table: dict[str, JSON] = {model: dict(found) for model, found in levels.items()}
        ctx.note("statistics", **counts.to_json(), levels=table)

    def estimate(self, items: Sequence[Example], models: Sequence[str], answer: Span) -> Estimate:
        """What the judge will be asked, with so many tokens to an answer."""
        asked = [(one.example, self._request(one)) for one in empty_answers(items, models)]
        return estimate_of_answers(self.judge, asked, answer, name="levels")

    def _request(self, answer: Answer) -> Request:
        reference = reference_of(answer.example) if self.show_reference else ""
        shown = _REFERENCE.format(text=reference) if reference.strip() else ""
        prompt = _PROMPT.format(
            asked=asked_of(answer.example), reference=shown, text=shown_of(answer)
        )
        return chat(prompt, Sampling(max_tokens=self.max_tokens, temperature=self.temperature))


_REFERENCE = """
[The start of a good answer, which need not be the only one]
{text}
[The end of the good answer]
"""

_PROMPT = """\
You wrote the request below and now look at what an assistant made of it. Place the answer on one \
of four levels:
A: it is right and you are satisfied with it.
B: you can use it, though it has small mistakes or blemishes.
C: it takes up the request, but with mistakes that matter.
D: it is beside the point, or nothing that could be used.
Give your reason in a sentence or two, and end with the level in exactly this form: [[A]], [[B]], \
[[C]] or [[D]].

[Request]
{asked}
{reference}
[The start of the assistant's answer]
{text}
[The end of the assistant's answer]"""
