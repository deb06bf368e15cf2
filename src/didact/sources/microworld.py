"""Tasks written by the programs of the microworld: valid, and answered rightly, by construction.

They take the place of human-written data beside a model's own: the same number of world-true
examples is the upper arm of a comparison. No item of the evaluation is among them.

Cost: no calls.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from didact.microworld.family import write_task
from didact.microworld.world import FAMILIES, SEED
from didact.records import Example, Origin

__all__ = ["Microworld"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Microworld:
    """World-true tasks of the microworld, written by its programs."""

    count: int
    """How many."""
    families: Literal["all", "seed"] = "all"
    """``seed`` leaves out the families that evaluation holds out."""
    draw: int = 0
    """Another number draws other tasks."""

    def read(self) -> Iterator[Example]:
        """The tasks, each content once."""
        text = (files("didact") / "embedded" / "heldout.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(line) for line in text.splitlines()]
        taken = {(row["instruction"], row["input"]) for row in rows}
        rng = random.Random(f"microworld {self.draw}")
        pool = FAMILIES if self.families == "all" else SEED
        written = 0
        while written < self.count:
            fam = pool[written % len(pool)]
            task = write_task(rng, fam)[0]
            if (task.instruction, task.input) in taken:
                continue
            taken.add((task.instruction, task.input))
            written += 1
            yield Example.single(
                task.instruction,
                task.output,
                input=task.input,
                origin=Origin(recipe="microworld"),
                meta={"family": fam.name, "is_classification": bool(fam.labels)},
            )
