"""Rows of a step as tensors: padded to their longest, or several examples packed into one row.

Packing is best-fit decreasing: the longest example first, each into the fullest row that still has
room. No example sees another: positions begin again at 0, which transformers turns into a mask (or
into lengths for flash attention), and no first token is a target. Packing changes the layout of a
step and neither its examples nor its loss; that is proved before the first step.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from didact.text.masks import IGNORED, Row
from didact.training.lean import COLUMNS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NOTHING", "Collator", "best_fit", "packed", "padded"]

NOTHING = -1
"""The place of no row: one that trains nothing, where a process would have none."""


def best_fit(lengths: Sequence[int], *, room: int) -> list[list[int]]:
    """Places of the lengths, put into as few rows of ``room`` as best-fit decreasing finds."""
    rows: list[list[int]] = []
    # Room left and number of every row that is not full, the fullest first.
    free: list[tuple[int, int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        length = lengths[place]
        at = bisect_left(free, (length, -1))
        if at < len(free):
            left, number = free.pop(at)
            rows[number].append(place)
        else:
            left, number = max(room, length), len(rows)
            rows.append([place])
        insort(free, (left - length, number))
    return rows


def padded(rows: Sequence[Row], *, padding: int) -> dict[str, Tensor]:
    """A row of the tensor for every row, filled up at the end."""
    import torch

    width = _rounded(max(len(row.ids) for row in rows))
    gaps = [(row, width - len(row.ids)) for row in rows]
    return {
        "input_ids": torch.tensor([row.ids + [padding] * gap for row, gap in gaps]),
        "labels": torch.tensor([row.labels + [IGNORED] * gap for row, gap in gaps]),
        "attention_mask": torch.tensor([[1] * len(row.ids) + [0] * gap for row, gap in gaps]),
    }


def packed(rows: Sequence[Row], *, room: int, padding: int) -> dict[str, Tensor]:
    """As few rows of the tensor as best-fit finds, each of at most ``room`` tokens."""
    import torch

    bins = best_fit([len(row.ids) for row in rows], room=room)
    width = _rounded(max(sum(len(rows[place].ids) for place in one) for one in bins))
    ids: list[list[int]] = []
    labels: list[list[int]] = []
    positions: list[list[int]] = []
    for one in bins:
        given = [rows[place] for place in one]
        gap = width - sum(len(row.ids) for row in given)
        ids.append([token for row in given for token in row.ids] + [padding] * gap)
        # What precedes a first token here is another example.
        targets = [label for row in given for label in (IGNORED, *row.labels[1:])]
        labels.append(targets + [IGNORED] * gap)
        spans = [*(len(row.ids) for row in given), gap]
        positions.append([place for span in spans for place in range(span)])
    return {
        "input_ids": torch.tensor(ids),
        "labels": torch.tensor(labels),
        "position_ids": torch.tensor(positions),
    }


class Collator:
    """Places of rows in, tensors out; ``rows`` says which rows they are."""

    def __init__(self, rows: Sequence[Row], *, padding: int, room: int | None) -> None:
        """``room`` is that of a packed row; None pads."""
        self._rows = rows
        self._padding = padding
        self._room = room

    def __call__(self, places: Sequence[Mapping[str, int]]) -> dict[str, Tensor]:
        """The tensors of some rows."""
        import torch

        given = [place["row"] for place in places]
        empty = Row(self._rows[0].ids[:2], [IGNORED] * 2)
        rows = [empty if place == NOTHING else self._rows[place] for place in given]
        if self._room is None:
            found = padded(rows, padding=self._padding)
        else:
            found = packed(rows, room=self._room, padding=self._padding)
        return {**found, "rows": torch.tensor(given)}


def _rounded(width: int) -> int:
    return width + -width % COLUMNS
