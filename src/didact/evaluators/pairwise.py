"""A judge says which of two answers is better, asked in both orders.

L. Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena" (2023, arXiv 2306.05685):
the judge compares before it decides and ends with [[A]], [[B]], or [[C]] for a tie. Both orders
are asked, and a verdict that turns with the order is a tie. Ours differs in that answers that are
the same tie without a call, that a reply with no verdict or with two leaves the pair unscored
instead of missing from the table, and that the run notes how often the judge flipped, tied, could
not be read, preferred the first place, and how much it was drawn by length.

Cost: two calls for each item and pair of models, and two for each of ``repeats``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from didact.context import Context
from didact.estimate import Estimate, Span
from didact.judges.asking import CHAT, asked_of, chat, text_reader
from didact.judges.duels import Tally, fight, pair_up, scores_of
from didact.judges.estimating import estimate_of_duels
from didact.records import Answer, Example, Request, Sampling, Score
from didact.text.judge_marks import Side, read_choice

__all__ = ["Pairwise"]

_VALUE: dict[Side, float] = {"first": 1.0, "second": 0.0, "tie": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairwise:
    """1 where a judge finds the answer better in both orders, 0 where worse, else 0.5."""

    version: ClassVar[str] = "1"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"judge": CHAT}

    judge: str = "judge"
    """The role that judges: any model."""
    against: str | None = None
    """The role every other is compared with, or `reference` for the output of the item. None: every
    pair of models; with one model alone, the reference."""
    rule: Literal["agreement", "majority", "mean"] = "agreement"
    """`agreement`: won where both orders say so. `majority`: also where one says so and the other
    ties. `mean`: the mean of both."""
    repeats: int = 0
    """Pairs that the judge is asked about a second time, to see how far it agrees with itself."""
    own: str | None = None
    """The role whose answers the judge wrote itself, to see how much it prefers them."""
    max_tokens: int = 1024
    """Of the judge's reply."""
    temperature: float = 0.0
    """Of the judge."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """One score per answer: its mean over all it was compared with."""
        tally = Tally(own=self.own or "")
        fought = await fight(
            ctx,
            self.judge,
            pair_up(answers, self.against),
            prompting=self._prompt,
            read=text_reader(_read),
            orders="both",
            rule=self.rule,
            tally=tally,
            repeats=self.repeats,
        )
        for score in scores_of(answers, fought, metric="pairwise", against=self.against):
            yield score
        ctx.note("statistics", **tally.to_json())

    def estimate(self, items: Sequence[Example], models: Sequence[str], answer: Span) -> Estimate:
        """What the judge will be asked at most, with so many tokens to an answer."""
        return estimate_of_duels(
            self.judge,
            items,
            models,
            answer,
            against=self.against,
            prompting=self._prompt,
            name="pairs",
            repeats=self.repeats,
        )

    def _prompt(self, example: Example, first: str, second: str) -> Request:
        prompt = _PROMPT.format(asked=asked_of(example), first=first, second=second)
        return chat(prompt, Sampling(max_tokens=self.max_tokens, temperature=self.temperature))


def _read(reply: str) -> float | None:
    side = read_choice(reply)
    return None if side is None else _VALUE[side]


_PROMPT = """\
Two assistants were given the request below. Decide whose answer serves the user better: does it \
do what was asked, is it right, useful, to the point, and as detailed as it needs to be?
Compare the two first and give your reasons in a few sentences. Neither the order in which they \
stand nor their length, nor the name of an assistant, must count.
End with your verdict in exactly this form: [[A]] if the answer of assistant A is better, [[B]] if \
that of assistant B is, [[C]] if neither is.

[User question]
{asked}

[The start of assistant A's answer]
{first}
[The end of assistant A's answer]

[The start of assistant B's answer]
{second}
[The end of assistant B's answer]"""
