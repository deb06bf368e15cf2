"""The order in which rows are trained: shuffled, rows of like length together, epoch by epoch.

Padding is what a batch of unlike lengths wastes. Rows are shuffled, windows of them are sorted by
length, and the batches of a window are shuffled again, so that length says nothing about the
place in training beyond the window. A curriculum puts groups one after the other, each with all of
its epochs, as Orca (2023) did with the answers of a weaker and of a stronger teacher.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain

__all__ = ["groups_of", "order"]

_WINDOW = 32
"""Batches that are sorted together."""


def groups_of(stages: Sequence[int | float | str]) -> list[list[int]]:
    """Places of equal stages together, the lowest stage first."""
    found: dict[int | float | str, list[int]] = {}
    for place, stage in enumerate(stages):
        found.setdefault(stage, []).append(place)
    return [found[stage] for stage in sorted(found, key=lambda stage: (str(type(stage)), stage))]


def order(
    lengths: Sequence[int],
    *,
    batch: int,
    epochs: float,
    rng: random.Random,
    groups: Sequence[Sequence[int]] | None = None,
    bucketing: bool = True,
) -> list[int]:
    """Indices of rows, ``batch`` after ``batch``; only the last batch may be smaller.

    What an epoch leaves over after its last whole batch opens the next epoch (or the next group),
    in one batch with other rows: no batch but the last can hold a row twice, as long as there are
    ``batch`` rows.
    """
    rows: list[int] = []
    over: list[int] = []
    for group in groups or [range(len(lengths))]:
        before = len(rows) + len(over)
        total = before + max(1, round(epochs * len(group)))
        while (missing := total - len(rows) - len(over)) > 0:
            drawn = rng.sample(group, len(group))[:missing]
            if over:
                held = set(over)
                drawn.sort(key=held.__contains__)  # stable: the rows held come last
                gap = batch - len(over)
                opening, drawn = over + drawn[:gap], drawn[gap:]
                if len(opening) < batch:
                    over = opening
                    continue
                rows += opening
                rng.shuffle(drawn)
            whole = len(drawn) - len(drawn) % batch
            window = batch * _WINDOW if bucketing else batch
            for start in range(0, whole, window):
                rows += _grouped(drawn[start : min(start + window, whole)], lengths, batch, rng)
            over = drawn[whole:]
    return rows + over


def _grouped(
    window: list[int], lengths: Sequence[int], batch: int, rng: random.Random
) -> list[int]:
    window = sorted(window, key=lengths.__getitem__)
    batches = [window[i : i + batch] for i in range(0, len(window), batch)]
    rng.shuffle(batches)
    return list(chain.from_iterable(batches))
