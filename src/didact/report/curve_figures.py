"""The three figures of the surveys from one sweep: size, size by curation, data efficiency.

Quality against size is one curve with its band; several arms on it are size by curation level, or
recipes side by side; the coefficients alpha of ``w = alpha ln N + C`` are the data efficiency (Li
et al. 2023, arXiv 2308.06259). What they are read from is the JSON of `didact.curves`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from didact.curves import p_text
from didact.records import JSON
from didact.report import charts
from didact.report.curve_chart import Band, Reading, curves
from didact.report.figures import Figure
from didact.stats.bootstrap import Interval

__all__ = ["curve_figures"]

Row = Mapping[str, Any]


def curve_figures(found: Mapping[str, JSON]) -> list[Figure]:
    """For each metric the curves and, with two sizes or more, the coefficients."""
    rows = [cast("Row", row) for row in cast("Sequence[object]", found["points"])]
    figures: list[Figure] = []
    for metric in dict.fromkeys(str(row["metric"]) for row in rows):
        mine = [row for row in rows if row["metric"] == metric]
        fits = _of(found, "fits", metric)
        figures.append(_size(found, metric, mine, fits, _of(found, "baselines", metric)))
        if fits:
            figures.append(_efficiency(found, metric, fits))
    return figures


def _of(found: Mapping[str, JSON], key: str, metric: str) -> list[Row]:
    rows = cast("Iterable[Row]", found[key])
    return [row for row in rows if row["metric"] == metric]


def _size(
    found: Mapping[str, JSON],
    metric: str,
    rows: Sequence[Row],
    fits: Sequence[Row],
    baselines: Sequence[Row],
) -> Figure:
    lines = {str(fit["arm"]): (fit["alpha"][0], fit["constant"][0]) for fit in fits}
    bands = [
        Band(
            label=arm,
            readings=[Reading(row["size"], *row["score"]) for row in rows if row["arm"] == arm],
            fit=lines.get(arm),
        )
        for arm in dict.fromkeys(str(row["arm"]) for row in rows)
    ]
    sizes = [row["size"] for row in rows]
    bands += [
        Band(
            label=str(row["model"]),
            readings=[Reading(min(sizes), row["score"][0], row["score"][0], row["score"][0])],
            level=True,
        )
        for row in baselines
    ]
    told = "; ".join(f"{row['arm']} at {row['size']:,}: {_told(row['score'])}" for row in rows)
    title = f"{found['name']}: quality against size, {metric.replace('_', ' ')}"
    several = len({row["arm"] for row in rows}) > 1
    head = ["Arm", "Rows", "Steps", metric, "Over the base"]
    table = [
        [
            str(row["arm"]),
            int(row["size"]),
            round(row["steps"]),
            _told(row["score"]),
            _told(row["over_base"], signed=True),
            *([_told(row["over_first"], signed=True), _p(row["p"])] if several else []),
        ]
        for row in rows
    ] + [
        [str(row["model"]), "", "", _told(row["score"]), *[""] * (3 if several else 1)]
        for row in baselines
    ]
    return Figure(
        name=f"size-{metric.replace('_', '-').lower()}",
        title=title,
        svg=curves(bands, title=title, desc=told, x="training examples", y=metric),
        head=[*head, *(["Over the first arm", "p (Holm)"] if several else [])],
        rows=table,
        note=_note(found),
    )


def _note(found: Mapping[str, JSON]) -> str:
    same = "as many epochs" if found["match"] == "epochs" else "as many steps"
    seeds = cast("int", found["seeds"])
    sure = f"{seeds} seeds, so for new seeds too" if seeds > 1 else "one seed: not for new seeds"
    return (
        f"Subsets are nested; {same} at every size. Bands are 95 % intervals over"
        f" {found['units']} and {sure}. Thin lines are fits of alpha ln N + C, thin levels models"
        " that were not trained here."
    )


def _efficiency(found: Mapping[str, JSON], metric: str, fits: Sequence[Row]) -> Figure:
    spans = [
        charts.Span(
            label=str(fit["arm"]),
            mean=fit["alpha"][0],
            low=fit["alpha"][1],
            high=fit["alpha"][2],
            note=_told(fit["alpha"]),
            tone="accent" if number == 0 else "plain",
        )
        for number, fit in enumerate(fits)
    ]
    title = f"{found['name']}: data efficiency, {metric.replace('_', ' ')} = alpha ln N + C"
    low = min(0.0, *(span.low for span in spans))
    high = max(0.0, *(span.high for span in spans))
    desc = "; ".join(f"{span.label}: {span.note}" for span in spans)
    return Figure(
        name=f"alpha-{metric.replace('_', '-').lower()}",
        title=title,
        svg=charts.intervals(spans, title=title, desc=desc, low=low, high=high * 1.02 or 1),
        head=["Arm", "alpha (natural log)", "per doubling", "C", "Off the line", "Over the first"],
        rows=[
            [
                str(fit["arm"]),
                _told(fit["alpha"]),
                _told([value * 0.6931471805599453 for value in fit["alpha"]]),
                _told(fit["constant"]),
                float(fit["off"]),
                _told(fit["over_first"], signed=True),
            ]
            for fit in fits
        ],
        note="What the score gains where the data grows e times, 95 % interval. The farthest that"
        " the mean of a size is from the line says how far to believe in one.",
    )


def _told(interval: Sequence[float] | None, *, signed: bool = False) -> str:
    if interval is None:
        return ""
    mean, low, high = Interval(*interval)
    sign = "+" if signed else ""
    return f"{mean:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]".replace("-", "\N{MINUS SIGN}")


def _p(value: float | None) -> str:
    return "" if value is None else p_text(value).removeprefix("p ")
