"""Rows of a run's Parquet files as they lie on the disk: a group at a time, or one by its number.

``Table.read`` makes records of a whole file, which a page over a million examples cannot wait for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias, cast

from didact.errors import StoreError

__all__ = ["Row", "count", "groups", "row"]

Row: TypeAlias = "dict[str, Any]"


def count(path: Path) -> int:
    """How many rows a file has; 0 where there is no file."""
    return int(_open(path).metadata.num_rows) if path.is_file() else 0


def groups(path: Path) -> Iterator[list[Row]]:
    """All rows in order, as many at a time as the file keeps together."""
    file = _open(path)
    for number in range(int(file.num_row_groups)):
        yield cast("list[Row]", _read(path, file, number).to_pylist())


def row(path: Path, number: int) -> Row:
    """One row."""
    file = _open(path)
    for group in range(int(file.num_row_groups)):
        size = int(file.metadata.row_group(group).num_rows)
        if number < size:
            return cast("list[Row]", _read(path, file, group).slice(number, 1).to_pylist())[0]
        number -= size
    raise StoreError(f"{path}: has no row {number}; it was changed while it was being read")


def _open(path: Path) -> Any:  # noqa: ANN401  (pyarrow ships no types)
    import pyarrow.parquet as parquet  # pyright: ignore[reportMissingTypeStubs]

    try:
        return cast("Any", parquet).ParquetFile(path)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _read(path: Path, file: Any, group: int) -> Any:  # noqa: ANN401
    try:
        return file.read_row_group(group)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: cannot be read as Parquet ({error}). Remove {path.parent} and run again: the"
        " stage is made anew from the call log."
    )
