"""Which of many scored items to take: the highest, the best of each group, a diverse set.

Ties go to the item that came first, and what is returned is in the order of the items: a score
decides what is in a set and never in which order. An item without a score (None) is never taken.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["among_highest", "best_of_each", "diverse", "highest", "within_groups"]


def highest(scores: Sequence[float | None], count: int) -> list[int]:
    """The places of the ``count`` highest scores."""
    return sorted(_ranked(scores)[: max(count, 0)])


def among_highest(scores: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Whether each is one of the ``count`` highest; a score that is no number stands for none."""
    order = np.argsort(-scores, kind="stable")
    taken = order[: min(max(count, 0), int(np.count_nonzero(~np.isnan(scores))))]
    found = np.zeros(len(scores), np.bool_)
    found[taken] = True
    return found


def best_of_each(groups: Sequence[Hashable], scores: Sequence[float | None]) -> list[int]:
    """The place of the highest score of every group: rejection sampling, best of n."""
    best: dict[Hashable, int] = {}
    for place in _ranked(scores):
        best.setdefault(groups[place], place)
    return sorted(best.values())


def within_groups(groups: Sequence[Hashable], scores: Sequence[float | None]) -> list[float | None]:
    """Every score less the mean of its group: what the group's prompt brings is gone."""
    members: dict[Hashable, list[float]] = {}
    for group, score in zip(groups, scores, strict=True):
        if score is not None:
            members.setdefault(group, []).append(score)
    means = {group: sum(values) / len(values) for group, values in members.items()}
    return [
        score - means[group] if score is not None else None
        for group, score in zip(groups, scores, strict=True)
    ]


def diverse(
    scores: Sequence[float | None],
    vectors: NDArray[np.float32],
    *,
    limit: float,
    budget: int | None = None,
    batch: int | None = None,
) -> tuple[list[int], dict[int, tuple[int, float]]]:
    """DEITA's "Repr Filter" (Liu et al. 2023, arXiv 2312.15685): from the best score downwards.

    An item is left out when its largest cosine similarity to those taken is above ``limit``; past
    ``budget`` nothing more is taken. Returns the places taken, best first, and of each one left out
    as too near the nearest one and the similarity. With ``batch`` it is the published code, which
    also compares with what was left out earlier in the same batch.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    order = _ranked(scores)
    taken: list[int] = []
    near: dict[int, tuple[int, float]] = {}
    # Rows in the order in which they were taken, so that each comparison is one product.
    held = np.empty((len(order), vectors.shape[1]), dtype=units.dtype)
    rejected: list[int] = []
    for number, place in enumerate(order):
        if budget is not None and len(taken) >= budget:
            break
        if batch and number % batch == 0:
            rejected.clear()
        nearest, similarity = _nearest(units[place], held, taken)
        if batch and rejected:
            other, also = _nearest(units[place], units[rejected], rejected)
            if also > similarity:
                nearest, similarity = other, also
        if nearest is None or similarity <= limit:
            held[len(taken)] = units[place]
            taken.append(place)
        else:
            near[place] = (nearest, similarity)
            rejected.append(place)
    return taken, near


def _nearest(
    unit: NDArray[np.float32], rows: NDArray[np.float32], places: Sequence[int]
) -> tuple[int | None, float]:
    if not places:
        return None, -1.0
    similar = rows[: len(places)] @ unit
    at = int(similar.argmax())
    return places[at], float(similar[at])


def _ranked(scores: Sequence[float | None]) -> list[int]:
    """The places that have a score, best first, ties in their order."""
    scored = [(place, score) for place, score in enumerate(scores) if score is not None]
    return [place for place, _ in sorted(scored, key=lambda item: -item[1])]
