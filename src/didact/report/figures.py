"""Figures with the table of their numbers beneath, as one page and as files of their own.

A folder of figures holds ``index.html`` (all of them, no script, nothing loaded, light and dark)
and for each figure an SVG that stands alone and the table as CSV. Whoever cannot see a picture has
its title, its description and the table; the same data gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

from didact.disk import storing
from didact.errors import DidactError
from didact.report.formats import tidy

__all__ = ["Figure", "figures_html", "standalone", "write_figures"]

Cell: TypeAlias = "str | int | float"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture, what it says in words, and its numbers."""

    name: str
    """Of its files: small letters and hyphens."""
    title: str
    svg: str
    """"" where there is only a table."""
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    """How the numbers came about and what they do not say."""


def write_figures(
    figures: Sequence[Figure], folder: Path, *, title: str, lede: Sequence[str] = ()
) -> Path:
    """Write the page, the pictures and the tables; the path of the page."""
    if not figures:
        raise DidactError("there is nothing to draw a figure from")
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for figure in figures:
            if figure.svg:
                _write(folder / f"{figure.name}.svg", standalone(figure.svg))
            _write(folder / f"{figure.name}.csv", _csv(figure))
        page = folder / "index.html"
        _write(page, figures_html(figures, title=title, lede=lede))
    return page


def figures_html(figures: Sequence[Figure], *, title: str, lede: Sequence[str] = ()) -> str:
    """The page."""
    links = "".join(f'<li><a href="#{f.name}">{escape(f.title)}</a></li>' for f in figures)
    told = "".join(f'<p class="lede">{escape(text)}</p>' for text in lede)
    sections = "".join(map(_section, figures))
    return tidy(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">"
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)} · didact figures</title><style>{_page_style()}</style></head>"
        f'<body><header class="top"><p class="eyebrow">didact</p><h1>{escape(title)}</h1>{told}'
        f'<nav aria-label="Figures"><ul>{links}</ul></nav></header><main>{sections}</main>'
        "</body></html>\n"
    )


def _section(figure: Figure) -> str:
    picture = f"<figure>{figure.svg}</figure>" if figure.svg else ""
    note = f'<p class="note">{escape(figure.note)}</p>' if figure.note else ""
    head = "".join(
        f'<th scope="col"{" class=l" if n == 0 else ""}>{escape(name)}</th>'
        for n, name in enumerate(figure.head)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row" class="l">{escape(_shown(cell))}</th>'
            if n == 0
            else f"<td>{escape(_shown(cell))}</td>"
            for n, cell in enumerate(row)
        )
        + "</tr>"
        for row in figure.rows
    )
    return (
        f'<section id="{figure.name}"><h2>{escape(figure.title)}</h2>{picture}{note}'
        f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(figure.title)}, table">'
        f"<table><caption>The numbers</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def standalone(svg: str) -> str:
    """The picture as a file of its own, with its colours for light and dark."""
    frame = '<svg xmlns="http://www.w3.org/2000/svg" class="chart"'
    style = f"<style>{_variables()} {_of_pictures()} svg {{ background: var(--ground); }}</style>"
    opened = svg.replace('<svg class="chart"', frame, 1)
    return tidy(opened.replace("<title>", f"{style}<title>", 1)) + "\n"


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:,.1f}".replace("-", "\N{MINUS SIGN}")
    return f"{cell:,}" if isinstance(cell, int) else cell


def _csv(figure: Figure) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(figure.head)
    writer.writerows(figure.rows)
    return out.getvalue()


def _write(path: Path, text: str) -> None:
    # A lone surrogate from a model has no UTF-8: it becomes a question mark.
    path.write_bytes(text.encode("utf-8", "replace"))


@cache
def _css() -> str:
    return (files("didact.report") / "page.css").read_text(encoding="utf-8")


def _page_style() -> str:
    return f"{_css()} {_COLOURS} {_MARKS}"


def _variables() -> str:
    found = re.findall(
        r"^:root \{.*?^\}|^@media screen[^{]*\{\s*:root \{.*?\}\s*\}", _css(), re.M | re.S
    )
    return " ".join([*found, _COLOURS])


def _of_pictures() -> str:
    lines = [line for line in _css().splitlines() if line.startswith("svg ")]
    return " ".join([*lines, "svg { font-family: system-ui, sans-serif; }", _MARKS])


_COLOURS = """
:root {
  --c0: #0a58a8; --c1: #a84f00; --c2: #14734f; --c3: #8a3579; --c4: #6d5f00; --c5: #555c66;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --c0: #7cb8f4; --c1: #f0a35c; --c2: #5fcf9f; --c3: #e19bd6; --c4: #d6c24a; --c5: #a6aeb9;
  }
}
"""

_MARKS = (
    "svg.chart { max-width: 46rem; } svg .line, svg .whisker { fill: none; }"
    " svg .line { stroke-width: 2.2; stroke-linejoin: round; } svg .whisker { stroke-width: 1.4; }"
    " svg .line.thin { stroke-width: 1; stroke-dasharray: 2 4; } svg .band { fill-opacity: 0.14; }"
    " svg .inside { fill: var(--ground); font-weight: 600; font-size: 12px; }"
    " svg .line.c1 { stroke-dasharray: 8 4; } svg .line.c2 { stroke-dasharray: 3 3; }"
    " svg .line.c3 { stroke-dasharray: 10 3 2 3; } svg .line.c4 { stroke-dasharray: 14 4; }"
    " section svg.chart { margin: 0.5rem 0; } "
) + " ".join(
    f"svg .c{n} {{ fill: var(--c{n}); }} svg .line.c{n}, svg .whisker.c{n} {{ fill: none;"
    f" stroke: var(--c{n}); }} svg .point.c{n} {{ stroke: var(--ground); stroke-width: 1.5; }}"
    for n in range(6)
)
