"""Examples of a run as the page shows them, chosen by nobody: the seed of the run draws them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from didact.records import JSON, Example, Verdict
from didact.report.reading import Facts
from didact.sifting import REWRITTEN

__all__ = ["Card", "sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One example as the page shows it."""

    id: str
    turns: tuple[tuple[str, str], ...]
    filter: str
    reason: str
    score: float | None
    neighbour: str
    command: str


def sample(facts: Facts, *, kept: bool, size: int = 10) -> tuple[Card, ...]:
    """Random kept or dropped examples; the run's seed decides which."""
    out = {id for id, _, verdict in facts.verdicts if not verdict.keep}
    pool = facts.kept if kept else [e for e in facts.examples if e.id in out]
    pool = [*{example.id: example for example in pool}.values()]
    rng = random.Random(f"{facts.seed}-{'kept' if kept else 'dropped'}")
    chosen = rng.sample(pool, min(size, len(pool)))
    wanted = {example.id for example in chosen}
    verdicts: dict[str, list[tuple[str, Verdict]]] = {}
    # What a filter changed has its verdicts under the id from before.
    now = {id: str(v.evidence[REWRITTEN]) for id, _, v in facts.verdicts if REWRITTEN in v.evidence}
    for before, name, verdict in facts.verdicts:
        id = before if before in wanted else now.get(before, "")
        if id in wanted:
            verdicts.setdefault(id, []).append((name, verdict))
    return tuple(_card(example, verdicts.get(example.id, []), facts.where) for example in chosen)


def _card(example: Example, verdicts: Sequence[tuple[str, Verdict]], where: str) -> Card:
    """The verdict shown is the one that dropped it, or else the one that names a neighbour."""
    telling = [pair for pair in verdicts if not pair[1].keep]
    telling += [pair for pair in verdicts if _neighbour(pair[1])]
    telling += [pair for pair in verdicts if pair[1].score is not None]
    name, verdict = telling[0] if telling else ("", Verdict(keep=True))
    return Card(
        id=example.id,
        turns=_turns(example),
        filter=name,
        reason=verdict.reason,
        score=verdict.score,
        neighbour=_neighbour(verdict),
        command=f"didact show {where} {example.id}",
    )


def _turns(example: Example) -> tuple[tuple[str, str], ...]:
    if [message.role for message in example.messages] == ["user", "assistant"]:
        parts = (("Instruction", example.instruction), ("Input", example.input))
        return (*(part for part in parts if part[1]), ("Output", example.output))
    return tuple((message.role.capitalize(), message.content) for message in example.messages)


def _neighbour(verdict: Verdict) -> str:
    for key in ("nearest", "neighbour", "nearest_text"):
        value = verdict.evidence.get(key)
        if isinstance(value, dict):
            value = cast("dict[str, JSON]", value).get("text")
        if isinstance(value, str):
            return value
    return ""
