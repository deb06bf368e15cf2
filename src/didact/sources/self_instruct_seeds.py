"""Seed tasks in the schema of the public ``seed_tasks.jsonl`` of Self-Instruct.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560) starts from 175 tasks written by people. One line
is ``{"id", "name", "instruction", "instances": [{"input", "output"}, ...], "is_classification"}``;
``id`` and ``name`` may be left out. Every instance becomes an example that carries its task's keys
in ``meta``, so any file of this shape can seed a recipe.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import (
    Data,
    Reading,
    is_text,
    one_turn,
    optional_text,
    provenance,
    row_of,
)
from didact.formats.refusals import Refusals
from didact.records import JSON, Example, Origin

__all__ = ["SelfInstructSeeds"]

_ORIGIN = Origin(recipe="self-instruct-seeds")
_READ = frozenset({"instruction", "instances", "id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfInstructSeeds:
    """Seed tasks: instructions with instances, classification or not."""

    path: Path
    """A JSON Lines file of tasks."""
    licence: str = ""
    """Whose terms the tasks are under; the public 175 are Apache-2.0."""
    generator: str = ""
    """Who wrote them; ``human`` for the public 175."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """One example per instance of every task, in the order of the file."""
        stated = provenance(self.licence, self.generator)
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(lambda data: _examples(data, stated))


def _examples(data: Data, stated: Mapping[str, JSON]) -> Sequence[Example]:
    instruction = data.get("instruction")
    if not is_text(instruction):
        instruction = row_of(data).text("instruction")
    if type(data.get("is_classification")) is not bool:
        row_of(data).flag("is_classification")
    for name in ("id", "name"):
        optional_text(data, name)
    meta: dict[str, JSON] = {**stated}
    for key, value in data.items():
        if key not in _READ:
            meta[key] = value
    if "id" in data:
        meta["seed_task"] = data["id"]
    found: list[Example] = []
    instances = data.get("instances")
    for instance in instances if type(instances) is list else ():
        if type(instance) is not dict or not is_text(output := instance.get("output")):
            break
        given = instance.get("input")
        if given is None:
            given = ""
        elif type(given) is not str or (given and not is_text(given)):
            break
        found += one_turn(instruction, given, output, {**meta}, _ORIGIN)
    if found and len(found) == len(instances):  # pyright: ignore[reportArgumentType]
        return found
    # Something is wrong, or an input is white space: part by part, with words for it.
    return [
        Example.single(
            instruction,
            part.text("output"),
            input=part.optional_text("input"),
            origin=_ORIGIN,
            meta=meta,
        )
        for part in row_of(data).parts("instances")
    ]
