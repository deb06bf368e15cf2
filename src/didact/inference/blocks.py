"""Which blocks of memory hold the keys and values of which row of a batch.

The tokens of a row lie in blocks of so many tokens each, handed out as the row grows, so that rows
of any length stand side by side without padding. Copies of a row share the blocks that it has
filled; blocks of rows that leave are handed out again. The first block is nobody's. Whoever owns
the memory makes it as large as ``total`` says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Blocks", "Whole"]

Whole = NDArray[np.int32]


class Blocks:
    """The blocks of one batch, each for ``size`` tokens."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.total = 1
        """Blocks there are, free ones included."""
        self.clear()

    def clear(self) -> None:
        """Forgets all rows; the next tokens are those of a new batch."""
        self._free = np.arange(1, self.total, dtype=np.int32)
        self._table = np.zeros((0, 0), np.int32)  # rows x blocks in order; -1 where there is none
        self.lengths = np.zeros(0, np.int32)
        """Tokens of every row."""

    def add(self, counts: Whole) -> Whole:
        """Makes room for so many more tokens in every row; how many there were before."""
        if not len(self.lengths):
            self.lengths = np.zeros(len(counts), np.int32)
            self._table = np.zeros((len(counts), 0), np.int32)
        before, self.lengths = self.lengths, self.lengths + counts
        needed = -(-self.lengths // self._size)
        wider = max(0, needed.max() - self._table.shape[1])
        if wider:
            self._table = np.pad(self._table, ((0, 0), (0, wider)), constant_values=-1)
        lacking = (self._table < 0) & (np.arange(self._table.shape[1]) < needed[:, None])
        self._table[lacking] = self._taken(int(lacking.sum()))
        return before

    def of(self, rows: NDArray[np.intp]) -> tuple[Whole, Whole]:
        """The blocks of these rows one after another, and where those of each begin and end."""
        table = self._table[rows]
        held = table >= 0
        begins = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(held.sum(1), out=begins[1:])
        return table[held], begins

    def repeat(self, rows: int) -> tuple[Whole, Whole]:
        """So many copies of the only row: the block that it has begun, if any, and its copies."""
        full, begun = divmod(int(self.lengths[0]), self._size)
        self._table = self._table.repeat(rows, 0)
        self.lengths = self.lengths.repeat(rows)
        if not begun:
            return np.zeros(0, np.int32), np.zeros(0, np.int32)
        copies = self._taken(rows - 1)
        self._table[1:, full] = copies
        return self._table[:1, full], copies

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forgets the other rows."""
        self._table = self._table[rows]
        self.lengths = self.lengths[rows]
        self._free = np.setdiff1d(np.arange(1, self.total, dtype=np.int32), self._table)

    def _taken(self, count: int) -> Whole:
        lacking = count - len(self._free)
        if lacking > 0:
            # More than is asked for: whoever owns the memory copies it all when it grows.
            total = self.total + max(lacking, self.total // 4)
            self._free = np.append(self._free, np.arange(self.total, total, dtype=np.int32))
            self.total = total
        taken, self._free = self._free[:count], self._free[count:]
        return taken
