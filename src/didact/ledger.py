"""The ledger of a run: what every stage, part and role spent, and what became of the money.

A part is a recipe or a filter. A call answered from the log counts with what it cost when it was
made; one copied from another run cost nothing here. The money of an example is that of the calls it
was read from; a call that several examples came of is shared evenly among them. So the money a
filter threw away is that of the examples it dropped, and what no example came of stands apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from didact import tables
from didact.calls import Totals
from didact.records import JSON
from didact.store import STAGES, Run

__all__ = ["Ledger", "Line", "Sieve", "read_ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one role was asked by one part of a stage."""

    stage: str
    part: str
    """The recipe or filter; "" for the stage itself."""
    role: str
    made: int
    """Calls made the last time the stage was computed."""
    replayed: int
    """Calls answered from the log instead."""
    failed: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    """Money of all these calls; None where no price is known."""
    seconds: float
    """Time the models took, summed over calls that ran side by side."""

    @property
    def calls(self) -> int:
        """Made and replayed."""
        return self.made + self.replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """What a filter cost, and what was thrown away with the examples it dropped."""

    name: str
    seen: int
    dropped: int
    calls: int
    """Calls it made to judge."""
    usd: float | None
    """Money of these calls."""
    wasted: float | None
    """Money spent on making the examples it dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The money of a run as far as it has come."""

    lines: Sequence[Line]
    filters: Sequence[Sieve]
    kept: int | None
    """Examples kept; None while the filters have not run."""
    data_usd: float | None
    """Money of generating and filtering."""
    barren: float | None
    """The part of it spent on calls that no example came of."""
    logged: Totals | None
    """All there is in the call log; None where it was not published with the run."""
    warnings: Sequence[str]

    @property
    def per_kept(self) -> float | None:
        """What one kept example cost."""
        return self.data_usd / self.kept if self.kept and self.data_usd is not None else None

    @property
    def money(self) -> bool:
        """Whether anything was billed at all."""
        return bool(self.logged and self.logged.usd) or any(line.usd for line in self.lines)

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "lines": [asdict(line) for line in self.lines],
            "filters": [asdict(sieve) for sieve in self.filters],
            "kept": self.kept,
            "data_usd": self.data_usd,
            "barren": self.barren,
            "per_kept": self.per_kept,
            "logged": self.logged.to_json() if self.logged else None,
            "warnings": list(self.warnings),
        }


def read_ledger(run: Run) -> Ledger:
    """The ledger of a run, from its stages and its call log."""
    stages = {name: found for name in STAGES if (found := run.stage(name)) is not None}
    lines = [line for name, found in stages.items() for line in _lines(name, found)]
    data = [line for line in lines if line.stage in ("generate", "filter")]
    logged, paid = None, cast("dict[str, float | None]", {})
    if (run.path / "calls.db").exists():
        logged = run.calls.totals()
        paid = {call.key: 0.0 if call.copied else call.usd for call in run.calls}
    shares = _shares(run, paid) if paid and "generate" in stages else {}
    generating = _total([line.usd for line in lines if line.stage == "generate"])
    of_examples = _total(list(shares.values()))
    barren = None
    if generating is not None and of_examples is not None and shares:
        # Rounding aside, never less than nothing.
        barren = max(generating - of_examples, 0.0)
    return Ledger(
        lines=lines,
        filters=_filters(run, lines, shares) if "filter" in stages else (),
        kept=len(run.stored(tables.KEPT)) if "filter" in stages else None,
        data_usd=_total([line.usd for line in data]) if data else None,
        barren=barren,
        logged=logged,
        warnings=_renamed(run) if logged is not None else (),
    )


def _lines(stage: str, found: Mapping[str, JSON]) -> list[Line]:
    rows = cast("list[dict[str, Any]]", found.get("spending") or [])
    return [
        Line(
            stage=stage,
            part=row["part"],
            role=row["role"],
            made=row["made"],
            replayed=row["replayed"],
            failed=row["failed"],
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            usd=None if row["unpriced"] else row["usd"],
            seconds=row["seconds"],
        )
        for row in rows
    ]


def _shares(run: Run, paid: Mapping[str, float | None]) -> dict[str, float | None]:
    """The money of each example: its part of every call it was read from."""
    examples = run.stored(tables.EXAMPLES)
    users = Counter(key for (calls,) in examples.columns("calls") for key in set(calls))
    return {
        example_id: _total(
            [
                usd / users[key] if (usd := paid.get(key, 0.0)) is not None else None
                for key in set(calls)
            ]
        )
        for example_id, calls in examples.columns("id", "calls")
    }


def _filters(run: Run, lines: Sequence[Line], shares: Mapping[str, float | None]) -> list[Sieve]:
    seen: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    lost: dict[str, list[float | None]] = {}
    for name, keep, key in run.stored(tables.VERDICTS).columns("filter", "keep", "example_id"):
        seen[name] += 1
        if not keep:
            dropped[name] += 1
            if shares:
                lost.setdefault(name, []).append(shares.get(key))
    asked = {name: [line for line in lines if line.part == name] for name in seen}
    return [
        Sieve(
            name=name,
            seen=seen[name],
            dropped=dropped[name],
            calls=sum(line.calls for line in asked[name]),
            usd=_total([line.usd for line in asked[name] if line.stage == "filter"]),
            wasted=_total(lost.get(name, [])) if shares else None,
        )
        for name in seen
    ]


def _total(parts: Sequence[float | None]) -> float | None:
    """The sum; None where one of them is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _renamed(run: Run) -> list[str]:
    return [
        f"{change.role}: the server's name for {change.model} changed from"
        f" {' to '.join(change.names)} (at call {change.numbers[-1]}): its replies may not be of"
        " one model"
        for change in run.calls.renamed()
    ]
