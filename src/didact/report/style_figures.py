"""Style against capability as figures: preferences, exact answers, the surface of the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from didact.report import charts
from didact.report.figures import Figure
from didact.stats.bootstrap import Interval
from didact.style import Style
from didact.text.surface import MARKS

__all__ = ["style_figures"]

_NAMES = {
    "words": "Words",
    "list": "Has a list",
    "heading": "Has headings",
    "hedges": "Hedges in 100 words",
    "opening": "Set opening phrase",
}


def style_figures(style: Style) -> list[Figure]:
    """The page's figures, in the order of the argument."""
    return [*_preferences(style), *_slopes(style), *_exact(style), *_distances(style)]


def _preferences(style: Style) -> Iterator[Figure]:
    if not style.preferred:
        return
    spans: list[charts.Span] = []
    rows: list[list[str | int | float]] = []
    for one in style.preferred:
        name = f"{one.model} over {one.against} ({one.metric.replace('_', ' ')})"
        found = one.found
        spans.append(_span("raw", found.raw, group=name))
        if found.alike is not None:
            spans.append(_span("where both looked alike", found.alike, accent=True))
        told = [
            _told(interval) if interval else "cannot be told"
            for interval in (found.alike, found.explained, found.share)
        ]
        rows.append([name, _told(found.raw), *told, found.items, one.unread])
        rows[-1].append("; ".join(found.warnings))
    title = "What the judge prefers, raw and where both answers look alike, percent"
    yield Figure(
        name="preference",
        title=title,
        svg=charts.intervals(spans, title=title, desc=_desc(spans)),
        head=[
            *("Pair", "Raw", "Looking alike", "Points that are form", "Share of the gain, %"),
            *("Pairs", "Unread", "Beware"),
        ],
        rows=rows,
        note="A logistic model of the differences in length, lists, headings, hedging and opening"
        " phrases, set to no difference; fitted again on resampled items. What form and content"
        " bring together counts as form.",
    )


def _slopes(style: Style) -> Iterator[Figure]:
    if not style.preferred:
        return
    yield Figure(
        name="marks",
        title="What the judge is drawn by, logits for each mark",
        svg="",
        head=["Pair", *(_NAMES[mark] for mark in MARKS)],
        rows=[
            [
                f"{one.model} over {one.against}",
                *(
                    "cannot be told" if one.found.alike is None else _told(slope, signed=True)
                    for slope in one.found.slopes
                ),
            ]
            for one in style.preferred
        ],
        note="Above 0: more of the mark is preferred, other marks held equal. Where both answers"
        " never differ in a mark, its slope is 0.",
    )


def _exact(style: Style) -> Iterator[Figure]:
    if not style.exact:
        return
    controls = {style.copies: "copy of the input", style.shuffled: "tuned on shuffled answers"}
    spans: list[charts.Span] = []
    rows: list[list[str | int | float]] = []
    last = ""
    for one in style.exact:
        role = f"{one.model}: {controls[one.model]}" if controls.get(one.model) else one.model
        group = one.metric.replace("_", " ") if one.metric != last else ""
        last = one.metric
        spans.append(_span(role, one.score, group=group, accent=one.model == "trained"))
        gain = _told(one.gain, signed=True) if one.gain else ""
        rows.append([role, one.metric, _told(one.score), gain, one.items])
    title = "Exact answers, which no form can win"
    yield Figure(
        name="exact",
        title=title,
        svg=charts.intervals(spans, title=title, desc=_desc(spans)),
        head=["Model", "Metric", "Score", "Over the base", "Items"],
        rows=rows,
        note="Over items, or over whole task families where items have one.",
    )


def _distances(style: Style) -> Iterator[Figure]:
    if not style.distances:
        return
    spans = [
        _span(one.model, one.distance, accent=one.model == "trained")
        for one in style.distances
        if one.distance is not None
    ]
    other = "the other side" if style.recorded else "the teacher"
    title = f"Distance of the answers' surface to that of {other}, in deviations"
    yield Figure(
        name="surface",
        title=title,
        svg=charts.intervals(
            spans, title=title, desc=_desc(spans), high=max([1.0, *(s.high for s in spans)])
        )
        if spans
        else "",
        head=["Answers of", *(_NAMES[mark] for mark in MARKS), "Distance"],
        rows=[
            [one.model]
            + [round(value, 2) for value in one.means]
            + [_told(one.distance) if one.distance else other]
            for one in style.distances
        ],
        note="The distance is the root of the mean square over the marks of the difference of the"
        " means, in standard deviations of that side, less what noise adds. Near 0: the answers"
        " look alike.",
    )


def _span(label: str, interval: Interval, *, group: str = "", accent: bool = False) -> charts.Span:
    return charts.Span(
        label=label,
        note=_told(interval),
        group=group,
        tone="accent" if accent else "plain",
        **interval._asdict(),
    )


def _desc(spans: Sequence[charts.Span]) -> str:
    return "; ".join(f"{span.group} {span.label}: {span.note}".strip() for span in spans)


def _told(interval: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    mean, low, high = (f"{v:{sign}.1f}".replace("-", "\N{MINUS SIGN}") for v in interval)
    return f"{mean} [{low}, {high}]"
