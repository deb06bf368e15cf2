"""Curves with bands over a logarithmic axis, each named at its end; and stacked bars.

A band is the 95 % interval of each point, joined. Curves differ in colour and in the pattern of
their line, so that they can be told apart in print and by those who see colours otherwise; fitted
lines are thin. Colours are the page's CSS variables ``--c0`` to ``--c5``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple, TypeAlias

from didact.report import ink

__all__ = ["Band", "Reading", "Stack", "curves", "stacks"]

_Place: TypeAlias = Callable[[float], float]

_WIDTH, _LEFT, _TOP, _FLOOR = 560.0, 44.0, 26.0, 260.0
_LABELS = 132.0
"""Room for the names at the right end."""
_TINTS = 6


class Reading(NamedTuple):
    """One point of a curve and its interval."""

    x: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One curve."""

    label: str
    readings: Sequence[Reading]
    fit: tuple[float, float] | None = None
    """Alpha and constant of a line over the natural logarithm, drawn thin."""
    level: bool = False
    """A level that does not depend on x: its first reading, drawn across."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One horizontal bar of parts that make up a whole."""

    label: str
    parts: Sequence[float]
    note: str = ""


def curves(bands: Sequence[Band], *, title: str, desc: str, x: str, y: str) -> str:
    """Curves over the logarithm of x; every x of theirs is a tick."""
    edges = sorted({r.x for band in bands if not band.level for r in band.readings})
    low_x, high_x = math.log(edges[0]), math.log(edges[-1])
    if low_x == high_x:
        low_x, high_x = low_x - 0.5, high_x + 0.5
    ends = [v for band in bands for r in band.readings for v in (r.low, r.high) if math.isfinite(v)]
    grid = ink.ticks(min(0.0, *ends), max(ends), about=5)
    low, high = min(grid[0], *ends), max(grid[-1], *ends)
    right = _WIDTH - _LABELS

    def at_x(value: float) -> float:
        return ink.place(math.log(value), low_x, high_x, _LEFT, right)

    def at_y(value: float) -> float:
        return ink.place(min(max(value, low), high), low, high, _FLOOR, _TOP)

    body = [ink.text(0, 12, y, "tick")]
    for tick in grid:
        body.append(
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at_y(tick):.1f}" '
            f'y2="{at_y(tick):.1f}"/>'
        )
        body.append(ink.text(_LEFT - 8, at_y(tick) + 4, ink.figure(tick), "tick", anchor="end"))
    last = -math.inf
    for edge in edges:
        body.append(f'<path class="grid" d="M{at_x(edge):.1f} {_FLOOR}v5"/>')
        if at_x(edge) - last > 34:
            last = at_x(edge)
            body.append(ink.text(last, _FLOOR + 19, ink.figure(edge), "tick", anchor="middle"))
    axis = f"{x}, logarithmic axis"
    body.append(ink.text((_LEFT + right) / 2, _FLOOR + 38, axis, "tick", anchor="middle"))
    names: list[tuple[float, str, str]] = []
    for number, band in enumerate(bands):
        tint = f"c{number % _TINTS}"
        names.append((at_y(band.readings[-1].mean), band.label, tint))
        if band.level:
            flat = at_y(band.readings[0].mean)
            body.append(f'<path class="line {tint} thin" d="M{_LEFT} {flat:.1f}H{right:.1f}"/>')
            continue
        body += _drawn(band, tint, at_x, at_y, (math.exp(low_x), math.exp(high_x)))
    for where, label, tint in _spread(names):
        body.append(ink.text(right + 10, where + 4, _clipped(label), f"label {tint}", halo=True))
    return ink.svg(_WIDTH, _FLOOR + 46, body, title=title, desc=desc)


def _drawn(
    band: Band,
    tint: str,
    at_x: _Place,
    at_y: _Place,
    ends: tuple[float, float],
) -> list[str]:
    over = [f"{at_x(r.x):.1f} {at_y(r.high):.1f}" for r in band.readings]
    under = [f"{at_x(r.x):.1f} {at_y(r.low):.1f}" for r in reversed(band.readings)]
    middle = [f"{at_x(r.x):.1f} {at_y(r.mean):.1f}" for r in band.readings]
    marks = [
        f'<path class="band {tint}" d="M{"L".join(over + under)}Z"/>',
        f'<path class="line {tint}" d="M{"L".join(middle)}"/>',
    ]
    if band.fit is not None:
        alpha, constant = band.fit
        a, b = (f"{at_x(n):.1f} {at_y(alpha * math.log(n) + constant):.1f}" for n in ends)
        marks.append(f'<path class="line {tint} thin" d="M{a}L{b}"/>')
    for r in band.readings:
        told = f"{band.label}, {ink.figure(r.x)}: {r.mean:.1f} [{_end(r.low)}, {_end(r.high)}]"
        x = at_x(r.x)
        marks += [
            f'<path class="whisker {tint}" d="M{x:.1f} {at_y(r.high):.1f}V{at_y(r.low):.1f}"/>',
            f'<circle class="point {tint}" cx="{x:.1f}" cy="{at_y(r.mean):.1f}" r="4">'
            f"<title>{escape(told)}</title></circle>",
        ]
    return marks


def stacks(rows: Sequence[Stack], names: Sequence[str], *, title: str, desc: str) -> str:
    """Horizontal bars of parts, each as wide as its share; the names of the parts above."""
    width, height = _WIDTH, 30.0 + 50.0 * len(rows)
    body: list[str] = []
    x = 0.0
    for number, name in enumerate(names):
        body.append(
            f'<rect class="part c{number % _TINTS}" x="{x:.1f}" y="0" width="11" height="11" '
            f'rx="2"/>'
        )
        body.append(ink.text(x + 16, 10, name, "tick"))
        x += 30 + 6.6 * len(name)
    for number, row in enumerate(rows):
        y = 26.0 + 50.0 * number
        total = sum(row.parts) or 1.0
        body.append(ink.text(0, y + 13, row.label, "label"))
        body.append(ink.text(width, y + 13, row.note, "value", anchor="end"))
        start = 0.0
        for part, (name, value) in enumerate(zip(names, row.parts, strict=True)):
            wide = value / total * width
            told = f"{row.label}, {name}: {ink.figure(value)} ({value / total:.0%})"
            body.append(
                f'<rect class="part c{part % _TINTS}" x="{start:.1f}" y="{y + 20:.1f}" '
                f'width="{max(wide - 1, 0):.1f}" height="20"><title>{escape(told)}</title></rect>'
            )
            if wide > 36:
                share = f"{value / total:.0%}"
                body.append(ink.text(start + wide / 2, y + 34, share, "inside", anchor="middle"))
            start += wide
    return ink.svg(width, height, body, title=title, desc=desc)


def _end(bound: float) -> str:
    return f"{bound:.1f}" if math.isfinite(bound) else "not known"


def _spread(names: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """The names at their heights, moved apart where they would cover each other."""
    placed: list[tuple[float, str, str]] = []
    for where, label, tint in sorted(names):
        if placed:
            where = max(where, placed[-1][0] + 15)
        placed.append((where, label, tint))
    return placed


def _clipped(label: str) -> str:
    return label if len(label) <= 18 else f"{label[:17]}…"
