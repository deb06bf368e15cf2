"""The rows of a Parquet file as dictionaries, some hundred at a time.

pyarrow is imported here, and in ``tables.py``, which holds the schemas of a run's own files.
"""

from __future__ import annotations

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
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from cast("list[dict[str, JSON]]", batch.to_pylist())
        except (OSError, ValueError, _arrow.ArrowException) as error:
            raise ConfigError(f"{path}: the file is damaged: {error}") from error
