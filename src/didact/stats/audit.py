"""What a judge looks at besides quality: place, length, its own style; and what people say.

The known faults of model judges (P. Wang et al., "Large Language Models are not Fair Evaluators",
2023, arXiv 2305.17926; L. Zheng et al., "Judging LLM-as-a-Judge", 2023, arXiv 2306.05685), each as
a number with its interval, from verdicts that are at hand anyway. A verdict that could not be read
is counted and takes no part in anything else. Pure arithmetic: no calls.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np

from didact.stats.agreement import cohen
from didact.stats.bootstrap import Interval, bootstrap, wilson
from didact.stats.bradley_terry import Game
from didact.stats.logistic import fit_logistic
from didact.stats.resampling import column_intervals, draw_weights, expanded

__all__ = ["Agreement", "Audit", "Judgement", "audit", "length_slope"]

_DRAWS = 1000
_PENALTY = 0.05


class Judgement(NamedTuple):
    """One reply of a judge about two answers."""

    item: Hashable
    first: str
    """Whose answer was shown first."""
    second: str
    outcome: float | None
    """1 where the first shown was better, 0 where the second was, 0.5 a tie; None: unreadable."""
    longer_by: float = 0.0
    """Characters of the first answer shown less those of the second."""
    draw: int = 0
    """Which asking of the same question it was."""


class Agreement(NamedTuple):
    """Two opinions on the same pairs: a, b or tie."""

    same: Interval
    """Share of pairs with the same opinion."""
    kappa: Interval
    """Cohen's, over the three opinions."""
    decided: Interval | None
    """Share with the same opinion where both name a winner; None where they never do."""
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One judge. None where the verdicts cannot tell."""

    verdicts: int
    unreadable: Interval
    """Share of all replies."""
    first: Interval | None
    """Share of the winners that were shown first: 0.5 is fair when both orders were judged."""
    flips: Interval | None
    """Share of the pairs judged in both orders that won by place: first twice, or second twice."""
    wavers: Interval | None
    """Share of those pairs with a tie in one order only."""
    longer: Interval | None
    """Share of decided pairs of unlike length that the longer answer won."""
    slope: Interval | None
    """Logits for one unit of tanh of the standardised difference of lengths, models held equal."""
    own: Interval | None
    """How much more often its own answers win than people (or, without people, chance) say."""
    repeats: Agreement | None
    """With itself, asked again."""
    people: Agreement | None


class _Pair(NamedTuple):
    """One item and two models, ``a`` before ``b`` in the alphabet."""

    item: Hashable
    a: str
    b: str


def audit(
    judgements: Sequence[Judgement],
    *,
    seed: int = 0,
    people: Iterable[Game] = (),
    own: str = "",
    draws: int = _DRAWS,
) -> Audit:
    """Everything the verdicts tell. ``own`` names the answers the judge wrote itself."""
    if not judgements:
        raise ValueError("no verdicts to audit")
    read = [j for j in judgements if j.outcome is not None]
    votes = _votes(read, draw=0)
    opinions = {pair: fmean(outcomes.values()) for pair, outcomes in votes.items()}
    heard = _heard(people)
    won = [(j.item, j.outcome == 1) for j in read if j.outcome in (0, 1)]
    apart = [
        (pair.item, max(outcomes.values()) - min(outcomes.values()))
        for pair, outcomes in votes.items()
        if len(outcomes) == 2
    ]
    longer = [
        (pair.item, (opinions[pair] > 0.5) == (by > 0))
        for pair, by in _lengths(read).items()
        if by and opinions.get(pair, 0.5) != 0.5
    ]
    again: dict[_Pair, float] = {
        pair: fmean(outcomes.values()) for pair, outcomes in _votes(read, draw=1).items()
    }
    return Audit(
        verdicts=len(judgements),
        unreadable=wilson(len(judgements) - len(read), len(judgements)),
        first=_share(won, seed=seed),
        flips=_share([(item, by == 1) for item, by in apart], seed=seed),
        wavers=_share([(item, by == 0.5) for item, by in apart], seed=seed),
        longer=_share(longer, seed=seed),
        slope=length_slope(read, seed=seed, draws=draws),
        own=_own(opinions, heard, own, seed=seed) if own else None,
        repeats=_agreement(opinions, again, seed=seed),
        people=_agreement(opinions, heard, seed=seed),
    )


def length_slope(
    judgements: Sequence[Judgement], *, seed: int, draws: int = _DRAWS
) -> Interval | None:
    """How strongly length draws the verdict, where models and places are held equal."""
    votes = _votes([j for j in judgements if j.outcome is not None], draw=0)
    lengths = _lengths(judgements)
    pairs = [pair for pair in votes if pair in lengths]
    by = np.array([lengths[pair] for pair in pairs])
    if len(pairs) < 3 or not by.any():
        return None
    models = sorted({name for pair in pairs for name in (pair.a, pair.b)})
    terms = np.zeros((len(pairs), 2 + len(models)))
    terms[:, 0] = np.tanh(by / np.sqrt((by**2).mean()))
    for n, pair in enumerate(pairs):
        # Only where one order was judged does the place of the answers not cancel.
        terms[n, 1] = fmean(1.0 if first == pair.a else -1.0 for first in votes[pair])
        terms[n, 2 + models.index(pair.a)] += 1
        terms[n, 2 + models.index(pair.b)] -= 1
    outcomes = np.array([fmean(votes[pair].values()) for pair in pairs])
    penalty = np.array([_PENALTY, _PENALTY, *[1e-3] * len(models)])
    items = [pair.item for pair in pairs]
    rng = np.random.default_rng(seed)
    blocks = [np.ones((1, len(pairs))), *draw_weights(len(pairs), draws, rng, clusters=items)]
    fits = np.concatenate(
        [fit_logistic(terms, outcomes, weights=block, penalty=penalty) for block in blocks]
    )
    return expanded(float(fits[0, 0]), fits[1:, 0], units=len(set(items)))


def _votes(read: Sequence[Judgement], *, draw: int) -> dict[_Pair, dict[str, float]]:
    """Of every pair, by who was shown first: 1 where ``a`` is better."""
    votes: dict[_Pair, dict[str, float]] = {}
    for j in read:
        if j.draw == draw and j.outcome is not None:
            swapped = j.first > j.second
            pair = _Pair(j.item, *sorted((j.first, j.second)))
            votes.setdefault(pair, {})[j.first] = 1 - j.outcome if swapped else j.outcome
    return votes


def _lengths(judgements: Sequence[Judgement]) -> dict[_Pair, float]:
    """Characters of ``a`` less those of ``b``."""
    return {
        _Pair(j.item, *sorted((j.first, j.second))): (
            -j.longer_by if j.first > j.second else j.longer_by
        )
        for j in judgements
    }


def _heard(people: Iterable[Game]) -> dict[_Pair, float]:
    """The mean opinion of the people on each pair."""
    said: dict[_Pair, list[float]] = {}
    for vote in people:
        pair = _Pair(vote.item, *sorted((vote.a, vote.b)))
        said.setdefault(pair, []).append(vote.outcome if pair.a == vote.a else 1 - vote.outcome)
    return {pair: fmean(votes) for pair, votes in said.items()}


def _own(
    opinions: dict[_Pair, float], heard: dict[_Pair, float], own: str, *, seed: int
) -> Interval | None:
    """The share its own answers win less the share they should, over pairs with one of them."""
    gaps = [
        (opinion - expected) * (1 if pair.a == own else -1)
        for pair, opinion in opinions.items()
        if (pair.a == own) != (pair.b == own)
        and (expected := heard.get(pair, None if heard else 0.5)) is not None
    ]
    if not gaps:
        return None
    return column_intervals(np.array(gaps)[:, None], seed=seed)[0]


def _agreement(
    one: dict[_Pair, float], other: dict[_Pair, float], *, seed: int
) -> Agreement | None:
    shared = [pair for pair in one if pair in other]
    if not shared:
        return None
    a, b = [_side(one[pair]) for pair in shared], [_side(other[pair]) for pair in shared]
    told = [(pair.item, x, y) for pair, x, y in zip(shared, a, b, strict=True)]
    same = _share([(item, x == y) for item, x, y in told], seed=seed)
    assert same
    return Agreement(
        same=same,
        kappa=cohen(a, b, seed=seed, order=(-1, 0, 1)),
        decided=_share([(item, x == y) for item, x, y in told if x and y], seed=seed),
        pairs=len(shared),
    )


def _side(opinion: float) -> int:
    return (opinion > 0.5) - (opinion < 0.5)


def _share(flags: Sequence[tuple[Hashable, bool]], *, seed: int) -> Interval | None:
    """The share of flags that are up; those of one item are drawn together."""
    up, items = sum(flag for _, flag in flags), [item for item, _ in flags]
    if not flags:
        return None
    alone = len(set(items)) in (1, len(items))
    if alone or up in (0, len(flags)):
        # Resampling what is all alike would claim certainty.
        return wilson(up, len(flags))
    return bootstrap([float(f) for _, f in flags], seed=seed, clusters=items, resamples=_DRAWS)
