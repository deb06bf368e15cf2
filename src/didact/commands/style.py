"""``didact style``: how much of what tuning won is form, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import say
from didact.report.figures import write_figures
from didact.report.style_figures import style_figures
from didact.style import recorded_style, run_style

__all__ = ["style_command"]


def style_command(
    path: Annotated[
        Path,
        typer.Argument(
            help="A run directory, or a file of recorded preferences.", show_default=False
        ),
    ],
    shuffled: Annotated[
        str, typer.Option(help="The role tuned on shuffled answers; by default of that name.")
    ] = "",
    copies: Annotated[
        str, typer.Option(help="The role that copies its input; by default the model copy-input.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder; by default beside the run.")
    ] = None,
) -> None:
    """How much of a gain is form: preferences, exact answers, surface, and two controls."""
    if path.is_file():
        found = recorded_style(path)
    else:
        found = run_style(path, copies=copies, shuffled=shuffled)
    folder = out or path.parent / f"{path.name}-style"
    lines = found.lines()
    for line in lines:
        print(line)
    title = f"Style against capability: {found.name}"
    page = write_figures(style_figures(found), folder, title=title, lede=lines)
    say(f"written   {page}")
