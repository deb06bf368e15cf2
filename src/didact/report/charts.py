"""The report's pictures: small pure functions from numbers to SVG text.

Hand-written, so that a page needs no plotting library and no script: text stays text, lines stay
sharp in print, and colours come from the page's CSS variables, which change between light and dark.
Most are drawn 440 units wide, which is legible on a telephone and fills half a desk screen.
Labels stand on their marks; nothing needs a legend. Every chart is an image with a title and a
description; the table beside it on the page holds the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, NamedTuple, TypeAlias

from didact.report import ink
from didact.report.ink import ticks

__all__ = [
    "WIDTH",
    "Bar",
    "Bin",
    "Line",
    "Mark",
    "Span",
    "Tone",
    "Verb",
    "bars",
    "bins",
    "histogram",
    "intervals",
    "lines",
    "meter",
    "ticks",
    "wheel",
]

WIDTH = 440
"""Drawing units across a chart, unless it says otherwise."""

Tone: TypeAlias = Literal["plain", "accent", "faint"]
"""How a mark is coloured: ``accent`` for what the page is about, ``plain`` and ``faint`` else."""

_Place: TypeAlias = Callable[[float], float]
_TINTS = 6
_PAD = 12
_ROW = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One horizontal bar."""

    label: str
    value: float
    note: str = ""
    """Written at the right end of the row; the value by default."""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A mean and its interval."""

    label: str
    mean: float
    low: float
    high: float
    note: str = ""
    """Written at the right end of the row: the numbers."""
    tone: Tone = "plain"
    group: str = ""
    """A heading written above the row; "" for none."""
    mark: float | None = None
    """A published figure, drawn as a tick."""


class Bin(NamedTuple):
    """One column of a histogram: from ``low`` up to, not including, ``high``."""

    low: float
    high: float
    number: int


class Mark(NamedTuple):
    """A vertical line in a histogram, with its name."""

    at: float
    label: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve."""

    label: str
    points: Sequence[tuple[float, float]]
    tone: Tone = "accent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One sector of the wheel: a verb and its commonest nouns."""

    verb: str
    count: int
    nouns: Sequence[tuple[str, int]]


def bars(rows: Sequence[Bar], *, title: str, desc: str) -> str:
    """Horizontal bars from zero, each under its own label."""
    top = max((row.value for row in rows), default=0) or 1
    body: list[str] = []
    for number, row in enumerate(rows):
        y = number * (_ROW - 4)
        length = max(row.value / top * WIDTH, 1.5 if row.value else 0)
        body += [
            ink.text(0, y + 15, row.label, "label"),
            ink.text(WIDTH, y + 15, row.note or ink.figure(row.value), "value", anchor="end"),
            f'<rect class="track" x="0" y="{y + 22}" width="{WIDTH}" height="9" rx="2"/>',
            f'<rect class="bar {row.tone}" x="0" y="{y + 22}" width="{length:.1f}" height="9" '
            f'rx="2"/>',
        ]
    return ink.svg(WIDTH, max(len(rows), 1) * (_ROW - 4), body, title=title, desc=desc)


def meter(share: float) -> str:
    """A small bar for a table cell; hidden from screen readers, for the cell's number says it."""
    length = min(max(share, 0.0), 1.0) * 100
    return (
        '<svg class="meter" aria-hidden="true" viewBox="0 0 100 8" preserveAspectRatio="none">'
        '<rect class="track" width="100" height="8"/>'
        f'<rect class="bar plain" width="{length:.1f}" height="8"/></svg>'
    )


def intervals(
    spans: Sequence[Span], *, title: str, desc: str, low: float = 0, high: float = 100
) -> str:
    """Means with their intervals on one axis: a forest plot, labels above the marks."""
    left, right = _PAD, WIDTH - _PAD
    rows: list[str] = []
    y = 4.0
    for span in spans:
        if span.group:
            y += 10 if rows else 0
            rows.append(ink.text(0, y + 14, span.group, "group"))
            y += 24
        rows += _span(span, y, lambda value: ink.place(value, low, high, left, right))
        y += _ROW
    axis: list[str] = []
    for tick in ticks(low, high):
        x = ink.place(tick, low, high, left, right)
        axis.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{y}"/>')
        axis.append(ink.text(x, y + 16, ink.figure(tick), "tick", anchor="middle"))
    return ink.svg(WIDTH, y + 22, axis + rows, title=title, desc=desc)


def _span(span: Span, y: float, place: _Place) -> list[str]:
    a, m, b, line = place(span.low), place(span.mean), place(span.high), y + 30
    marks: list[str] = []
    if span.mark is not None:
        x = place(span.mark)
        marks.append(f'<path class="paper" d="M{x:.1f} {line - 9}v18"/>')
    marks += [
        f'<path class="whisker {span.tone}" d="M{a:.1f} {line}H{b:.1f}'
        f'M{a:.1f} {line - 5}v10M{b:.1f} {line - 5}v10"/>',
        f'<circle class="dot {span.tone}" cx="{m:.1f}" cy="{line}" r="5"/>',
    ]
    return [
        ink.text(0, y + 15, span.label, f"label {span.tone}", halo=True),
        ink.text(WIDTH, y + 15, span.note, "value", anchor="end", halo=True),
        *marks,
    ]


def bins(
    values: Sequence[float], *, most: int = 24, whole: bool = True, reach: float = 0
) -> list[Bin]:
    """Equal bins of a round width, at most ``most`` of them; the last takes the longest tail.

    ``whole`` is for counts (widths 1, 2, 5, 10, ...) and goes on at least to ``reach``; otherwise
    the values lie between 0 and 1 and the bins are 0.05 wide, the value 1 falling into the last.
    """
    if not whole:
        counts = [0] * 20
        for value in values:
            # +1e-9: 0.15 / 0.05 is a little under 3 in floating point.
            counts[min(int(value * 20 + 1e-9), 19)] += 1
        return [Bin(i / 20, (i + 1) / 20, count) for i, count in enumerate(counts)]
    if not values:
        return []
    ordered = sorted(values)
    reach = max(ordered[min(int(len(ordered) * 0.995), len(ordered) - 1)], math.ceil(reach)) + 1
    width = next(w for w in _round_widths() if reach / w <= most)
    columns = math.ceil(reach / width)
    counts = [0] * columns
    for value in values:
        counts[min(int(value / width), columns - 1)] += 1
    return [Bin(i * width, (i + 1) * width, count) for i, count in enumerate(counts)]


def histogram(
    columns: Sequence[Bin],
    *,
    title: str,
    desc: str,
    axis: str,
    marks: Sequence[Mark] = (),
    width: float = WIDTH,
) -> str:
    """Columns over a numeric axis, with named vertical lines."""
    low, high = columns[0].low, columns[-1].high
    tallest = max(column.number for column in columns) or 1
    top, floor = 8 + 18 * len(marks), 8 + 18 * len(marks) + 130
    left, right = 34.0, width - 6.0
    body: list[str] = []
    for tick in ticks(0, tallest, about=4):
        y = floor - tick / tallest * (floor - top)
        body.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(ink.text(left - 6, y + 4, ink.figure(tick), "tick", anchor="end"))
    for column in columns:
        a, b = (ink.place(edge, low, high, left, right) for edge in column[:2])
        height = column.number / tallest * (floor - top)
        body.append(
            f'<rect class="bar plain" x="{a + 0.75:.1f}" y="{floor - height:.1f}" '
            f'width="{max(b - a - 1.5, 1):.1f}" height="{height:.1f}"/>'
        )
    for tick in ticks(low, high, about=round(width / 75)):
        x = ink.place(tick, low, high, left, right)
        body.append(ink.text(x, floor + 17, ink.figure(tick), "tick", anchor="middle"))
    body.append(ink.text((left + right) / 2, floor + 36, axis, "tick", anchor="middle"))
    for number, mark in enumerate(marks):
        x = ink.place(min(max(mark.at, low), high), low, high, left, right)
        body += _mark(mark, x, 14 + 18 * number, floor, leftwards=x > width * 0.6)
    return ink.svg(width, floor + 44, body, title=title, desc=desc)


def _mark(mark: Mark, x: float, y: float, floor: float, *, leftwards: bool) -> list[str]:
    dx, anchor = (-6, "end") if leftwards else (6, "start")
    return [
        f'<path class="mark {mark.tone}" d="M{x:.1f} {y - 9}V{floor}"/>',
        ink.text(x + dx, y, mark.label, f"note {mark.tone}", anchor=anchor, halo=True),
    ]


def lines(curves: Sequence[Line], *, title: str, desc: str, x: str, y: str) -> str:
    """Curves over a numeric axis, those with a label named at their end."""
    points = [point for curve in curves for point in curve.points]
    right_edge = max(p[0] for p in points)
    left_edge = min(p[0] for p in points)
    grid = ticks(min(0.0, *(p[1] for p in points)), max(p[1] for p in points), about=4)
    low, high = grid[0], max(grid[-1], max(p[1] for p in points))
    left, right, top, floor = 38.0, WIDTH - 10.0, 26.0, 210.0
    body = [ink.text(0, 12, y, "tick")]
    for tick in grid:
        at = ink.place(tick, low, high, floor, top)
        body.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        body.append(ink.text(left - 8, at + 4, ink.figure(tick), "tick", anchor="end"))
    for tick in ticks(left_edge, right_edge, about=5):
        at = ink.place(tick, left_edge, right_edge, left, right)
        body.append(ink.text(at, floor + 18, ink.figure(tick), "tick", anchor="middle"))
    body.append(ink.text((left + right) / 2, floor + 37, x, "tick", anchor="middle"))
    for curve in curves:
        path = [
            f"{ink.place(a, left_edge, right_edge, left, right):.1f} "
            f"{ink.place(b, low, high, floor, top):.1f}"
            for a, b in curve.points
        ]
        body.append(f'<path class="curve {curve.tone}" d="M{"L".join(path)}"/>')
        if curve.label:
            end_x, end_y = path[-1].split()
            body.append(f'<circle class="dot {curve.tone}" cx="{end_x}" cy="{end_y}" r="4"/>')
            style, lift = f"note {curve.tone}", max(float(end_y) - 20, 14)
            body.append(ink.text(right, lift, curve.label, style, anchor="end", halo=True))
    return ink.svg(WIDTH, floor + 44, body, title=title, desc=desc)


def wheel(verbs: Sequence[Verb], *, title: str, desc: str) -> str:
    """The verb-noun wheel: verbs in the inner ring, their commonest nouns in the outer.

    A sector is as wide as its nouns are frequent, so the rings agree. A label is left out where
    its sector is too narrow to hold it; the table has them all.
    """
    size, inner, middle, outer = 560.0, 66.0, 148.0, 276.0
    total = sum(count for verb in verbs for _, count in verb.nouns) or 1
    body: list[str] = []
    at = 0.0
    for number, verb in enumerate(verbs):
        # Neighbours differ also where the wheel closes.
        last = number == len(verbs) - 1 and number % _TINTS == 0 and number > 0
        tint = f"t{_TINTS // 2 if last else number % _TINTS}"
        share = sum(count for _, count in verb.nouns) / total
        label = f"{verb.verb}: {ink.figure(verb.count)}"
        body.append(_sector(at, at + share, inner, middle, f"{tint} strong", label))
        body.append(_radial(at, at + share, inner, middle, verb.verb, 12.5))
        for noun, count in verb.nouns:
            part = count / total
            label = f"{verb.verb} {noun}: {ink.figure(count)}"
            body.append(_sector(at, at + part, middle, outer, tint, label))
            body.append(_radial(at, at + part, middle, outer, noun, 11))
            at += part
    centred = f'<g transform="translate({size / 2} {size / 2})">{"".join(body)}</g>'
    return ink.svg(size, size, [centred], title=title, desc=desc)


def _sector(a: float, b: float, inner: float, outer: float, style: str, label: str) -> str:
    b = min(b, a + 0.9999)  # a full circle has no arc between its two ends
    large = int(b - a > 0.5)
    (x1, y1), (x2, y2) = ink.polar(a, outer), ink.polar(b, outer)
    (x3, y3), (x4, y4) = ink.polar(b, inner), ink.polar(a, inner)
    return (
        f'<path class="sector {style}" d="M{x1:.1f} {y1:.1f}'
        f"A{outer} {outer} 0 {large} 1 {x2:.1f} {y2:.1f}L{x3:.1f} {y3:.1f}"
        f'A{inner} {inner} 0 {large} 0 {x4:.1f} {y4:.1f}Z"><title>{escape(label)}</title></path>'
    )


def _radial(a: float, b: float, inner: float, outer: float, label: str, size: float) -> str:
    radius, room = (inner + outer) / 2, outer - inner - 10
    if (b - a) * math.tau * (inner + radius) / 2 < size:
        return ""
    letters = int(room / (size * 0.54))
    text = label if len(label) <= letters else label[: letters - 1] + "…"
    turn = (a + b) / 2 * 360 - 90
    flip = 180 if turn > 90 else 0  # the left half would stand on its head
    x, y = ink.polar((a + b) / 2, radius)
    return (
        f'<text class="spoke" font-size="{size}" text-anchor="middle" dy="0.35em" '
        f'transform="translate({x:.1f} {y:.1f}) rotate({turn + flip:.1f})">{escape(text)}</text>'
    )


def _round_widths() -> Sequence[int]:
    return [m * 10**power for power in range(12) for m in (1, 2, 5)]
