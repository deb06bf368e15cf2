"""What came from where: the entries of ``generate``, what each made and what of it was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from didact.records import JSON
from didact.report.reading import Facts

__all__ = ["Mixture", "Part", "mixture"]


class Part(NamedTuple):
    """One entry."""

    name: str
    made: int
    taken: int
    fraction: float
    """Of all examples."""
    asked: str
    """What the run file asks for: a cap, a weight, a share."""


class Mixture(NamedTuple):
    """All entries."""

    parts: tuple[Part, ...]
    limited_by: str
    """The entry that ran dry first, so that of others less was taken; "" where none did."""


def mixture(facts: Facts) -> Mixture | None:
    """The entries of a run that has several, or takes a part of one; None for all others."""
    stage = next((stage for stage in facts.stages if stage.name == "generate"), None)
    entries = stage.details.get("entries") if stage else None
    if not isinstance(entries, list):
        return None
    rows = [cast("Mapping[str, JSON]", entry) for entry in entries if isinstance(entry, dict)]
    # Runs made before entries could be mixed say less about them.
    parts = tuple(_part(row) for row in rows if "made" in row)
    if len(parts) < 2 and not any(part.asked for part in parts):
        return None
    return Mixture(parts, str(stage.details.get("limited_by") or "") if stage else "")


def _part(row: Mapping[str, JSON]) -> Part:
    asked = [f"{key} {row[key]:g}" for key in ("cap", "weight", "share") if _number(row.get(key))]
    made, taken, fraction = (row.get(key) for key in ("made", "examples", "fraction"))
    return Part(
        name=str(row.get("use")),
        made=int(cast("int", made)),
        taken=int(cast("int", taken)),
        fraction=float(cast("float", fraction)),
        asked=", ".join(asked),
    )


def _number(value: JSON) -> bool:
    return isinstance(value, int | float)
