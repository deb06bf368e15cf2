"""A ranking from pairwise verdicts, with an interval for every strength.

R. Bradley and M. Terry, "Rank Analysis of Incomplete Block Designs" (1952): model i beats j with
probability 1 / (1 + exp(s_j - s_i)); a tie is half a win for each. Strengths are logits that add up
to 0; 400 / ln 10 of them make Elo points. Unlike Elo ratings they do not depend on the order of the
games. Intervals come from resampling items, whole: verdicts on the same item are no independent
evidence. A model that never lost would be infinitely strong; a faint pull to 0 keeps it finite.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import log
from typing import NamedTuple

import numpy as np

from didact.stats.bootstrap import Interval
from didact.stats.logistic import logistic
from didact.stats.resampling import Numbers, draw_weights, expanded

__all__ = ["ELO", "Game", "Ranked", "bradley_terry", "strengths"]

ELO = 400 / log(10)
"""Elo points in one logit."""

_PULL = 1e-3
_STEPS = 60
_DRAWS = 1000


class Game(NamedTuple):
    """One verdict."""

    a: str
    b: str
    outcome: float
    """1 where ``a`` won, 0 where ``b`` did, 0.5 for a tie."""
    item: Hashable = None
    """What was answered; games of one item are resampled together."""


class Ranked(NamedTuple):
    """One model, strongest first."""

    model: str
    strength: Interval
    """In logits."""
    games: int


def bradley_terry(
    games: Sequence[Game], *, seed: int, draws: int = _DRAWS, level: float = 0.95
) -> list[Ranked]:
    """The models by strength. ValueError where an outcome is not between 0 and 1."""
    if not games or any(not 0 <= game.outcome <= 1 for game in games):
        raise ValueError("needs games, with outcomes from 0 to 1")
    models = sorted({name for game in games for name in (game.a, game.b)})
    place = {model: n for n, model in enumerate(models)}
    # A game without an item is an item of its own.
    named = [n if game.item is None else ("item", game.item) for n, game in enumerate(games)]
    items = {name: n for n, name in enumerate(dict.fromkeys(named))}
    wins = np.zeros((len(items), len(models), len(models)))
    for game, name in zip(games, named, strict=True):
        a, b = place[game.a], place[game.b]
        wins[items[name], a, b] += game.outcome
        wins[items[name], b, a] += 1 - game.outcome
    flat = wins.reshape(len(items), -1)
    rng = np.random.default_rng(seed)
    blocks = [np.ones((1, len(items))), *draw_weights(len(items), draws, rng)]
    tables = np.concatenate([block @ flat for block in blocks])
    found = strengths(tables.reshape(-1, len(models), len(models)))
    played = (wins + wins.transpose(0, 2, 1)).sum(axis=(0, 2))
    ranked = [
        Ranked(
            model,
            expanded(float(found[0, n]), found[1:, n], units=len(items), level=level),
            round(float(played[n])),
        )
        for model, n in place.items()
    ]
    return sorted(ranked, key=lambda line: -line.strength.mean)


def strengths(wins: Numbers) -> Numbers:
    """Strengths of tables of wins (any number of tables, winners in rows, losers in columns)."""
    tables, size = len(wins), wins.shape[-1]
    games: Numbers = wins + wins.transpose(0, 2, 1)
    theta: Numbers = np.zeros((tables, size))
    for _ in range(_STEPS):
        step = _step(wins, games, theta)
        # A Newton step of more than two logits overshoots where one model always wins.
        theta += step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True) / 2)
        if np.abs(step).max() < 1e-10:
            break
    return theta - theta.mean(axis=1, keepdims=True)


def _step(wins: Numbers, games: Numbers, theta: Numbers) -> Numbers:
    """A Newton step for the strengths of every table."""
    chance = logistic(theta[:, :, None] - theta[:, None, :])
    slope = np.asarray(wins.sum(axis=2) - (games * chance).sum(axis=2) - _PULL * theta, np.float64)
    spread = games * chance * (1 - chance)
    own = (spread.sum(axis=2) + _PULL)[:, :, None] * np.eye(theta.shape[1])
    curve = np.asarray(own - spread * (1 - np.eye(theta.shape[1])), np.float64)
    step = np.asarray(np.linalg.solve(curve, slope[:, :, None]), np.float64)
    return step[:, :, 0]
