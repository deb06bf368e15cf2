"""Two answers before a judge, in both orders, and what the two verdicts together say.

Identical answers tie without a call. A verdict that turns with the order of the answers is a flip
and counts as a tie under every rule; one order without a readable verdict leaves the pair without
one. Everything is counted: ties, flips, identical answers, what could not be read and why, and
along the way what an audit of the judge needs (places and lengths).

Cost: two calls for each pair of answers that differ, or one with ``orders="one"``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

from didact.context import Context
from didact.errors import ConfigError
from didact.judges.asking import Question, Rulings, reference_of, rulings, shown_of
from didact.records import JSON, Answer, Example, Reply, Request, Score, digest
from didact.stats.audit import Judgement, audit
from didact.stats.bootstrap import Interval
from didact.stats.bradley_terry import ELO, Game, bradley_terry

__all__ = [
    "REFERENCE",
    "Duel",
    "Fought",
    "Orders",
    "Prompting",
    "Rule",
    "Tally",
    "bounds",
    "fight",
    "judgement",
    "pair_up",
    "points",
    "scores_of",
]

REFERENCE = "reference"
"""The side that is no model: the output of the item itself."""

Orders: TypeAlias = Literal["both", "one"]
Rule: TypeAlias = Literal["agreement", "majority", "mean"]
Prompting: TypeAlias = Callable[[Example, str, str], Request]
"""The request about an item with two answers, in the order shown."""


class Duel(NamedTuple):
    """Two answers to one item."""

    example: Example
    a: str
    """Whose answer."""
    b: str
    text_a: str
    text_b: str


class Fought(NamedTuple):
    """What became of a duel."""

    duel: Duel
    value: float | None
    """1 where ``a`` won, 0 where ``b`` did, 0.5 a tie, between them with ``mean``."""
    reason: str
    """Why there is no value; or ``identical``, ``flip``."""
    judged: tuple[float | None, ...] = ()
    """What each order said of ``a``."""


@dataclass(slots=True)
class Tally:
    """Counts over the duels of one evaluator."""

    rulings: Rulings = field(default_factory=Rulings)
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """decided, ties, flips, identical, unscored."""
    judgements: list[Judgement] = field(default_factory=list[Judgement])

    fought: list[Fought] = field(default_factory=list["Fought"])
    """What became of every duel."""

    own: str = ""
    """The role whose answers the judge wrote itself."""

    def to_json(self) -> dict[str, JSON]:
        """Counts, who won against whom, and the audit of the judge where it gave verdicts."""
        told: dict[str, JSON] = {**self.rulings.to_json(), "outcomes": dict(self.outcomes)}
        told["pairs"] = _pairs_of(self.fought)
        if ranking := _ranking(self.fought):
            told["ranking"] = ranking
        if self.judgements:
            found = audit(self.judgements, own=self.own)
            repeats = found.repeats
            told["audit"] = {
                "unreadable": bounds(found.unreadable),
                "first": bounds(found.first),
                "flips": bounds(found.flips),
                "longer": bounds(found.longer),
                "length_slope": bounds(found.slope),
                "own_answers": bounds(found.own),
                "repeats": None if repeats is None else bounds(repeats.same),
                "repeats_kappa": None if repeats is None else bounds(repeats.kappa),
            }
        return told


def pair_up(answers: Sequence[Answer], against: str | None) -> list[Duel]:
    """The duels to fight, items in the order of the answers.

    ``against`` names one side of every duel, a role or the reference; None is every pair of models,
    or where there is only one model, the reference. An item without a reference has no duel.
    """
    items: dict[str, dict[str, Answer]] = {}
    for answer in answers:
        items.setdefault(answer.example.id, {})[answer.model] = answer
    models = sorted({answer.model for answer in answers})
    if against not in (None, REFERENCE, *models):
        raise ConfigError(f"against: {against!r} has no answers here ({', '.join(models)} have)")
    side = REFERENCE if against is None and len(models) == 1 else against
    duels: list[Duel] = []
    for found in items.values():
        texts = {model: shown_of(found[model]) for model in models if model in found}
        example = next(iter(found.values())).example
        if side == REFERENCE and example.output.strip():
            texts[REFERENCE] = reference_of(example)
        for a, b in _pairs(list(texts), side):
            duels.append(Duel(example, a, b, texts[a], texts[b]))
    return duels


def _pairs(names: Sequence[str], side: str | None) -> Iterator[tuple[str, str]]:
    for n, a in enumerate(names):
        if side is None:
            yield from ((a, b) for b in names[n + 1 :])
        elif a != side and side in names:
            yield a, side


async def fight(
    ctx: Context,
    role: str,
    duels: Sequence[Duel],
    *,
    prompting: Prompting,
    read: Callable[[Reply], float | None],
    orders: Orders,
    rule: Rule,
    tally: Tally,
    repeats: int = 0,
) -> list[Fought]:
    """All duels. ``read`` gives 1 where the answer shown first is better, 0 where the second is.

    So many of the first duels as ``repeats`` says are fought a second time, for the tally alone.
    """
    plan: list[tuple[Duel, tuple[bool, ...]]] = [
        (duel, () if duel.text_a == duel.text_b else _orders(duel, orders)) for duel in duels
    ]
    again = [(duel, shown) for duel, shown in plan if shown][:repeats]
    questions = [
        Question(
            duel.example,
            replace(_request(duel, swapped, prompting), draw=draw),
            read,
        )
        for draw, part in enumerate((plan, again))
        for duel, shown in part
        for swapped in shown
    ]
    fought: list[Fought] = []
    async with aclosing(rulings(ctx, role, questions, tally.rulings)) as results:
        for duel, shown in plan:
            said: list[float | None] = []
            reason = ""
            for swapped in shown:
                ruling = await anext(results)
                reason = reason or ruling.reason
                tally.judgements.append(judgement(duel, swapped, ruling.verdict))
                verdict = ruling.verdict
                said.append(1 - verdict if swapped and verdict is not None else verdict)
            fought.append(_decide(duel, tuple(said), reason, rule))
            tally.outcomes[_kind(fought[-1])] += 1
        tally.fought += fought
        for duel, shown in again:
            for swapped in shown:
                ruling = await anext(results)
                tally.judgements.append(judgement(duel, swapped, ruling.verdict, draw=1))
    return fought


def _request(duel: Duel, swapped: bool, prompting: Prompting) -> Request:
    texts = (duel.text_b, duel.text_a) if swapped else (duel.text_a, duel.text_b)
    return prompting(duel.example, *texts)


def _orders(duel: Duel, orders: Orders) -> tuple[bool, ...]:
    """Whether the answers change places, for each asking; one order follows from the texts."""
    if orders == "both":
        return (False, True)
    # From the texts alone, so that a pair is always shown in the same order, as AlpacaEval does.
    key = digest([duel.example.id, *sorted((duel.text_a, duel.text_b))])
    return ((duel.text_a > duel.text_b) != (int(key, 16) % 2 == 0),)


def judgement(duel: Duel, swapped: bool, verdict: float | None, *, draw: int = 0) -> Judgement:
    """A verdict in terms of who stood where; ``verdict`` is 1 where the first shown is better."""
    longer = float(len(duel.text_a) - len(duel.text_b))
    names = (duel.b, duel.a) if swapped else (duel.a, duel.b)
    return Judgement(duel.example.id, *names, verdict, -longer if swapped else longer, draw)


def _decide(duel: Duel, said: tuple[float | None, ...], reason: str, rule: Rule) -> Fought:
    if not said:
        return Fought(duel, 0.5, "identical")
    read = [verdict for verdict in said if verdict is not None]
    if len(read) < len(said):
        return Fought(duel, None, reason, said)
    flip = min(read) < 0.5 < max(read)
    return Fought(duel, points(read, rule), "flip" if flip else "", said)


def points(said: Sequence[float], rule: Rule) -> float:
    """What the verdicts of all orders amount to.

    ``agreement``: won where every order says so (MT-bench). ``majority``: also where one order
    says so and the other is a tie (Cherry, AlpaGasus). ``mean``: the mean of the orders.
    """
    mean = fmean(said)
    if rule == "mean":
        return mean
    if rule == "agreement" and len(set(said)) > 1:
        return 0.5
    return 1.0 if mean > 0.5 else 0.0 if mean < 0.5 else 0.5


def _kind(fought: Fought) -> str:
    if fought.value is None:
        return "unscored"
    if fought.reason:
        return {"flip": "flips"}.get(fought.reason, fought.reason)
    return "ties" if fought.value == 0.5 else "decided"


def scores_of(
    answers: Sequence[Answer], fought: Sequence[Fought], *, metric: str, against: str | None
) -> Iterator[Score]:
    """One score for each answer: the mean over its duels, or the reason why there is none.

    The role that all others are compared with scores 0.5, as every tie with itself does.
    """
    won: dict[tuple[str, str], list[float]] = {}
    lost: dict[tuple[str, str], str] = {}
    for duel, value, reason, _ in fought:
        for name, share in ((duel.a, value), (duel.b, None if value is None else 1 - value)):
            if share is not None:
                won.setdefault((duel.example.id, name), []).append(share)
            else:
                lost[duel.example.id, name] = reason
    for answer in answers:
        key = (answer.example.id, answer.model)
        value = fmean(won[key]) if key in won else None
        reason = "" if value is not None else lost.get(key, "nothing to compare with")
        if answer.model == against:
            value, reason = 0.5, ""
        yield Score(
            example_id=answer.example.id,
            model=answer.model,
            metric=metric,
            value=value,
            reason=reason,
        )


def _pairs_of(fought: Sequence[Fought]) -> JSON:
    """Wins, ties, losses and unscored duels of every pair of sides."""
    table: dict[tuple[str, str], Counter[str]] = {}
    for duel, value, _, _ in fought:
        kind = (
            "unscored"
            if value is None
            else "wins"
            if value > 0.5
            else "losses"
            if value < 0.5
            else "ties"
        )
        table.setdefault((duel.a, duel.b), Counter())[kind] += 1
    return [
        {"a": a, "b": b, **{kind: counts[kind] for kind in _KINDS}}
        for (a, b), counts in table.items()
    ]


_KINDS = ("wins", "ties", "losses", "unscored")


def _ranking(fought: Sequence[Fought]) -> JSON:
    """Bradley-Terry strengths in Elo points, where more than two sides met."""
    games = [
        Game(duel.a, duel.b, value, duel.example.id)
        for duel, value, _, _ in fought
        if value is not None
    ]
    if len({name for game in games for name in (game.a, game.b)}) < _RANKED:
        return None
    return [
        {
            "model": line.model,
            "elo": bounds(Interval(*(ELO * value for value in line.strength))),
            "games": line.games,
        }
        for line in bradley_terry(games, seed=0, draws=400)
    ]


_RANKED = 3
"""Sides from which on a ranking says more than one win rate."""


def bounds(interval: Interval | None) -> JSON:
    """Estimate, low and high for a report; None for what too few verdicts cannot tell."""
    return None if interval is None else [v if isfinite(v) else None for v in interval]
