"""The order in which rows are trained: shuffled, rows of like length together, epoch by epoch.

Padding is what a batch of unlike lengths wastes. Rows are shuffled, windows of them are sorted by
length, and the batches of a window are shuffled again, so that length says nothing about the
place in training beyond the window.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain

__all__ = ["order"]

_WINDOW = 32
"""Batches that are sorted together."""


def order(lengths: Sequence[int], *, batch: int, epochs: float, rng: random.Random) -> list[int]:
    """Indices of rows, ``batch`` after ``batch``; only the last batch may be smaller.

    What an epoch leaves over after its last whole batch opens the next epoch, in one batch with
    other rows: no batch but the last can hold a row twice, as long as there are ``batch`` rows.
    """
    total = max(1, round(epochs * len(lengths)))
    rows: list[int] = []
    over: list[int] = []
    while (missing := total - len(rows) - len(over)) > 0:
        drawn = rng.sample(range(len(lengths)), len(lengths))[:missing]
        if over:
            held = set(over)
            drawn.sort(key=held.__contains__)  # stable: the rows held come last
            gap = batch - len(over)
            rows += over + drawn[:gap]
            drawn = drawn[gap:]
            rng.shuffle(drawn)
        whole = len(drawn) - len(drawn) % batch
        for start in range(0, whole, batch * _WINDOW):
            window = drawn[start : min(start + batch * _WINDOW, whole)]
            rows += _grouped(window, lengths, batch, rng)
        over = drawn[whole:]
    return rows + over


def _grouped(
    window: list[int], lengths: Sequence[int], batch: int, rng: random.Random
) -> list[int]:
    window = sorted(window, key=lengths.__getitem__)
    batches = [window[i : i + batch] for i in range(0, len(window), batch)]
    rng.shuffle(batches)
    return list(chain.from_iterable(batches))
