"""Examples in Parquet of any columns: what hubs serve, and the tables that didact writes.

The columns are mapped as the ``jsonl`` source maps keys; ours (``didact convert --to parquet``, the
files of a run) come back as they were. Published sets in a shape of their own (OpenOrca, LIMA) are
read by the source of that name, from Parquet as well.

Cost: no calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from didact.errors import ConfigError
from didact.formats.mapped import Columns
from didact.formats.reading import Data, Reading, provenance
from didact.formats.refusals import Refusals
from didact.records import Example, Message, Origin

__all__ = ["Parquet"]

_ORIGIN = Origin(recipe="parquet")
_OURS = frozenset({"id", "messages", "meta", "recipe", "version", "parents", "calls"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parquet:
    """Examples from a Parquet file of any columns, or from a directory of such files."""

    path: Path
    """The file, or a directory: its .parquet files in the order of their names."""
    instruction: str = "instruction"
    """The column of the instruction, or a template over columns: ``"Summarise: {text}"``."""
    input: str = "input"
    """The column of the input, or a template; none where it is null."""
    output: str = "output"
    """The column of the output, or a template."""
    system: str = ""
    """The column of a system message; none where it is empty."""
    rejected: str = ""
    """The column of a worse answer, or of a list of them, for preference pairs."""
    licence: str = ""
    """Whose terms the data is under, for ``meta``; a row's own ``licence`` goes before it."""
    generator: str = ""
    """Who wrote the answers: a model's name or ``human``; a row's own goes before it."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, file by file, in the order of the rows."""
        columns = Columns(
            origin=_ORIGIN,
            instruction=self.instruction,
            input=self.input,
            output=self.output,
            system=self.system,
            rejected=self.rejected,
            stated=provenance(self.licence, self.generator),
        )
        for path in self._files():
            reading = Reading(path, on_error=self.on_error, refusals=refusals)
            yield from reading.examples(lambda data: _ours(data) or columns.parse(data))

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            return [self.path]
        found = sorted(self.path.rglob("*.parquet"))
        if not found:
            raise ConfigError(f"{self.path}: there is no .parquet file in it")
        return found


def _ours(data: Data) -> Sequence[Example]:
    if data.keys() != _OURS:
        return ()
    row = cast("dict[str, Any]", data)
    origin = Origin(
        recipe=row["recipe"],
        version=row["version"],
        parents=tuple(row["parents"]),
        calls=tuple(row["calls"]),
    )
    messages = tuple(Message(m["role"], m["content"]) for m in row["messages"])
    return (Example(messages=messages, meta=json.loads(row["meta"]), origin=origin),)
