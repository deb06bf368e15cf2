"""Which source reads a file: told from its name and from the keys of its first row.

A shape that many sets share (instruction and output) is read by ``jsonl``, which claims no licence.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from didact.errors import ConfigError
from didact.formats.containers import BadRow, rows_of
from didact.records import JSON

__all__ = ["source_of"]

_DOCUMENTS = frozenset({".txt", ".md", ".markdown", ".html", ".htm"})
_LOOKED_AT = 5
"""Rows: the first that is one decides."""


def source_of(path: Path) -> str:
    """The name of the source for a file; ConfigError where no row can be read."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix != ".gz"]
    kind = suffixes[-1] if suffixes else ""
    if path.is_dir():
        return "parquet" if any(path.rglob("*.parquet")) else "documents"
    if kind in _DOCUMENTS:
        return "documents"
    if kind == ".tsv":
        return "flan"
    for _, row in islice(rows_of(path), _LOOKED_AT):
        if not isinstance(row, BadRow):
            return _by_keys(row, parquet=kind == ".parquet")
    raise ConfigError(
        f"{path}: the first {_LOOKED_AT} rows are no rows, so the format cannot be told; name it"
    )


def _by_keys(row: Mapping[str, JSON], *, parquet: bool) -> str:
    keys = row.keys()
    turns = row.get("conversations")
    if {"message_tree_id", "prompt"} <= keys or {"message_id", "role"} <= keys:
        return "oasst"
    if {"chosen", "rejected"} <= keys or {"preferred_output", "completion_a"} & keys:
        return "hh"
    if isinstance(turns, list) and turns:
        return "lima" if isinstance(turns[0], str) else "sharegpt"
    if {"instruction", "context", "response"} <= keys:
        return "dolly"
    if {"system_prompt", "question", "response"} <= keys:
        return "openorca"
    if {"instruction", "instances", "is_classification"} <= keys:
        return "self-instruct-seeds"
    if {"inputs", "targets"} <= keys:
        return "flan"
    if "auto_evol" in keys or {"Instruction", "Skill"} <= keys:
        return "evol"
    if "text" in keys and not {"messages", "instruction", "output"} & keys:
        return "documents"
    return "parquet" if parquet else "jsonl"
