"""One HTML file about a run, or about several side by side, that needs nothing but a browser.

The page is rendered from a template with every text of a model escaped; pictures are drawn as SVG
by ``charts``. It has no script, loads nothing and forbids itself to (a content security policy),
follows the reader's light or dark setting, prints, and reads aloud: headings, tables with captions,
pictures with titles. The same run gives the same bytes: there is no clock in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jinja2
from markupsafe import Markup

from didact.report import charts, formats
from didact.report.across import across_runs
from didact.report.reading import read
from didact.report.sheet import make_sheet, together

__all__ = ["build"]


def build(runs: Sequence[Path], out: Path) -> Path:
    """Write the page about these runs to ``out``, and return it."""
    sheets = [
        make_sheet(read(path), prefix=f"r{number}-" if len(runs) > 1 else "")
        for number, path in enumerate(runs, 1)
    ]
    names = [sheet.facts.name for sheet in sheets]
    page = _environment().get_template("page.html.j2")
    html = page.render(
        sheets=sheets,
        together=together(sheets) if len(sheets) > 1 else (),
        across=across_runs([sheet.facts for sheet in sheets]) if len(sheets) > 1 else (),
        title=f"{', '.join(names)} · didact report",
        version=_version(),
    )
    # A lone surrogate from a model has no UTF-8: it becomes a question mark.
    out.write_bytes(formats.tidy(html).encode("utf-8", "replace"))
    return out


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("didact.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS)
    environment.filters["meter"] = _meter
    return environment


def _meter(share: float) -> Markup:
    return Markup(charts.meter(share))


def _version() -> str:
    try:
        return version("didact")
    except PackageNotFoundError:  # run from a checkout
        return "(from source)"
