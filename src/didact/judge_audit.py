"""Whether a judge can be trusted with a data set, measured before it decides on one.

On items that people have labelled: how often its decision is theirs (and Cohen's kappa, Cohen 1960,
which takes off what chance alone would give), how often it repeats its own decision when it is
asked again, and how many points it adds for each doubling of an answer's length beyond what the
labels add. A judge that always says yes agrees with most people on good data: look at kappa.

Pure arithmetic on what was rated; the filter `judged` does the asking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

from didact.records import JSON
from didact.stats.bootstrap import Interval, wilson

__all__ = ["JudgeAudit", "Rated", "audit_judge"]

_SEED = 1960
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """A labelled item, and what the judge said of it each time it was asked."""

    label: float
    """What people say of it; 0 and 1, or on the judge's scale."""
    scores: tuple[float | None, ...]
    """The judge's ratings, one for each time; None where it could not be read."""
    words: int
    """Of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAudit:
    """What came out."""

    items: int
    unscored: int
    """Items whose first rating could not be read: in no other number here."""
    agreement: Interval | None
    """The share of items decided as people did; None where nothing was rated."""
    kappa: float | None
    """Agreement beyond chance, at most 1; None where people or judge always say the same."""
    repeated: float | None
    """The share of items decided alike when asked again; None where nothing was asked twice."""
    spread: float | None
    """Mean distance of the two ratings of an item, in points."""
    slope: Interval | None
    """Points for each doubling of the words, the label's share taken off; None where it cannot be
    told."""

    def lines(self) -> list[str]:
        """The audit in words."""
        rated = self.items - self.unscored
        lines = [f"labelled items  {rated} rated, {self.unscored} unscored"]
        if self.agreement is not None:
            lines.append(
                f"agreement       {self.agreement.mean:.0%}"
                f" [{self.agreement.low:.0%}, {self.agreement.high:.0%}] with the labels"
            )
        kappa = "cannot be told: one side always says the same"
        lines.append(
            f"beyond chance   {kappa if self.kappa is None else f'kappa {self.kappa:.2f}'}"
        )
        if self.repeated is not None and self.spread is not None:
            lines.append(
                f"asked again     {self.repeated:.0%} decided alike, {self.spread:.2f} points apart"
            )
        if self.slope is not None:
            sign = "" if self.slope.low <= 0 <= self.slope.high else " (not by chance)"
            lines.append(
                f"length          {self.slope.mean:+.2f} points for twice the words"
                f" [{self.slope.low:+.2f}, {self.slope.high:+.2f}]{sign}"
            )
        return lines

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "items": self.items,
            "unscored": self.unscored,
            "agreement": list(self.agreement) if self.agreement else None,
            "kappa": self.kappa,
            "repeated": self.repeated,
            "spread": self.spread,
            "slope": list(self.slope) if self.slope else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> JudgeAudit:
        """The inverse of ``to_json``."""
        parts: dict[str, Any] = dict(data)
        for key in ("agreement", "slope"):
            parts[key] = Interval(*data[key]) if data[key] else None
        return cls(**parts)


def audit_judge(items: Sequence[Rated], *, at_least: float) -> JudgeAudit:
    """Compare a judge with labels; a score or a label of ``at_least`` or more is a yes.

    Labels that are all 0 or 1 are yes and no themselves.
    """
    plain = all(item.label in (0, 1) for item in items)
    rated = [item for item in items if item.scores and item.scores[0] is not None]
    first = [_score(item, 0) for item in rated]
    people = [bool(item.label) if plain else item.label >= at_least for item in rated]
    judge = [score >= at_least for score in first]
    again = [
        (_score(item, 0), score) for item in rated for score in item.scores[1:] if score is not None
    ]
    same = sum(a == b for a, b in zip(people, judge, strict=True))
    return JudgeAudit(
        items=len(items),
        unscored=len(items) - len(rated),
        agreement=wilson(same, len(rated)) if rated else None,
        kappa=_kappa(people, judge),
        repeated=_mean([float((a >= at_least) == (b >= at_least)) for a, b in again]),
        spread=_mean([abs(a - b) for a, b in again]),
        slope=_slope(first, [item.label for item in rated], [item.words for item in rated]),
    )


def _score(item: Rated, number: int) -> float:
    score = item.scores[number]
    assert score is not None
    return score


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _kappa(people: Sequence[bool], judge: Sequence[bool]) -> float | None:
    if not people:
        return None
    ours, theirs = sum(people) / len(people), sum(judge) / len(judge)
    chance = ours * theirs + (1 - ours) * (1 - theirs)
    seen = sum(a == b for a, b in zip(people, judge, strict=True)) / len(people)
    return None if chance == 1 else (seen - chance) / (1 - chance)


def _slope(
    scores: Sequence[float], labels: Sequence[float], words: Sequence[int]
) -> Interval | None:
    """Least squares of the score on the label and the logarithm of the words; bootstrap bounds."""
    doublings = np.array([log2(count + 1) for count in words])
    if len(scores) < 4 or np.ptp(doublings) == 0:
        return None
    columns = np.column_stack([np.ones(len(scores)), labels, doublings])
    values = np.array(scores)
    draw = np.random.default_rng(_SEED)

    def fitted(rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        return float(np.linalg.lstsq(columns[rows], values[rows], rcond=None)[0][2])

    every = np.arange(len(scores))
    slopes = [fitted(draw.integers(len(scores), size=len(scores))) for _ in range(_RESAMPLES)]
    low, high = np.quantile(slopes, [0.025, 0.975])
    return Interval(fitted(every), float(low), float(high))
