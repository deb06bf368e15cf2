"""OpenOrca: ``{"id", "system_prompt", "question", "response"}``, in Parquet or JSON Lines.

OpenOrca (Lian et al. 2023) repeats Orca (Mukherjee et al. 2023, arXiv 2306.02707): FLAN questions
under a system message that asks for an explanation, answered by GPT-4 (about 1M) and GPT-3.5 (about
3.2M). The id tells the sub-collection (``flan.564327``): it goes to ``meta.collection``.

Differences: an empty system prompt is no system message; the generator is read off the published
files' names where it is not stated.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import Data, Reading, is_text, optional_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.records import JSON, Example, Message, Origin

__all__ = ["Openorca"]

_ORIGIN = Origin(recipe="openorca")
_READ = frozenset({"system_prompt", "question", "response"})
_COLLECTIONS = ("niv", "t0", "cot", "flan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Openorca:
    """FLAN questions with system messages and explained answers."""

    path: Path
    """Parquet, JSON Lines or a JSON array; .gz is decompressed."""
    collections: tuple[Literal["niv", "t0", "cot", "flan"], ...] = ()
    """Only questions of these sub-collections; all where empty."""
    licence: str = "MIT"
    """Whose terms the data is under."""
    generator: str = ""
    """Who wrote the answers; where empty, told from a published file's name, else GPT-4 or
    GPT-3.5, which the rows do not tell apart."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, in the order of the file."""
        stated = provenance(self.licence, self.generator or _generator(self.path.name))
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(lambda data: self._example(data, stated, reading))

    def _example(
        self, data: Data, stated: Mapping[str, JSON], reading: Reading
    ) -> Sequence[Example]:
        question, response = data.get("question"), data.get("response")
        if not is_text(question):
            question = row_of(data).text("question", meaning="instruction")
        if not is_text(response):
            response = row_of(data).text("response", meaning="output")
        system = optional_text(data, "system_prompt")
        meta: dict[str, JSON] = {**stated}
        for key, value in data.items():
            if key not in _READ:
                meta[key] = value
        number = meta.get("id")
        if isinstance(number, str):
            found = next((name for name in _COLLECTIONS if number.startswith(name)), None)
            if found:
                meta["collection"] = found
        if self.collections and meta.get("collection") not in self.collections:
            reading.leave_out("another collection", f"collection of {number!r}")
            return ()
        turns = (Message("user", question), Message("assistant", response))
        messages = (Message("system", system), *turns) if system.strip() else turns
        return (Example(messages=messages, meta=meta, origin=_ORIGIN),)


def _generator(name: str) -> str:
    if "GPT4" in name and "GPT3" not in name:
        return "gpt-4"
    return "gpt-3.5-turbo" if "GPT3_5" in name else "gpt-4 or gpt-3.5-turbo"
