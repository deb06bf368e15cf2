"""Rows of a run's Parquet files as they lie on the disk: a group at a time, or one by its number.

A file of ten million rows is never read whole: what is in memory is one group of some thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from didact.errors import StoreError

__all__ = ["Row", "arrow_groups", "count", "group", "groups", "opened", "row"]

Row: TypeAlias = "dict[str, Any]"


def count(path: Path) -> int:
    """How many rows a file has; 0 where there is no file."""
    if not path.is_file():
        return 0
    with opened(path) as file:
        return int(file.metadata.num_rows)


def groups(path: Path) -> Iterator[list[Row]]:
    """All rows in order, as many at a time as the file keeps together."""
    for table in arrow_groups(path):
        yield cast("list[Row]", table.to_pylist())


def arrow_groups(path: Path, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The same as tables of Arrow; of some columns, where they are named."""
    with opened(path) as file:
        for number in range(int(file.num_row_groups)):
            yield _read(path, file, number, columns)


def group(path: Path, number: int) -> list[Row]:
    """The rows of one group."""
    with opened(path) as file:
        return cast("list[Row]", _read(path, file, number).to_pylist())


def row(path: Path, number: int) -> Row:
    """One row."""
    with opened(path) as file:
        for at in range(int(file.num_row_groups)):
            size = int(file.metadata.row_group(at).num_rows)
            if number < size:
                return cast("list[Row]", _read(path, file, at).slice(number, 1).to_pylist())[0]
            number -= size
    raise StoreError(f"{path}: has no row {number}; it was changed while it was being read")


def opened(path: Path) -> Any:  # noqa: ANN401  (pyarrow ships no types)
    """A file to read from, closed by ``with``; StoreError where it is damaged."""
    import pyarrow.parquet as parquet  # pyright: ignore[reportMissingTypeStubs]

    try:
        return cast("Any", parquet).ParquetFile(path)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _read(path: Path, file: Any, number: int, columns: Sequence[str] | None = None) -> Any:  # noqa: ANN401
    try:
        return file.read_row_group(number, columns=columns)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: cannot be read as Parquet ({error}). Remove {path.parent} and run again: the"
        " stage is made anew from the call log."
    )
