"""Evolved instructions: the published shapes of WizardLM's data and of its successors.

Evol-Instruct (Xu et al. 2023, arXiv 2304.12244). Four shapes of rows, that may be mixed:

- ``{"instruction", "output"}``: the 70k set;
- ``{"idx", "conversations": [{"from", "value"}]}``: the 196k set;
- ``{"Instruction", "Skill", "Difficulty"}``: the test set, prompts without an answer;
- ``{"raw": {"inst", "output"}, "auto_evol": {"auto_inst", "auto_output", ...}}``: a trace of
  Auto-Evol-Instruct (Zeng et al. 2024, arXiv 2406.00770); the instruction it started from and its
  plan go to ``meta.evolved_from`` and ``meta.plan``.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import Data, Reading, is_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.formats.turns import alternating, named_turns
from didact.records import JSON, Example, Message, Origin
from didact.text.rows import Row

__all__ = ["Evol"]

_ORIGIN = Origin(recipe="evol")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evol:
    """Instructions that a model made harder, with its answers."""

    path: Path
    """JSON Lines, a JSON array or Parquet; .gz is decompressed."""
    licence: str = "CC BY-NC 4.0"
    """Whose terms the data is under: those of WizardLM's sets."""
    generator: str = "gpt-3.5-turbo"
    """Who evolved and answered."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, in the order of the file."""
        stated = provenance(self.licence, self.generator)
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(lambda data: _example(data, stated))


def _example(data: Data, stated: Mapping[str, JSON]) -> Sequence[Example]:
    meta: dict[str, JSON] = {**stated}
    if "conversations" in data:
        read: tuple[str, ...] = ("conversations",)
        messages = named_turns(row_of(data), "conversations")
        if not alternating(messages) or messages[-1].role != "assistant":
            told = "'conversations' must alternate from human to gpt, and end with gpt"
            row_of(data).fail(told, reason="no alternating conversation")
    elif "auto_evol" in data:
        read = ("raw", "auto_evol")
        messages, more = _trace(row_of(data))
        meta |= more
    elif "Instruction" in data:
        read = ("Instruction",)
        messages = [Message("user", row_of(data).text("Instruction"))]
    else:
        read = ("instruction", "output")
        instruction, output = data.get("instruction"), data.get("output")
        if not is_text(instruction):
            instruction = row_of(data).text("instruction")
        if not is_text(output):
            output = row_of(data).text("output")
        messages = [Message("user", instruction), Message("assistant", output)]
    for key, value in data.items():
        if key not in read:
            meta[key] = value
    return (Example(messages=tuple(messages), meta=meta, origin=_ORIGIN),)


def _trace(row: Row) -> tuple[list[Message], dict[str, JSON]]:
    raw, evolved = row.data.get("raw"), row.data.get("auto_evol")
    if not isinstance(raw, dict) or not isinstance(evolved, dict):
        row.fail("'raw' and 'auto_evol' must be objects", reason="no evolution trace")
    end = Row(f"{row.place}, in 'auto_evol'", evolved)
    start = Row(f"{row.place}, in 'raw'", raw)
    messages = [
        Message("user", end.text("auto_inst", meaning="instruction")),
        Message("assistant", end.text("auto_output", meaning="output")),
    ]
    plan = end.optional_text("auto_detail")
    return messages, {"evolved_from": start.text("inst", meaning="instruction"), "plan": plan}
