"""The test items behind a score: what every model got for each, worst of the last model first."""

from __future__ import annotations

import json
from statistics import fmean

from didact.errors import ConfigError
from didact.records import Example
from didact.store import Run

__all__ = ["show_items"]


def show_items(run: Run, metric: str, *, count: int, as_json: bool) -> str:
    """``count`` items of a metric as lines; all of them as JSON. The means are those told."""
    if run.stage("evaluate") is None:
        raise ConfigError(f"{run.path}: the run is not evaluated yet; didact evaluate does it")
    scores = run.scores()
    known = sorted({score.metric for score in scores})
    if metric not in known:
        raise ConfigError(f"{run.path}: no metric {metric!r} (there are: {', '.join(known)})")
    rows: dict[str, dict[str, float | None]] = {}
    for score in scores:
        if score.metric == metric:
            rows.setdefault(score.example_id, {})[score.model] = score.value
    models = list(dict.fromkeys(model for values in rows.values() for model in values))
    if as_json:
        return json.dumps({"metric": metric, "items": rows})
    items = {item.id: item for item in run.items()}
    last = models[-1]

    def worst(id: str) -> tuple[float, str]:
        value = rows[id].get(last)
        return (-1.0 if value is None else value, id)

    lines = [f"{'item':<12}  " + "  ".join(f"{model:>9}" for model in models)]
    for id in sorted(rows, key=worst)[:count]:
        cells = "  ".join(f"{_value(rows[id].get(model)):>9}" for model in models)
        lines.append(f"{id[:12]}  {cells}  {_asked(items[id])}")
    means = [[v for row in rows.values() if (v := row.get(model)) is not None] for model in models]
    told = "  ".join(f"{_value(fmean(values) if values else None):>9}" for values in means)
    lines.append(f"{'mean':<12}  {told}  of {len(rows)} items")
    lines.append(f"\nnext      didact show {run.path} ITEM")
    return "\n".join(lines)


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _asked(item: Example) -> str:
    return " ".join(item.instruction.split())[:70]
