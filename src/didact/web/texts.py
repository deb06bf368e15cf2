"""How the pages write texts that nobody has vouched for: as text, whatever is in them.

Everything is escaped. What an eye cannot see but a browser obeys (control characters, marks that
turn the direction of writing) is shown by its number, and each text is kept from turning its
surroundings by the style sheet. A template of ours never becomes a template of a model.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Any

import jinja2
from markupsafe import Markup, escape

from didact.records import INPUT_MARK
from didact.report import charts, formats
from didact.stats.bootstrap import Interval
from didact.web.marks import ODD, plain
from didact.web.overview import Metric

__all__ = ["LONGEST", "environment", "release", "scored", "shown"]

LONGEST = 20_000
"""Characters of one text on a page; the rest is behind a link."""


def shown(text: object, limit: int = LONGEST) -> Markup:
    """A text as HTML that shows it and does nothing else."""
    whole = str(text)
    # A lone CR is a line break to HTML; a pair would be two in some places.
    cut = whole[:limit].replace("\r\n", "\n")
    parts: list[Markup] = []
    last = 0
    for found in ODD.finditer(cut):
        parts += [escape(cut[last : found.start()]), _named(found[0])]
        last = found.end()
    parts.append(escape(cut[last:]))
    if len(whole) > limit:
        parts.append(Markup("…"))
    return Markup("").join(parts)


def _named(character: str) -> Markup:
    return Markup('<span class="odd">U+{:04X}</span>').format(ord(character))


def scored(metric: Metric) -> Markup:
    """The scores of all models on one metric as a picture."""
    spans: list[charts.Span] = []
    told_as = formats.points if any(abs(mean) > 1 for _, mean, _ in metric.means) else formats.score
    for (model, mean, number), interval in zip(metric.means, metric.intervals, strict=True):
        known = isfinite(interval.low) and isfinite(interval.high)
        ends = f" [{told_as(interval.low)}, {told_as(interval.high)}]" if known else ""
        spans.append(
            charts.Span(
                label=plain(model),
                mean=mean,
                low=interval.low if known else mean,
                high=interval.high if known else mean,
                note=f"{told_as(mean)}{ends}, n = {formats.count(number)}",
                tone="accent" if model == "trained" else "plain",
            )
        )
    told = "; ".join(f"{span.label}: {span.note}" for span in spans)
    low, high = min(0.0, *(s.low for s in spans)), max(s.high for s in spans)
    top = next((edge for edge in (1.0, 10.0, 100.0) if high <= edge), high)
    title = f"{plain(metric.name)}, mean and 95 % interval"
    return Markup(charts.intervals(spans, title=title, desc=told, low=low, high=top))


def environment() -> jinja2.Environment:
    """The templates of the pages."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("didact.web", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(formats.FILTERS)
    own: dict[str, Callable[..., Any]] = {
        "shown": shown, "plain": plain, "pretty": _pretty, "scored": scored, "in_parts": _in_parts,
        "interval": _interval, "shares": _shares, "markdown": _markdown,
        "marked": _marked,
    }  # fmt: skip
    found.filters.update(own)
    return found


def _in_parts(text: str) -> list[str]:
    """Instruction, and input where there is one."""
    return text.split(INPUT_MARK, 1)


def _interval(found: Interval) -> str:
    """0.57 [0.48, 0.66]; an end that is not known is left open."""
    if not (isfinite(found.low) and isfinite(found.high)):
        return f"{found.mean:.2f} [?]"
    text = f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
    return text.replace("-", "\N{MINUS SIGN}")


def _shares(found: Interval) -> str:
    """57 % [48, 66]."""
    low, high = (f"{end * 100:.0f}" if isfinite(end) else "?" for end in (found.low, found.high))
    return f"{found.mean * 100:.0f}\N{NO-BREAK SPACE}% [{low}, {high}]"


def _marked(one: str, other: str) -> tuple[Markup, Markup]:
    from didact.web.marking import marked

    return marked(one, other)


def _markdown(text: object) -> Markup:
    # Only when asked for: the parser takes a while to import.
    from didact.web.markdown import markdown

    return markdown(text)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def release() -> str:
    """Which didact this is."""
    try:
        return version("didact")
    except PackageNotFoundError:  # run from a checkout
        return "(from source)"
