"""Tasks of the microworld from families that no seed belongs to, with every right answer.

The embedded model's tasks come in families (sorting, tenses, opposites, ...). Seeds are drawn from
some, these items from the others, so a score says what carried over to tasks never shown. The items
were kept out of the pre-training pages to the letter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

from didact.records import Example, Origin

__all__ = ["Microworld"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Microworld:
    """Held-out task families of the embedded model's small world."""

    per_family: int | None = None
    """Items of each family; all there are by default."""

    def read(self) -> Iterator[Example]:
        """The items in order, ``meta["family"]`` telling the family."""
        text = (files("didact") / "embedded" / "heldout.jsonl").read_text(encoding="utf-8")
        taken: dict[str, int] = {}
        for line in text.splitlines():
            row = cast("dict[str, Any]", json.loads(line))
            family = row["family"]
            taken[family] = taken.get(family, 0) + 1
            if self.per_family is not None and taken[family] > self.per_family:
                continue
            yield Example.single(
                row["instruction"],
                row["output"],
                input=row["input"],
                origin=Origin(recipe="microworld"),
                meta={"family": family, "references": row["references"]},
            )
