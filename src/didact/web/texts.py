"""How the pages write texts that nobody has vouched for: as text, whatever is in them.

Everything is escaped. What an eye cannot see but a browser obeys (control characters, marks that
turn the direction of writing) is shown by its number, and each text is kept from turning its
surroundings by the style sheet. A template of ours never becomes a template of a model.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version

import jinja2
from markupsafe import Markup, escape

from didact.report import charts, formats
from didact.web.marks import ODD, plain
from didact.web.overview import Metric, mean_told

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
    bars = [
        charts.Bar(
            label=plain(model),
            value=max(mean, 0.0),
            note=f"{mean_told(mean)} (n = {formats.count(number)})",
            tone="accent" if model == "trained" else "plain",
        )
        for model, mean, number in metric.means
    ]
    told = "; ".join(f"{bar.label}: {bar.note}" for bar in bars)
    return Markup(charts.bars(bars, title=f"{plain(metric.name)}, mean", desc=told))


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
    found.filters.update(shown=shown, plain=plain, pretty=_pretty, scored=scored)
    return found


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def release() -> str:
    """Which didact this is."""
    try:
        return version("didact")
    except PackageNotFoundError:  # run from a checkout
        return "(from source)"
