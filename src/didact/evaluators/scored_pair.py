"""Two answers side by side, each scored from 1 to 10: the protocol of the 80 questions.

Vicuna (W.-L. Chiang et al. 2023), used again by Instruction Tuning with GPT-4 (B. Peng et al. 2023,
arXiv 2304.03277) and many after: a judge writes two scores in its first line, then its reasons;
questions of code and of mathematics (``meta["category"]``) are asked about in words of their own,
mathematics with a solution first. The relative score of a model is its total over that of the other
on the same questions, and is noted for every pair with its interval.

``faithful``: one order only, the model under test second, and the published reader, which cannot
read what the mathematics prompt asks for. Ours asks both orders and takes the mean of the two
scores; a reply without two scores leaves the pair unscored (there it was mended by hand); identical
answers are asked about once and get one score.

Cost: two calls for each item and pair of models, or one where ``faithful``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import ClassVar, Literal, NamedTuple

from didact.context import Context
from didact.estimate import Estimate, Span
from didact.judges.asking import CHAT, Question, asked_of, chat, rulings, text_reader
from didact.judges.duels import Duel, Fought, Tally, bounds, judgement, pair_up
from didact.judges.estimating import estimate_of_duels
from didact.records import JSON, Answer, Example, Request, Sampling, Score
from didact.stats.win_rates import relative_score
from didact.text.judge_marks import read_pair
from didact.text.score_lines import scoring_prompt

__all__ = ["ScoredPair"]


class _Scored(NamedTuple):
    duel: Duel
    pair: tuple[float, float] | None
    """The scores of ``a`` and ``b``."""
    reason: str

    @property
    def fought(self) -> Fought:
        """The same as a duel: who has the higher score."""
        value = None if self.pair is None else 0.5 + 0.5 * _sign(self.pair[0] - self.pair[1])
        return Fought(self.duel, value, self.reason)


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPair:
    """The score from 1 to 10 that a judge gives an answer beside another one."""

    version: ClassVar[str] = "1"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"judge": CHAT}

    judge: str = "judge"
    """The role that judges: any model."""
    against: str | None = None
    """The role every other is compared with, or `reference` for the output of the item. None: every
    pair of models; with one model alone, the reference."""
    mode: Literal["corrected", "faithful"] = "corrected"
    """`faithful` repeats the published protocol, one order and its reader included."""
    max_tokens: int = 1024
    """Of the judge's reply."""
    temperature: float = 0.2
    """Of the judge; the published value."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """One score per answer, the mean over all orders and all it was scored beside."""
        duels = pair_up(answers, self.against)
        tally = Tally()
        scored = [result async for result in self._scored(ctx, duels, tally)]
        tally.fought = [result.fought for result in scored]
        given: dict[tuple[str, str], list[float]] = {}
        lost: dict[tuple[str, str], str] = {}
        for duel, pair, reason in scored:
            for name, score in zip((duel.a, duel.b), pair or (None, None), strict=True):
                if score is not None:
                    given.setdefault((duel.example.id, name), []).append(score)
                else:
                    lost[duel.example.id, name] = reason
        for answer in answers:
            key = (answer.example.id, answer.model)
            yield Score(
                example_id=answer.example.id,
                model=answer.model,
                metric="scored_pair",
                value=fmean(given[key]) if key in given else None,
                reason="" if key in given else lost.get(key, "nothing to compare with"),
            )
        ctx.note("statistics", **tally.to_json(), relative=_relative(scored, ctx.seed))

    async def _scored(
        self, ctx: Context, duels: Sequence[Duel], tally: Tally
    ) -> AsyncIterator[_Scored]:
        # The first of a duel is the model under test, which stood second.
        orders = (True,) if self.mode == "faithful" else (False, True)
        reader = text_reader(partial(read_pair, faithful=self.mode == "faithful"))
        questions = [
            Question(duel.example, self._request(duel, swapped=swapped), reader)
            for duel in duels
            for swapped in _shown(duel, orders)
        ]
        async with aclosing(rulings(ctx, self.judge, questions, tally.rulings)) as results:
            for duel in duels:
                ruled = [(await anext(results), swapped) for swapped in _shown(duel, orders)]
                if duel.text_a != duel.text_b:
                    tally.judgements += [
                        judgement(duel, swapped, _outcome(r.verdict) if r.verdict else None)
                        for r, swapped in ruled
                    ]
                read = [
                    (r.verdict[::-1] if swapped else r.verdict)
                    for r, swapped in ruled
                    if r.verdict is not None
                ]
                reason = next((r.reason for r, _ in ruled if r.reason), "")
                if reason:
                    yield _Scored(duel, None, reason)
                    continue
                pair = (fmean(a for a, _ in read), fmean(b for _, b in read))
                if duel.text_a == duel.text_b:
                    # What is the same has one score, whatever a place adds.
                    pair = (fmean(pair), fmean(pair))
                yield _Scored(duel, pair, "")

    def estimate(self, items: Sequence[Example], models: Sequence[str], answer: Span) -> Estimate:
        """What the judge will be asked at most, with so many tokens to an answer."""
        return estimate_of_duels(
            self.judge,
            items,
            models,
            answer,
            against=self.against,
            prompting=self._prompt,
            name="scored pairs",
            orders=1 if self.mode == "faithful" else 2,
        )

    def _request(self, duel: Duel, *, swapped: bool) -> Request:
        texts = (duel.text_b, duel.text_a) if swapped else (duel.text_a, duel.text_b)
        return self._prompt(duel.example, *texts)

    def _prompt(self, example: Example, first: str, second: str) -> Request:
        prompt = scoring_prompt(asked_of(example), (first, second)) + _more(example)
        return chat(prompt, Sampling(max_tokens=self.max_tokens, temperature=self.temperature))


def _outcome(pair: tuple[float, float]) -> float:
    """1 where the answer shown first has the higher score, 0 where the second has."""
    return 0.5 + 0.5 * _sign(pair[0] - pair[1])


def _shown(duel: Duel, orders: Sequence[bool]) -> Sequence[bool]:
    """The orders to ask for: identical answers have only one."""
    return orders[:1] if duel.text_a == duel.text_b else orders


def _relative(scored: Sequence[_Scored], seed: int) -> dict[str, JSON]:
    """Total over total, in percent with its interval, for each pair of models."""
    tables: dict[str, list[tuple[float, float]]] = {}
    for duel, pair, _ in scored:
        if pair:
            tables.setdefault(f"{duel.a} over {duel.b}", []).append(pair)
    told: dict[str, JSON] = {}
    for name, pairs in tables.items():
        found = relative_score([a for a, _ in pairs], [b for _, b in pairs], seed=seed)
        told[name] = {
            "totals": [found.total, found.reference],
            "ratio": bounds(found.ratio),
            "wins": found.wins,
            "losses": found.losses,
            "ties": found.ties,
        }
    return told


def _more(example: Example) -> str:
    category = str(example.meta.get("category", "")).lower()
    return next((text for name, text in _BY_CATEGORY.items() if name in category), "")


_BY_CATEGORY = {
    "coding": """
The question is about code: what counts first is whether it would run and do what was asked, then \
how readable and efficient it is.""",
    "math": """
The question is one of mathematics, so work it out yourself before you judge. Here your working \
may come first; then the last line of your reply must be the two scores as a Python tuple, like \
(3, 9), and a wrong result deserves a low score however well it is explained.""",
}
