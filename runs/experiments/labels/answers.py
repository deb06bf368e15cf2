"""World-true tasks with their own answers, or with those of other tasks of the same family.

The control of S. Min et al., "Rethinking the Role of Demonstrations" (2022, arXiv 2202.12837), and
P. Kung and N. Peng, "Do Models Really Learn to Follow Instructions?" (2023): what a model gains
from answers that are wrong in content and right in form, it did not gain by learning the tasks.
No item of the evaluation is among them. Cost: no calls.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from didact.records import Example
from didact.sources.microworld import Microworld

__all__ = ["Answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Tasks of the families that seeds show."""

    count: int
    """How many."""
    order: Literal["right", "shuffled"] = "right"
    """Whose answers: a task's own, or another's of its family."""

    def read(self) -> Iterator[Example]:
        """The tasks; a family's answers are moved on, so that none stays but by equality."""
        tasks = list(Microworld(count=self.count, families="seed").read())
        if self.order == "right":
            yield from tasks
            return
        families: dict[str, list[Example]] = {}
        for task in tasks:
            families.setdefault(str(task.meta["family"]), []).append(task)
        rng = random.Random("shuffled answers")
        moved: dict[str, str] = {}
        for members in families.values():
            rng.shuffle(members)
            for one, other in zip(members, [*members[1:], members[0]], strict=True):
                moved[one.id] = other.output
        for task in tasks:
            yield Example.single(
                task.instruction,
                moved[task.id],
                input=task.input,
                origin=task.origin,
                meta=task.meta,
            )
