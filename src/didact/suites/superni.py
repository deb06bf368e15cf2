"""The test of Super-NaturalInstructions: 119 English tasks, the first 100 instances of each.

Super-NaturalInstructions (Wang et al. 2022, arXiv 2204.07705). The prompts are Tk-Instruct's, with
the definition and two positive examples; Self-Instruct's Table 3 shows the definition alone
(``positive: 0``). Read by the source `superni`, whose docstring tells what differs. Evaluate with
`rouge`, and with `exact-match` where ``meta["category"]`` is one of classification.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from didact.components import find
from didact.context import Source
from didact.records import Example, Origin

__all__ = ["Superni"]

_ORIGIN = Origin(recipe="superni")


@dataclass(frozen=True, slots=True, kw_only=True)
class Superni:
    """The unseen tasks of Super-NaturalInstructions, as prompts with definition and examples."""

    path: Path
    """A task's .json, a directory of them, or .jsonl of tasks; .gz is decompressed."""
    tasks: Path | None = None
    """The split: the published ``test_tasks.txt``, one name a line; None: all that are there."""
    instances: int = 100
    """The most instances of a task, from its beginning."""
    positive: int = 2
    """Positive examples shown."""
    negative: int = 0
    """Negative examples shown."""
    explanations: bool = False
    """Show why the examples are as they are."""
    most_tokens: int = 1024
    """Of a prompt, at four bytes a token: examples beyond are not shown."""

    def read(self) -> Iterator[Example]:
        """Task by task; ``meta["category"]`` is the task's first, ``meta["task"]`` its name."""
        source: Source = find("sources", "superni")(
            path=self.path,
            tasks=self.tasks,
            split="test",
            instances=self.instances,
            positive=self.positive,
            negative=self.negative,
            explanations=self.explanations,
            most_tokens=self.most_tokens,
        )
        for item in source.read():
            categories = item.meta.get("categories")
            category = categories[0] if isinstance(categories, list) and categories else ""
            yield replace(item, meta={**item.meta, "category": category}, origin=_ORIGIN)
