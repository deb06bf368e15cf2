"""Which rows make which step, before the first of them: so that a kill and a resume agree."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from didact.errors import DidactError
from didact.records import JSON, Example
from didact.training import hardware
from didact.training.batches import groups_of, order
from didact.training.packing import NOTHING
from didact.training.rows import Rows

__all__ = ["Plan", "curriculum_of", "plan_of"]


class Plan(NamedTuple):
    """What is trained in which order."""

    rows: list[int]
    """Places, step after step."""
    tokens: list[int]
    """Of every step, padding excluded."""
    batch: int
    """Rows of a step."""
    at_once: int
    """Rows of a process that are in memory together."""
    parts: int
    """How often these make a step."""
    laid: list[int]
    """``rows``, with ``NOTHING`` where several processes would not all have as many rows."""


def plan_of(
    found: Rows,
    *,
    batch: int,
    at_once: int | None,
    epochs: float,
    rng: random.Random,
    groups: Sequence[Sequence[int]] | None,
    bucketing: bool,
) -> Plan:
    """The plan for rows; with several processes each takes its share of a step."""
    lengths = [len(row.ids) for row in found.rows]
    processes = hardware.processes()
    # A batch larger than the data would hold its rows twice.
    together = min(at_once or batch, len(lengths))
    whole = min(batch, len(lengths) // together * together)
    planned = order(
        lengths, batch=whole, epochs=epochs, rng=rng, groups=groups, bucketing=bucketing
    )
    steps = (planned[start : start + whole] for start in range(0, len(planned), whole))
    tokens = [sum(lengths[row] for row in step) for step in steps]
    each = -(-together // processes)
    laid = planned
    if processes > 1:
        parts = [planned[start : start + together] for start in range(0, len(planned), together)]
        laid = [row for part in parts for row in _filled(part, each * processes)]
    return Plan(planned, tokens, whole, each, whole // together, laid)


def _filled(part: Sequence[int], width: int) -> list[int]:
    return [*part, *[NOTHING] * (width - len(part))]


def curriculum_of(found: Rows, examples: Sequence[Example], key: str) -> list[list[int]]:
    """Places of rows by what their examples have under ``meta[key]``, the least first."""
    stages: Mapping[str, JSON] = {example.id: example.meta.get(key) for example in examples}
    given = [stages[id] for id in found.ids]
    known = [stage for stage in given if isinstance(stage, int | float | str)]
    if len(known) < len(given):
        raise DidactError(
            f"train: curriculum: {len(given) - len(known)} of {len(given)} examples have no number"
            f" and no word under meta.{key}"
        )
    return groups_of(known)
