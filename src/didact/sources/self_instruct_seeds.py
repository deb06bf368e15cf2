"""Seed tasks in the schema of the public ``seed_tasks.jsonl`` of Self-Instruct.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560) starts from 175 tasks written by people. One line
is ``{"id", "name", "instruction", "instances": [{"input", "output"}, ...], "is_classification"}``;
``id`` and ``name`` may be left out. Every instance becomes an example that carries its task's keys
in ``meta``, so any file of this shape can seed a recipe.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from didact.errors import ConfigError
from didact.records import Example, Origin
from didact.text.rows import Row, read_rows

__all__ = ["SelfInstructSeeds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfInstructSeeds:
    """Seed tasks: instructions with instances, classification or not."""

    path: Path
    """A JSON Lines file of tasks."""

    def read(self) -> Iterator[Example]:
        """One example per instance of every task, in the order of the file."""
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise ConfigError(f"{self.path}: seeds cannot be read: {error.strerror}") from error
        with file:
            for row in read_rows(file, str(self.path)):
                yield from _examples(row)


def _examples(row: Row) -> Iterator[Example]:
    instruction = row.text("instruction")
    row.flag("is_classification")
    for name in ("id", "name"):
        row.optional_text(name)
    meta = row.rest("instruction", "instances", "id")
    if "id" in row.data:
        meta["seed_task"] = row.data["id"]
    for instance in row.parts("instances"):
        yield Example.single(
            instruction,
            instance.text("output"),
            input=instance.optional_text("input"),
            origin=Origin(recipe="self-instruct-seeds"),
            meta=meta,
        )
