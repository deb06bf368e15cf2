"""The win rate against a reference as it would be if both answers were of one length.

Y. Dubois et al., "Length-Controlled AlpacaEval: A Simple Way to Debias Automatic Evaluators" (2024,
arXiv 2404.04475). The verdicts are those of ``win_rate`` with the same settings, and cost nothing a
second time; the regression is fitted on them alone, with its diagnostics noted (the slope of length
with its interval, how much it explains, when not to trust it). How it differs from the published
one is told in ``didact.stats.length_control``. The score of an answer is its preference less what
its length explains, in percent: single scores may leave 0 to 100, their mean is the controlled
rate.

Cost: two calls per answer, or one with ``orders: one``; none after ``win-rate``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from didact.context import Context
from didact.estimate import Estimate, Span
from didact.judges.asking import CHAT
from didact.judges.duels import Duel, Tally, bounds, scores_of
from didact.judges.preferences import Preferences
from didact.records import JSON, Answer, Example, Score
from didact.stats.length_control import Judged, LengthControl, length_control

__all__ = ["LengthControlled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthControlled:
    """The preference of a judge for the answer, less what its length explains, percent."""

    version: ClassVar[str] = "1"
    needs: ClassVar[Mapping[str, frozenset[str]]] = {"judge": CHAT}

    judge: str = "judge"
    """The role that judges: any model."""
    against: str = "reference"
    """What answers are compared with: `reference`, the output of the item, or a role."""
    protocol: Literal["ranking", "weighted"] = "ranking"
    """`ranking`: the judge writes who is first (AlpacaEval 1). `weighted`: one token, and its
    probability is the preference (AlpacaEval 2); the judge must give log-probabilities."""
    orders: Literal["both", "one"] = "both"
    """`one`: a single order that follows from the texts, as published, at half the cost."""

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """One score per answer."""
        tally = Tally()
        fought = await self._asking().ask(ctx, answers, tally)
        # By item and model, so that the order of the answers changes nothing, not even rounding.
        read = sorted(
            (_judged(fight.duel, fight.value) for fight in fought if fight.value is not None),
            key=lambda verdict: (str(verdict.item), verdict.model),
        )
        found = length_control(read, seed=ctx.seed) if read else None
        adjusted = _by_answer(found, read) if found else {}
        for score in scores_of(answers, fought, metric="length_controlled", against=self.against):
            if score.value is not None:
                value = adjusted.get((score.example_id, score.model), 100 * score.value)
                yield replace(score, value=value)
            else:
                yield score
        told = _table(found) if found else {}
        ctx.note("statistics", **tally.to_json(), length_controlled=told)

    def estimate(self, items: Sequence[Example], models: Sequence[str], answer: Span) -> Estimate:
        """What the judge will be asked at most, with so many tokens to an answer."""
        return self._asking().estimate(items, models, answer)

    def _asking(self) -> Preferences:
        return Preferences(
            judge=self.judge, against=self.against, protocol=self.protocol, orders=self.orders
        )


def _judged(duel: Duel, value: float) -> Judged:
    longer = float(len(duel.text_a) - len(duel.text_b))
    return Judged(duel.example.id, duel.a, value, longer)


def _by_answer(found: LengthControl, read: Sequence[Judged]) -> dict[tuple[Hashable, str], float]:
    """The adjusted preference for each answer, by item and model."""
    given = {line.model: iter(line.adjusted) for line in found.models}
    # The fit adds up in an order of its own, which shows in the thirteenth digit: a score that is
    # made again is the same without it.
    return {(verdict.item, verdict.model): round(next(given[verdict.model]), 9) for verdict in read}


def _table(found: LengthControl) -> dict[str, JSON]:
    models: dict[str, JSON] = {
        line.model: {
            "win_rate": bounds(line.raw),
            "length_controlled": bounds(line.controlled),
            "mean_longer_by": line.mean_longer_by,
        }
        for line in found.models
    }
    return {
        "models": models,
        "slope": bounds(found.slope),
        "explained": found.explained,
        "warnings": list(found.warnings),
    }
