"""Several training seeds of the same run file, side by side: intervals that cover new seeds too.

Runs are of one arm where their run files differ in the seed and the name alone. What every seed
scored on the items that all of them have is one table, whose interval speaks of new seeds and new
items (``didact.stats.seeds``), or of new families or tasks where items come in such. The distance
from the base is taken item by item and seed by seed, and its p-value is Student's on the same
degrees of freedom, adjusted by Holm's procedure for all the comparisons of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from didact.records import canonical
from didact.report.reading import Facts
from didact.stats.bootstrap import Interval
from didact.stats.holm import holm
from didact.stats.scales import scale_of
from didact.stats.seeds import AcrossSeeds, across_seeds, paired_across_seeds

__all__ = ["SeedLine", "across_runs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedLine:
    """One role of one arm on one metric."""

    metric: str
    unit: str
    arm: str
    role: str
    seeds: int
    items: int
    score: Interval
    seed_sd: float
    """Standard deviation between seeds, beyond what the items explain."""
    gain: Interval | None
    """Distance from the role `base`; None for it, and where there is none."""
    p: float | None
    adjusted: float | None = None


def across_runs(runs: Sequence[Facts]) -> tuple[SeedLine, ...]:
    """A line for every metric and role of every arm with two seeds or more."""
    arms: dict[str, dict[int, Facts]] = {}
    for facts in runs:
        same = {k: v for k, v in facts.settings.items() if k not in ("seed", "name", "reuse")}
        arms.setdefault(canonical(dict(same)), {})[facts.seed] = facts
    lines = [line for arm in arms.values() if len(arm) > 1 for line in _lines(list(arm.values()))]
    adjusted = iter(holm([line.p for line in lines if line.p is not None]))
    return tuple(
        line if line.p is None else replace(line, adjusted=next(adjusted)) for line in lines
    )


def _lines(arm: Sequence[Facts]) -> list[SeedLine]:
    tables = [_table(facts) for facts in arm]
    shared = [key for key in tables[0] if all(key in table for table in tables)]
    lines: list[SeedLine] = []
    for metric, role in shared:
        items = _common([table[metric, role] for table in tables])
        if len(items) < 2:
            continue
        scale = scale_of(metric, [v for table in tables for v in table[metric, role].values()])
        clusters = arm[0].clusters
        rows = _rows(tables, (metric, role), _grouped(items, clusters), scale.factor)
        found, gain = across_seeds(rows), None
        if role != "base" and (metric, "base") in shared:
            gain = _gain(tables, metric, role, clusters, scale.factor)
        lines.append(
            SeedLine(
                metric=scale.name,
                unit=scale.unit,
                arm=" + ".join(dict.fromkeys(facts.name for facts in arm)),
                role=role,
                seeds=len(arm),
                items=len(items),
                score=found.score,
                seed_sd=found.seed_sd,
                gain=gain.score if gain else None,
                p=gain.p if gain else None,
            )
        )
    return lines


_Scores = Mapping[tuple[str, str], Mapping[str, float]]
"""Metric and role to item id to value."""


def _table(facts: Facts) -> _Scores:
    table: dict[tuple[str, str], dict[str, float]] = {}
    for score in facts.scores:
        if score.value is not None:
            table.setdefault((score.metric, score.model), {})[score.example_id] = score.value
    return table


def _common(columns: Sequence[Mapping[str, float]]) -> list[str]:
    return [item for item in columns[0] if all(item in column for column in columns)]


def _grouped(items: Sequence[str], clusters: Mapping[str, str]) -> list[list[str]]:
    """The items that are drawn together; each alone where not all of them come in clusters."""
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(clusters.get(item, ""), []).append(item)
    return [[item] for item in items] if "" in groups or len(groups) < 2 else list(groups.values())


def _rows(
    tables: Sequence[_Scores],
    key: tuple[str, str],
    groups: Sequence[Sequence[str]],
    factor: float,
) -> list[list[float]]:
    """A row for each seed, a column for each group: their mean is the mean over all items."""
    scale = factor * len(groups) / sum(map(len, groups))
    return [[scale * sum(table[key][i] for i in group) for group in groups] for table in tables]


def _gain(
    tables: Sequence[_Scores], metric: str, role: str, clusters: Mapping[str, str], factor: float
) -> AcrossSeeds | None:
    items = _common([t[metric, one] for t in tables for one in (role, "base")])
    if len(items) < 2:
        return None
    groups = _grouped(items, clusters)
    mine, base = (_rows(tables, (metric, one), groups, factor) for one in (role, "base"))
    return paired_across_seeds(mine, base)
