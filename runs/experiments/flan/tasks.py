"""World-true tasks with an input, put in one of the three ways of FLAN's template ablation.

Finetuned Language Models Are Zero-Shot Learners (J. Wei et al. 2021, arXiv 2109.01652) tunes on
instructions, on data set names in brackets, or on inputs alone, and asks all three with
instructions. The tasks are the same in all arms; families that evaluation holds out are not among
them. Cost: no calls.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from didact.microworld.family import write_task
from didact.microworld.world import SEED
from didact.records import Example, Origin

__all__ = ["Tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """Tasks of the families that seeds show, all with an input."""

    count: int
    """How many."""
    arm: Literal["instruction", "name", "none"] = "instruction"
    """What says what to do: a wording, the name of the family in brackets, or nothing."""

    def read(self) -> Iterator[Example]:
        """The tasks, family after family and round again."""
        rng = random.Random("flan's arms")
        pool = [fam for fam in SEED if fam.kind is not None]
        taken: set[tuple[str, str]] = set()
        written = tried = 0
        while written < self.count:
            # Some families have few inputs, or always name them in the wording: then the next one.
            fam = pool[tried % len(pool)]
            tried += 1
            task = write_task(rng, fam, separate=1.0)[0]
            if not task.input or (fam.name, task.input) in taken:
                continue
            taken.add((fam.name, task.input))
            written += 1
            name = f"[{fam.name.replace('_', ' ')}]"
            said = {"instruction": task.instruction, "name": name, "none": ""}[self.arm]
            yield Example.single(
                said or task.input,
                task.output,
                input=task.input if said else "",
                origin=Origin(recipe="microworld"),
                meta={"family": fam.name},
            )
