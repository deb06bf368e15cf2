"""Test items asked as Humpback is asked: with the sentences of both of its kinds of training data.

Instruction backtranslation (Li et al. 2023, arXiv 2308.06259) trains on seeds with one sentence and
on augmented data with another (the recipe `tagged`), and gives a tuned model both together: in the
paper 66.5 % against 62.7 % for the first alone or none. The items are a file's, in any of the
shapes of the source `jsonl`, or the held-out tasks of the embedded model's small world.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from didact.errors import ConfigError
from didact.formats.mapped import Columns
from didact.formats.reading import Reading
from didact.records import Example, Origin
from didact.text.backtranslation import BOTH_TAGS, tagged

__all__ = ["Tagged"]

_ORIGIN = Origin(recipe="tagged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """The items of a file, each with the sentences of seed and of augmented data (Humpback)."""

    path: Path | None = None
    """JSON Lines, JSON, CSV or TSV; without it, the held-out tasks of the small world."""
    tag: str = BOTH_TAGS
    """What is added to every instruction; "" for nothing, to compare."""
    place: Literal["instruction", "system"] = "instruction"
    """Where the recipe `tagged` put it."""
    per_family: int | None = None
    """Of the small world, items of each family; all there are by default."""

    def read(self) -> Iterator[Example]:
        """The items in the order of the file."""
        packaged = Path(str(files("didact"))) / "embedded" / "heldout.jsonl"
        columns = Columns(origin=_ORIGIN, stated={})
        taken: dict[str, int] = {}
        for item in Reading(self.path or packaged, on_error="stop").examples(columns.parse):
            family = "" if self.path else str(item.meta.get("family"))
            taken[family] = taken.get(family, 0) + 1
            if not self.path and self.per_family is not None and taken[family] > self.per_family:
                continue
            if not item.instruction.strip():
                raise ConfigError(f"{self.path}: an item without an instruction: {item.id}")
            if self.tag:
                item = replace(item, messages=tagged(item.messages, self.tag, self.place))
            yield item
