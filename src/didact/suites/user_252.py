"""The 252 instructions that the authors of Self-Instruct wrote for what people use computers for.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560): tasks around applications such as mail and
spreadsheets, each with one instance. They ask that it be used to evaluate, not to train. A row is
``{"id", "motivation_app", "instruction", "instances": [{"input", "output"}]}``. People rated the
answers on four levels (`four-level`); the output is one good answer of many, not the right one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.formats.reading import Data, Reading, row_of
from didact.records import Example, Origin

__all__ = ["User252"]

_ORIGIN = Origin(recipe="user-252")


@dataclass(frozen=True, slots=True, kw_only=True)
class User252:
    """The 252 user-oriented instructions of Self-Instruct, by application."""

    path: Path
    """The published ``user_oriented_instructions.jsonl``, or rows like it."""

    def read(self) -> Iterator[Example]:
        """The items in order; ``meta["category"]`` is the application."""
        return Reading(self.path, on_error="stop").examples(_items)


def _items(data: Data) -> Sequence[Example]:
    row = row_of(data)
    instruction = row.text("instruction")
    meta = {"key": row.optional_text("id"), "category": row.optional_text("motivation_app")}
    return [
        Example.single(
            instruction,
            part.text("output"),
            input=part.optional_text("input"),
            origin=_ORIGIN,
            meta=meta,
        )
        for part in row.parts("instances")
    ]
