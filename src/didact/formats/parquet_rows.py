"""The rows of a Parquet file as dictionaries, some hundred at a time.

pyarrow is imported here, and in ``tables.py``, which holds the schemas of a run's own files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pyarrow as _pyarrow  # pyright: ignore[reportMissingTypeStubs]
import pyarrow.parquet as _parquet  # pyright: ignore[reportMissingTypeStubs]

from didact.errors import ConfigError
from didact.records import JSON

__all__ = ["parquet_rows"]

# pyarrow ships no types.
_arrow: Any = _pyarrow
_files: Any = _parquet

_BATCH = 512
"""Rows that are dictionaries at one time."""


def parquet_rows(path: Path) -> Iterator[dict[str, JSON]]:
    """Every row; ConfigError where the file is no Parquet."""
    try:
        file = _files.ParquetFile(path)
    except (OSError, ValueError) as error:
        if path.is_file() and not path.stat().st_size:
            return
        raise ConfigError(f"{path}: cannot be read as Parquet: {error}") from error
    with file:
        try:
            strange = _strange(file.schema_arrow)
            # Group by group: one reading of all of them holds on to what it has read (pyarrow 26).
            for group in range(int(file.num_row_groups)):
                for batch in file.iter_batches(batch_size=_BATCH, row_groups=[group]):
                    for row in cast("list[dict[str, Any]]", batch.to_pylist()):
                        for name in strange:
                            row[name] = _plain(row[name])
                        yield row
        except (OSError, ValueError, _arrow.ArrowException) as error:
            raise ConfigError(f"{path}: the file is damaged: {error}") from error


def _strange(schema: Any) -> list[str]:  # noqa: ANN401
    """The columns whose values may be no JSON: times, bytes, decimals, numbers that are none."""
    plain = {"string", "large_string", "bool", "null", "int8", "int16", "int32", "int64"}
    return [field.name for field in schema if str(field.type) not in plain]


def _plain(value: Any) -> JSON:  # noqa: ANN401
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
