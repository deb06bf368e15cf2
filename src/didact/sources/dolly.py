"""Dolly-15k: ``{"instruction", "context", "response", "category"}``, one object a line.

databricks-dolly-15k (Conover et al. 2023) was written by people, with generative AI forbidden:
a contrast to data that models wrote. Eight categories; of these closed_qa, information_extraction
and summarization carry a passage of Wikipedia as context, with its citation numbers in brackets.

Differences: citation numbers are stripped from the context unless ``citations`` is ``keep``; the
cleaning that took the published file from 15,015 to 15,011 rows is offered as ``cleaned``.

Cost: no calls.
"""

from __future__ import annotations

import re
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

__all__ = ["Dolly"]

_ORIGIN = Origin(recipe="dolly")
_READ = frozenset({"instruction", "context", "response"})
_CITATION = re.compile(r"\[(?:\d{1,3}|citation needed|note \d{1,2})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dolly:
    """Instructions and answers that people wrote, some about a passage."""

    path: Path
    """JSON Lines, a JSON array or Parquet; .gz is decompressed."""
    citations: Literal["strip", "keep"] = "strip"
    """Whether citation numbers such as [42] stay in the context."""
    cleaned: bool = False
    """Leave out rows whose response repeats the instruction, and empty a context that repeats the
    response (the category becomes open_qa), as the later release did."""
    categories: tuple[str, ...] = ()
    """Only these categories; all where empty."""
    licence: str = "CC BY-SA 3.0"
    """Whose terms the data is under."""
    generator: str = "human"
    """Who wrote it."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, in the order of the file."""
        stated = provenance(self.licence, self.generator)
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(lambda data: self._example(data, stated, reading))

    def _example(
        self, data: Data, stated: Mapping[str, JSON], reading: Reading
    ) -> Sequence[Example]:
        instruction, response = data.get("instruction"), data.get("response")
        if not is_text(instruction):
            instruction = row_of(data).text("instruction")
        if not is_text(response):
            response = row_of(data).text("response", meaning="output")
        context = optional_text(data, "context")
        meta: dict[str, JSON] = {**stated}
        for key, value in data.items():
            if key not in _READ:
                meta[key] = value
        if self.cleaned:
            if instruction.strip() == response.strip():
                reading.leave_out("the response repeats the instruction")
                return ()
            if context and context.strip() == response.strip():
                context, meta["category"] = "", "open_qa"
        if self.categories and meta.get("category") not in self.categories:
            reading.leave_out("another category", f"category {meta.get('category')!r}")
            return ()
        if self.citations == "strip" and "[" in context:
            context = _CITATION.sub("", context)
        return one_turn(instruction, context, response, meta, _ORIGIN)
