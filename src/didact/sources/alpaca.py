"""Data in the shape of Alpaca's: ``{"instruction", "input", "output"}``, an array or JSON Lines.

Stanford Alpaca (Taori et al. 2023) published 52,002 such records; GPT-4-LLM (Peng et al. 2023,
arXiv 2304.03277) answered the same instructions again in the same shape, and most small sets copy
it. A handful of the published outputs are empty: those rows are refused, like any other bad row.

Differences: ``<noinput>`` in any letter case is no input, as in generation; other keys (scores,
the ten most similar instructions) go to ``meta``.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import (
    Data,
    Reading,
    is_text,
    one_turn,
    optional_text,
    provenance,
    row_of,
)
from didact.formats.refusals import Refusals
from didact.records import JSON, Example, Origin

__all__ = ["Alpaca"]

_ORIGIN = Origin(recipe="alpaca-data")
_READ = frozenset({"instruction", "input", "output"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alpaca:
    """Instructions with optional inputs and outputs, as Alpaca published them."""

    path: Path
    """A JSON array, JSON Lines or Parquet; .gz is decompressed."""
    licence: str = "CC BY-NC 4.0"
    """Whose terms the data is under: those of the published 52k; say so where yours is other."""
    generator: str = "text-davinci-003"
    """Who wrote it; ``gpt-4`` for GPT-4-LLM."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, in the order of the file."""
        stated = provenance(self.licence, self.generator)
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(lambda data: _example(data, stated))


def _example(data: Data, stated: Mapping[str, JSON]) -> Sequence[Example]:
    instruction, output = data.get("instruction"), data.get("output")
    if not is_text(instruction):
        instruction = row_of(data).text("instruction")
    if not is_text(output):
        output = row_of(data).text("output")
    given = optional_text(data, "input")
    if given[:1] == "<" and given.strip().lower() == "<noinput>":
        given = ""
    meta: dict[str, JSON] = {**stated}
    for key, value in data.items():
        if key not in _READ:
            meta[key] = value
    return one_turn(instruction, given, output, meta, _ORIGIN)
