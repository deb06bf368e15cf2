"""What the list of runs and a run's own page say, read from small files only.

``stage.json`` holds what every stage counted and spent, so a run of a million examples is told as
fast as one of ten. Scores are summed up once and remembered while their file stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any, cast

from didact import rows
from didact.calls import Totals
from didact.document import parse
from didact.errors import DidactError
from didact.live import State
from didact.live import read as read_live
from didact.records import JSON
from didact.report.formats import points, score
from didact.report.reading import clusters_of
from didact.stats.bootstrap import Interval
from didact.stats.means import mean_interval
from didact.stats.scales import Scale, scale_of
from didact.store import STAGES, Run
from didact.web.discovery import worker_of

__all__ = ["Metric", "Overview", "Stage", "mean_told", "overview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage, done or not."""

    name: str
    done: bool
    wanted: bool
    """Whether the run file has it."""
    under_way: bool = False
    read: int = 0
    kept: int = 0
    dropped: Sequence[tuple[str, int]] = ()
    """``filter: reason`` and how many, the commonest first."""
    failures: int = 0
    seconds: float = 0.0
    spending: Sequence[Mapping[str, Any]] = ()
    """One row for each part and role that was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: every model's mean with its interval."""

    name: str
    means: Sequence[tuple[str, float, int]]
    """Model, mean and how many answers have a score."""
    intervals: Sequence[Interval]
    """95 % intervals of the same; infinite where there is one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One run in short."""

    name: str
    """Its name on the page."""
    title: str
    """Its name in the run file."""
    path: Path
    status: str
    """``running``, ``complete``, ``stopped before STAGE`` or ``unreadable``."""
    stages: Sequence[Stage] = ()
    usd: float | None = None
    """What all its stages cost; None where a price is not known."""
    made: int = 0
    """Examples generated."""
    kept: int | None = None
    metrics: Sequence[Metric] = ()
    logged: Totals | None = None
    """All that is in the call log; only asked for where a stage is not done."""
    live: State | None = None
    """What is going on now; None where nothing is, or nothing tells."""
    trouble: str = ""
    """Why it cannot be read."""

    @property
    def headline(self) -> str:
        """The score a reader looks for first: of the trained model, and of the base beside it."""
        if not self.metrics:
            return ""
        metric = self.metrics[0]
        means = {model: mean for model, mean, _ in metric.means}
        model = "trained" if "trained" in means else next(iter(means))
        beside = (
            f" (base {mean_told(means['base'])})" if "base" in means and model != "base" else ""
        )
        return f"{metric.name} {mean_told(means[model])}{beside}"

    @property
    def running(self) -> bool:
        """Whether a process works on it."""
        return self.status == "running"


def overview(name: str, path: Path) -> Overview:
    """A run in short; one that cannot be read is told as such and stops no list."""
    try:
        run = Run.open(path)
        try:
            return _read(name, run)
        finally:
            run.close()
    except (DidactError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        return Overview(name=name, title=name, path=path, status="unreadable", trouble=str(error))


def _read(name: str, run: Run) -> Overview:
    settings = parse(run.path / "run.yaml").data
    working = worker_of(run.path) is not None
    stages = [_stage(run, stage, settings) for stage in STAGES]
    first = next((s for s in stages if s.wanted and not s.done), None)
    if working and first is not None:
        stages = [replace(s, under_way=s is first) for s in stages]
    status = "complete" if first is None else f"stopped before {first.name}"
    done = {stage.name: stage for stage in stages if stage.done}
    logged = None
    if first is not None and (run.path / "calls.db").is_file():
        logged = run.calls.totals()
    return Overview(
        name=name,
        title=str(settings.get("name") or run.path.resolve().name),
        path=run.path,
        status="running" if working else status,
        stages=stages,
        usd=logged.usd if logged else _sum(row["usd"] for s in stages for row in s.spending),
        made=done["generate"].kept if "generate" in done else 0,
        kept=done["filter"].kept if "filter" in done else None,
        metrics=_metrics(run, settings) if "evaluate" in done else (),
        logged=logged,
        live=read_live(run.path) if working else None,
    )


def _stage(run: Run, name: str, settings: Mapping[str, JSON]) -> Stage:
    wanted = settings.get(name) is not None
    found = cast("dict[str, Any] | None", run.stage(name))
    if found is None:
        return Stage(name=name, done=False, wanted=wanted)
    dropped = cast("dict[str, int]", found.get("dropped") or {})
    rows = cast("list[dict[str, Any]]", found.get("spending") or [])
    return Stage(
        name=name,
        done=True,
        wanted=wanted,
        read=int(found.get("read") or 0),
        kept=int(found.get("kept") or 0),
        dropped=sorted(dropped.items(), key=lambda pair: (-pair[1], pair[0])),
        failures=int(found.get("failures") or 0),
        seconds=float(found.get("seconds") or 0.0),
        spending=[{**row, "usd": None if row["unpriced"] else row["usd"]} for row in rows],
    )


def _sum(parts: Any) -> float | None:  # noqa: ANN401  (an iterable of amounts)
    amounts = cast("list[float | None]", list(parts))
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def mean_told(mean: float) -> str:
    """A mean as a person reads it: three digits below one, as rates are, else one decimal."""
    return points(mean) if abs(mean) > 1 else score(mean)


def _metrics(run: Run, settings: Mapping[str, JSON]) -> Sequence[Metric]:
    file = run.path / "evaluate" / "scores.parquet"
    evaluate = settings.get("evaluate")
    named = evaluate.get("models") if isinstance(evaluate, dict) else None
    order = tuple(str(role) for role in named) if isinstance(named, list) else ("base", "trained")
    return _means(file, file.stat().st_mtime_ns, order) if file.is_file() else ()


@lru_cache(maxsize=256)
def _means(file: Path, _changed: int, order: tuple[str, ...]) -> Sequence[Metric]:
    values: dict[str, dict[str, dict[str, float]]] = {}
    for group in rows.groups(file):
        for row in group:
            if row["value"] is not None:
                table = values.setdefault(row["metric"], {})
                table.setdefault(row["model"], {})[row["example_id"]] = row["value"]
    with Run.open(file.parent.parent) as run:
        clusters = clusters_of(run.items())
    found: list[Metric] = []
    for name, table in values.items():
        models = sorted(table, key=lambda m: (m not in order, _at(order, m), m))
        scale = scale_of(name, [v for model in models for v in table[model].values()])
        found.append(
            Metric(
                name=_NAMES.get(name, name),
                means=[
                    (model, fmean(table[model].values()), len(table[model])) for model in models
                ],
                intervals=[_interval(table[model], clusters, scale) for model in models],
            )
        )
    return found


def _interval(values: Mapping[str, float], clusters: Mapping[str, str], scale: Scale) -> Interval:
    """As in the report, whose clusters these are; with fewer resamples."""
    together = all(item in clusters for item in values)
    return mean_interval(
        list(values.values()),
        low=scale.low / scale.factor,
        top=scale.top / scale.factor,
        seed=0,
        clusters=[clusters[item] for item in values] if together else None,
        resamples=1000,
    )


def _at(order: tuple[str, ...], model: str) -> int:
    return order.index(model) if model in order else 0


_NAMES = {"rougeL": "ROUGE-L", "rouge1": "ROUGE-1", "exact_match": "Exact match"}
