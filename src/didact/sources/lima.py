"""LIMA: ``{"conversations": [text, text, ...], "source"}``, user and assistant in turn.

LIMA (Zhou et al. 2023, arXiv 2305.11206): 1,030 training rows, 30 of them dialogues, chosen and
written with care. Rows of its test part are questions without an answer: ``unanswered`` says
whether such a row is refused or read as a prompt to answer.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import Data, Reading, is_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.formats.turns import texts_in_turn
from didact.records import JSON, Example, Message, Origin

__all__ = ["Lima"]

_ORIGIN = Origin(recipe="lima")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lima:
    """A thousand careful examples, some of several turns."""

    path: Path
    """JSON Lines, a JSON array or Parquet; .gz is decompressed."""
    unanswered: Literal["refuse", "keep"] = "refuse"
    """What becomes of a row that ends with the user, as those of the test part do."""
    licence: str = "CC BY-NC-SA 4.0"
    """Whose terms the data is under."""
    generator: str = "human"
    """Who wrote it."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, in the order of the file."""
        stated = provenance(self.licence, self.generator)
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(lambda data: self._example(data, stated))

    def _example(self, data: Data, stated: Mapping[str, JSON]) -> Sequence[Example]:
        turns = data.get("conversations")
        if type(turns) is list and len(turns) == 2 and is_text(turns[0]) and is_text(turns[1]):
            messages = [Message("user", turns[0]), Message("assistant", turns[1])]
        else:
            messages = texts_in_turn(row_of(data), "conversations")
        if self.unanswered == "refuse" and len(messages) % 2:
            told = (
                "the last turn has no answer; a test row? `unanswered: keep` reads it as a prompt"
            )
            row_of(data).fail(told, reason="the last turn has no answer")
        meta: dict[str, JSON] = {**stated}
        for key, value in data.items():
            if key != "conversations":
                meta[key] = value
        return (Example(messages=tuple(messages), meta=meta, origin=_ORIGIN),)
