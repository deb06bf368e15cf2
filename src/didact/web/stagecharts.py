"""The report's pictures of a run, stage by stage, from what is quick to read.

``didact report`` reads every example; a page of a run with a million cannot. Small files give the
reasons and the loss; distributions come from the index, which counted them when it was built; a run
that has none yet shows what it can.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from markupsafe import Markup

from didact.report import charts, formats
from didact.web.index import index_path, is_fresh, opened
from didact.web.marks import plain
from didact.web.overview import Overview

__all__ = ["Figure", "figures"]

_REASONS = 12
_POINTS = 400
_LONGEST = 8_000_000
"""Bytes of the training's metrics that are read."""
_HISTOGRAMS = 6


class Figure(NamedTuple):
    """A picture with its caption."""

    title: str
    about: str
    svg: Markup


def figures(run: Overview) -> Mapping[str, Sequence[Figure]]:
    """The pictures of each stage that is done."""
    found: dict[str, list[Figure]] = {}
    for stage in run.stages:
        if stage.done and stage.dropped:
            found.setdefault(stage.name, []).append(_dropped(stage.dropped, stage.read))
    if (curve := _curve(run.path / "train" / "metrics.jsonl")) is not None:
        found.setdefault("train", []).append(curve)
    try:
        if is_fresh(run.path):
            with opened(index_path(run.path)) as index:
                for stage, figure in _distributions(index):
                    found.setdefault(stage, []).append(figure)
    except sqlite3.Error:  # it is being built anew: next time
        pass
    return found


def _dropped(dropped: Sequence[tuple[str, int]], read: int) -> Figure:
    rows = [
        charts.Bar(
            label=plain(why)[:48],
            value=number,
            note=f"{formats.count(number)}" + (f", {formats.share(number / read)}" if read else ""),
        )
        for why, number in dropped[:_REASONS]
    ]
    more = len(dropped) - len(rows)
    about = f"of {formats.count(read)}" if read else ""
    if more > 0:
        about += f"; {more} more reasons in the table"
    told = "; ".join(f"{row.label}: {row.note}" for row in rows)
    svg = charts.bars(rows, title="Examples dropped, by reason", desc=told)
    return Figure("dropped, by reason", about, Markup(svg))


def _curve(path: Path) -> Figure | None:
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return None
    points: list[tuple[float, float]] = []
    for line in text.split("\n")[:-1]:
        try:
            row = cast("dict[str, Any]", json.loads(line))
            points.append((float(row["step"]), float(row["loss"])))
        except (ValueError, KeyError, TypeError):
            continue
    points = [point for point in points if abs(point[1]) < 1e6]
    if len(points) < 2:
        return None
    thinned = points[:: max(1, len(points) // _POINTS)]
    about = f"last {points[-1][1]:.3g} at step {points[-1][0]:,.0f}"
    svg = charts.lines(
        [charts.Line(label="", points=thinned)],
        title="Training loss", desc=about, x="step", y="loss",
    )  # fmt: skip
    return Figure("loss", about, Markup(svg))


def _distributions(index: sqlite3.Connection) -> list[tuple[str, Figure]]:
    rows = index.execute(
        "SELECT name, part, bins, number, mean FROM measured WHERE bins IS NOT NULL ORDER BY what"
    ).fetchall()
    stages = {"": "generate", "generated": "filter"}
    found: list[tuple[str, Figure]] = []
    for row in rows:
        if row["part"] in stages and len(found) < _HISTOGRAMS:
            bins = [charts.Bin(*column) for column in json.loads(row["bins"])]
            title = row["name"] if row["part"] == "" else f"score of {row['name']}"
            about = f"{formats.count(row['number'])} examples, mean {row['mean']:.3g}"
            svg = charts.histogram(bins, title=title, desc=about, axis=title)
            figure = Figure(title, about, Markup(svg))
            found.append((stages[row["part"]], figure))
    return found
