"""Examples that wait: the first thousands in memory, more of them in files of a folder.

A filter may read ahead before it judges, a few examples or all of them; what it has read waits
here for its verdict. Short of ``_MOST`` nothing is written. Cost beyond that: some twenty
microseconds an example, and its size on the disk until it is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from didact.records import Example
from didact.tables import WAITING, Stored, Waiting

__all__ = ["Examples", "Spool"]

_MOST = 16_384
"""Examples of a file: as many are in memory at the head of the line and at its end."""


class Spool(Sequence[Waiting]):
    """A line of examples: added at the end, taken at the head, or gone through as they stand."""

    def __init__(self, folder: Path, *, most: int = _MOST) -> None:
        self._folder = folder
        self._most = most
        self._head: deque[Waiting] = deque()
        self._files: deque[Path] = deque()
        self._end: deque[Waiting] = deque()
        self._made = 0
        self._opened: tuple[Path, Stored[Waiting]] | None = None

    def add(self, row: Waiting) -> None:
        """One more at the end."""
        if not self._files and len(self._head) < self._most and not self._end:
            self._head.append(row)
            return
        self._end.append(row)
        if len(self._end) == self._most:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{self._made:06}.parquet"
            WAITING.write(path, self._end)
            self._files.append(path)
            self._made += 1
            self._end = deque()

    def take(self) -> Waiting:
        """The one at the head, which is forgotten; IndexError where there is none."""
        if not self._head:
            if self._files:
                path = self._files.popleft()
                self._head.extend(Stored(WAITING, path))
                path.unlink()
            else:
                self._head, self._end = self._end, self._head
        return self._head.popleft()

    def taken(self) -> Iterator[Waiting]:
        """All of them, each forgotten as it comes."""
        while self:
            yield self.take()

    def __len__(self) -> int:
        return len(self._head) + self._most * len(self._files) + len(self._end)

    def __iter__(self) -> Iterator[Waiting]:
        yield from self._head
        for path in self._files:
            yield from Stored(WAITING, path)
        yield from self._end

    @overload
    def __getitem__(self, index: int) -> Waiting: ...
    @overload
    def __getitem__(self, index: slice) -> list[Waiting]: ...
    def __getitem__(self, index: int | slice) -> Waiting | list[Waiting]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        if number < len(self._head):
            return self._head[number]
        at, place = divmod(number - len(self._head), self._most)
        if at == len(self._files):
            return self._end[place]
        path = self._files[at]
        if self._opened is None or self._opened[0] != path:
            self._opened = path, Stored(WAITING, path)
        return self._opened[1][place]


class Examples(Sequence[Example]):
    """The examples of a line as they stand, for a filter that wants to see all of them."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Example]:
        return (row.example for row in self._spool)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [row.example for row in self._spool[index]]
        return self._spool[index].example
