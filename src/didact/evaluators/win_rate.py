"""The share of items on which a judge prefers a model to a reference.

X. Li et al., "AlpacaEval: An Automatic Evaluator of Instruction-following Models" (2023), versions
1 and 2: the mean of the preferences, a draw a half. The arithmetic is theirs to the last digit; the
prompts are our own words, so the numbers are not those of a published leaderboard, whose judges are
no longer served either. Differences are told in ``didact.judges.preferences``. What could not be
read abstains and is counted; how many verdicts a rate rests on is part of the result.

Cost: two calls per answer, or one with ``orders: one``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from didact.context import Context
from didact.estimate import Estimate, Span
from didact.judges.asking import CHAT
from didact.judges.duels import Fought, Tally, bounds, scores_of
from didact.judges.preferences import Preferences
from didact.records import JSON, Answer, Example, Score
from didact.stats import win_rates

__all__ = ["WinRate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """The preference of a judge for the answer over a reference, 0 to 1."""

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
        for score in scores_of(answers, fought, metric="win_rate", against=self.against):
            yield score
        ctx.note("statistics", **tally.to_json(), win_rates=_table(fought, ctx.seed))

    def estimate(self, items: Sequence[Example], models: Sequence[str], answer: Span) -> Estimate:
        """What the judge will be asked at most, with so many tokens to an answer."""
        return self._asking().estimate(items, models, answer)

    def _asking(self) -> Preferences:
        return Preferences(
            judge=self.judge, against=self.against, protocol=self.protocol, orders=self.orders
        )


def _table(fought: Sequence[Fought], seed: int) -> dict[str, JSON]:
    """The published aggregate of every model."""
    preferences: dict[str, list[float | None]] = {}
    for duel, value, _, _ in fought:
        preferences.setdefault(duel.a, []).append(None if value is None else 1 + value)
    told: dict[str, JSON] = {}
    for model, given in preferences.items():
        if any(preference is not None for preference in given):
            found = win_rates.win_rate(given, seed=seed)
            told[model] = {**found._asdict(), "win_rate": bounds(found.win_rate)}
    return told
