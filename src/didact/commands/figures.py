"""``didact figures``: the surveys' figures from runs and curves, each with its table."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import say
from didact.curves import FILE
from didact.errors import StoreError
from didact.records import JSON
from didact.report.curve_figures import curve_figures
from didact.report.figures import Figure, write_figures
from didact.report.reading import Facts, read
from didact.report.run_figures import run_figures

__all__ = ["figures_command"]


def figures_command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run directories, and folders of curves.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The folder; by default beside the first run."),
    ] = None,
) -> None:
    """Draw the surveys' figures from runs, as a page and as SVG and CSV files."""
    facts: list[Facts] = []
    figures: list[Figure] = []
    for path in runs:
        if (path / FILE).is_file():
            figures += curve_figures(_curve(path / FILE))
        else:
            facts.append(read(path))
    figures = [*(run_figures(facts) if facts else []), *figures]
    title = ", ".join([one.name for one in facts] or [path.name for path in runs])
    folder = out or (runs[0] / "figures" if (runs[0] / FILE).is_file() else _beside(runs[0]))
    print(write_figures(_unlike(figures), folder, title=title))
    say(f"figures   {len(figures)}: {', '.join(figure.name for figure in figures)}")


def _beside(run: Path) -> Path:
    """A run directory holds its own files only, so its figures stand beside it."""
    return run.parent / f"{run.name}-figures"


def _curve(file: Path) -> dict[str, JSON]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{file}: cannot be read ({error}); repeat `didact curve`") from error


def _unlike(figures: list[Figure]) -> list[Figure]:
    """The figures, the second of two equal names numbered: names are those of files."""
    seen: Counter[str] = Counter()
    named: list[Figure] = []
    for figure in figures:
        seen[figure.name] += 1
        again = f"{figure.name}-{seen[figure.name]}" if seen[figure.name] > 1 else figure.name
        named.append(replace(figure, name=again))
    return named
