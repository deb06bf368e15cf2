"""Rows in Parquet: written as they come, read as a stream of row groups.

The same rows give the same bytes: row groups have a fixed size and nothing depends on the time or
on how the rows came. What is in memory is a group of some thousand rows, be there ten million.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

import pyarrow as _pyarrow  # pyright: ignore[reportMissingTypeStubs]
import pyarrow.parquet as _parquet  # pyright: ignore[reportMissingTypeStubs]

from didact import rows
from didact.disk import storing
from didact.errors import StoreError

__all__ = ["Stored", "Table", "Writer"]

# pyarrow ships no types.
_arrow: Any = _pyarrow
_files: Any = _parquet

_VERSION = "1"
_GROUP = 4096
"""Rows of a row group: fixed, so that how the rows came does not show in the file."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Row]):
    """One kind of Parquet file."""

    name: str
    columns: Mapping[str, str]
    to_row: Callable[[Row], tuple[Any, ...]]
    """The values of a row in the order of the columns."""
    from_row: Callable[[dict[str, Any]], Row]

    def schema(self) -> Any:  # noqa: ANN401  (a pyarrow schema)
        """The Arrow schema, with the version in its metadata."""
        types = {
            "text": _arrow.string(),
            "texts": _arrow.list_(_arrow.string()),
            "number": _arrow.float64(),
            "truth": _arrow.bool_(),
            "messages": _arrow.list_(
                _arrow.struct([("role", _arrow.string()), ("content", _arrow.string())])
            ),
        }
        fields = [_arrow.field(name, types[kind]) for name, kind in self.columns.items()]
        return _arrow.schema(fields, metadata={"didact": f"{self.name}/{_VERSION}"})

    def write(self, path: Path, rows: Iterable[Row]) -> int:
        """Write all the rows; how many there were."""
        with self.writer(path) as writer:
            for row in rows:
                writer.add(row)
        return writer.count

    @contextmanager
    def writer(self, path: Path) -> Generator[Writer[Row], None, None]:
        """A file to write rows to, as they come."""
        with storing(path):
            file = _files.ParquetWriter(path, self.schema(), compression="zstd")
        try:
            writer: Writer[Row] = Writer(self, file, path)
            yield writer
            writer.flush()
        finally:
            with storing(path):
                file.close()

    def read(self, path: Path) -> list[Row]:
        """All the rows; StoreError where the file is damaged or of another version."""
        return list(Stored(self, path))


class Writer(Generic[Row]):
    """Takes rows one by one, or those of another file."""

    def __init__(self, table: Table[Row], file: Any, path: Path) -> None:  # noqa: ANN401
        self._table = table
        self._schema = table.schema()
        self._file = file
        self._path = path
        self._rows: list[tuple[Any, ...]] = []
        self._before = self._schema.empty_table()
        """What came before the rows and fills no group."""
        self._room = _GROUP
        self.count = 0

    def add(self, row: Row) -> None:
        """Write one row."""
        self._rows.append(self._table.to_row(row))
        self.count += 1
        if len(self._rows) == self._room:
            self._hold(self._made())

    def append(self, path: Path) -> None:
        """Write the rows of another file of this kind after those that were added."""
        self._hold(self._made())
        for group in rows.arrow_groups(path):
            self.count += int(group.num_rows)
            self._hold(group)

    def flush(self) -> None:
        """Write what is held back."""
        self._hold(self._made())
        if self._before.num_rows:
            self._write(self._before)
            self._before = self._schema.empty_table()
            self._room = _GROUP

    def _made(self) -> Any:  # noqa: ANN401
        """The rows that were added one by one, as a table of Arrow."""
        if not self._rows:
            return self._schema.empty_table()
        columns = zip(*self._rows, strict=True)
        made = [
            _arrow.array(values, type=field.type)
            for field, values in zip(self._schema, columns, strict=True)
        ]
        self._rows = []
        return _arrow.Table.from_arrays(made, schema=self._schema)

    def _hold(self, more: Any) -> None:  # noqa: ANN401
        """Write what fills a group, hold back the rest."""
        held = _arrow.concat_tables([self._before, more])
        start = 0
        while held.num_rows - start >= _GROUP:
            self._write(held.slice(start, _GROUP))
            start += _GROUP
        self._before = held.slice(start)
        self._room = _GROUP - int(self._before.num_rows)

    def _write(self, group: Any) -> None:  # noqa: ANN401
        with storing(self._path):
            # In one piece, so that where the pieces met does not show in the file.
            self._file.write_table(group.combine_chunks())


class Stored(Sequence[Row]):
    """The rows of a file, counted without reading and read each time they are gone through.

    A row by its number is read with its group, which is kept until another one is asked for.
    """

    def __init__(self, table: Table[Row], path: Path) -> None:
        self._table = table
        self._path = path
        with rows.opened(path) as file:
            found = cast("dict[bytes, bytes]", file.schema_arrow.metadata or {}).get(b"didact", b"")
            sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        if found.decode() != f"{table.name}/{_VERSION}":
            raise StoreError(
                f"{path}: holds {found.decode() or 'no didact table'}; this didact reads"
                f" {table.name}/{_VERSION}. Remove {path.parent} and run again."
            )
        self._ends: list[int] = list(accumulate(sizes))
        self._at = -1
        self._group: list[rows.Row] = []

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Row]:
        from_row = self._table.from_row
        for group in rows.groups(self._path):
            for row in group:
                yield from_row(row)

    def columns(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Some columns of every row as they lie, which is read much sooner than whole rows."""
        for group in rows.arrow_groups(self._path, names):
            yield from zip(*(group.column(name).to_pylist() for name in names), strict=True)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        at = bisect_right(self._ends, number)
        if at != self._at:
            self._group, self._at = rows.group(self._path, at), at
        return self._table.from_row(self._group[number - self._ends[at]])
