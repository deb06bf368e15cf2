"""Everything the report reads from a run directory, read in one place into plain values.

A stage that has not run leaves its fields empty, and the page leaves its section out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar, cast

from didact.calls import Totals
from didact.context import Filter
from didact.document import parse
from didact.errors import ConfigError, StoreError
from didact.ledger import Ledger, read_ledger
from didact.records import JSON, Example, Score, Verdict
from didact.runfile import load
from didact.store import STAGES, Run
from didact.touched import Touched, read_touched

__all__ = ["Facts", "Stage", "clusters_of", "read", "stated"]

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage that is done."""

    name: str
    seconds: float
    calls: Totals
    details: Mapping[str, JSON]
    """The whole of stage.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A run, as far as it has come."""

    name: str
    where: str
    """The path for commands that a reader can repeat."""
    seed: int
    settings: Mapping[str, JSON]
    text: str
    """The run file."""
    stages: Sequence[Stage]
    examples: Sequence[Example]
    kept: Sequence[Example]
    """What the filters kept; everything generated while they have not run."""
    filtered: bool
    verdicts: Sequence[tuple[str, str, Verdict]]
    """Example id, filter, verdict."""
    seeds: Sequence[str]
    """Instructions of the seed tasks."""
    recipe: Mapping[str, JSON]
    """What the recipe counted while it wrote: candidates, accepted, dropped by reason."""
    items: Sequence[Example]
    """Test items."""
    scores: Sequence[Score]
    sifted: Mapping[str, JSON]
    """What the filters counted, by their names: filter/statistics.json."""
    judged: Mapping[str, JSON]
    """What the evaluators counted, by their names: evaluate/statistics.json."""
    audit: Mapping[str, JSON]
    """audit.json: what a program that knows the answers found."""
    curve: Sequence[Mapping[str, JSON]]
    """Lines of train/metrics.jsonl."""
    trained: Mapping[str, JSON]
    """What the trainer counted: train/state.json."""
    log: Totals | None
    """All calls in the call log; None where the log was not published with the run."""
    ledger: Ledger
    """What every part spent."""
    filters: Sequence[Filter] = ()
    """The filters, where the run file can still be opened."""
    primer: Sequence[Example] = ()
    """The seed tasks."""
    touched: Touched | None = None
    """What training touches of the test items; None for a run that does not do both."""
    path: Path = Path()
    """The run directory."""

    @property
    def families(self) -> Mapping[str, str]:
        """Family or category of a test item, by its id: what it is reported apart with."""
        return self._stated("family", "category")

    @property
    def clusters(self) -> Mapping[str, str]:
        """What an item is drawn together with: its family, its task, its question."""
        return clusters_of(self.items)

    @property
    def turns(self) -> Mapping[str, str]:
        """The turn of an item that is one of several of a question."""
        return {item: f"turn {number}" for item, number in self._stated("turn").items()}

    def _stated(self, *keys: str) -> Mapping[str, str]:
        return stated(self.items, *keys)

    @property
    def repeated(self) -> Sequence[Example]:
        """Test items whose prompt is that of a kept example."""
        kept = {example.prompt for example in self.kept}
        return [item for item in self.items if item.prompt in kept]


def stated(items: Sequence[Example], *keys: str) -> Mapping[str, str]:
    """The first of these keys that an item's ``meta`` has, by the id of the item."""
    found: dict[str, str] = {}
    for item in items:
        given = (item.meta.get(key) for key in keys)
        value = next((value for value in given if value not in (None, "")), None)
        if isinstance(value, str | int):
            found[item.id] = str(value)
    return found


def clusters_of(items: Sequence[Example]) -> Mapping[str, str]:
    """What each item is drawn together with: its family, its task, its question."""
    return stated(items, "family", "task", "question")


def read(path: Path) -> Facts:
    """The facts of the run at ``path``; StoreError where there is no run."""
    run = Run.open(path)
    try:
        return _facts(run)
    finally:
        run.close()


def _facts(run: Run) -> Facts:
    settings = parse(run.path / "run.yaml").data
    stages = tuple(_stage(name, found) for name in STAGES if (found := run.stage(name)) is not None)
    done = {stage.name for stage in stages}
    examples = _when("generate" in done, run.examples)
    ledger = read_ledger(run)
    return Facts(
        name=str(settings.get("name") or run.path.resolve().name),
        where=_shown(run.path),
        seed=int(cast("int", settings.get("seed") or 0)),
        settings=settings,
        text=(run.path / "run.yaml").read_text(encoding="utf-8"),
        stages=stages,
        examples=examples,
        kept=run.kept() if "filter" in done else examples,
        filtered="filter" in done,
        verdicts=_when("filter" in done, run.verdicts),
        seeds=[seed.instruction for seed in _when("generate" in done, run.seeds)],
        recipe=_recipe(run.path),
        items=_when("evaluate" in done, run.items),
        scores=_when("evaluate" in done, run.scores),
        sifted=_mapping(_json(run.path / "filter" / "statistics.json")),
        judged=_mapping(_json(run.path / "evaluate" / "statistics.json")),
        audit=_audit(run.path),
        curve=_lines(run.path / "train" / "metrics.jsonl"),
        trained=_mapping(_json(run.path / "train" / "state.json")),
        log=ledger.logged,
        ledger=ledger,
        filters=_filters(run.path),
        primer=_when("generate" in done, run.seeds),
        touched=read_touched(run),
        path=run.path,
    )


def _filters(path: Path) -> Sequence[Filter]:
    """None of a run that moved away from what its file names, or was written in Python."""
    try:
        return load(path / "run.yaml").filter
    except ConfigError:
        return ()


def _when(done: bool, reader: Callable[[], Sequence[Row]]) -> Sequence[Row]:
    return reader() if done else ()


def _stage(name: str, found: Mapping[str, JSON]) -> Stage:
    calls = _mapping(found.get("calls"))
    known = {field.name for field in fields(Totals)}
    numbers = {key: value for key, value in calls.items() if key in known}
    return Stage(
        name=name,
        seconds=float(cast("float", found.get("seconds") or 0)),
        calls=Totals(**cast("dict[str, int]", numbers)),
        details=found,
    )


def _shown(path: Path) -> str:
    """Relative where it can be: a report may be published, and a home directory is private."""
    shown = Path(os.path.relpath(path)) if path.is_absolute() else path
    return str(path.name if ".." in shown.parts else shown)


def _audit(path: Path) -> Mapping[str, JSON]:
    for folder in (path, path / "evaluate", path / "generate"):
        found = _json(folder / "audit.json")
        if found is not None:
            return {"rows": found} if isinstance(found, list) else _mapping(found)
    return {}


def _recipe(path: Path) -> Mapping[str, JSON]:
    """What all the recipes counted; those that wrote lists of candidates are added up."""
    parts = _mapping(_json(path / "generate" / "statistics.json")).values()
    total: dict[str, JSON] = {}
    for part in parts:
        counts = _mapping(_mapping(part).get("funnel") or part)
        for key in ("candidates", "accepted", "dropped", "dropped_instances"):
            total[key] = _sum(total.get(key), counts.get(key))
    return total


def _sum(a: JSON, b: JSON) -> JSON:
    """Two counts, or two tables of counts, added."""
    if isinstance(a, dict) and isinstance(b, dict):
        return {key: _sum(a.get(key), b.get(key)) for key in {**a, **b}}
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    return a if b is None else b


def _json(path: Path) -> JSON:
    try:
        return cast("JSON", json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read as JSON ({error})") from error


def _lines(path: Path) -> Sequence[Mapping[str, JSON]]:
    """Whole lines of a JSON Lines file: a kill may have torn the last one."""
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [_mapping(json.loads(line)) for line in lines if line.endswith("\n") and line.strip()]


def _mapping(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}
