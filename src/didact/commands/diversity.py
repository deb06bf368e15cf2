"""``didact diversity``: what one data set, or two beside each other, is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import say
from didact.diversity import diversity
from didact.report.diversity_figures import diversity_figures
from didact.report.figures import write_figures

__all__ = ["diversity_command"]


def diversity_command(
    data: Annotated[
        list[Path],
        typer.Argument(help="One or two data sets: files or run directories.", show_default=False),
    ],
    seeds: Annotated[
        str | None, typer.Option(help="What it grew from: a file, a run, or builtin.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="A set that may stand in it, such as a public one (again for more)."),
    ] = None,
    sample: Annotated[int, typer.Option(help="Examples of each set that are looked at.")] = 2000,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder; by default beside the data.")
    ] = None,
) -> None:
    """Verbs, topics, variety, languages, people and overlap, with intervals, on one page."""
    found = diversity(data, seeds=seeds, against=against or (), sample=sample)
    for panel in found.panels:
        share = panel.without_verb
        print(
            f"{panel.name}: {panel.looked_at:,} of {panel.total:,} examples,"
            f" {len(panel.pairs):,} verb-noun pairs; {share.mean:.0%}"
            f" [{share.low:.0%}, {share.high:.0%}] of the instructions without one;"
            f" coverage {panel.grown[-1][1]:.0%}"
        )
        habits = [one.group for one in panel.mentions if one.differs]
        if habits:
            print(f"  mentioned more or less often than in the seeds: {', '.join(habits)}")
        for one in panel.near:
            print(
                f"  in {one.name}: {one.near.mean:.1%} [{one.near.low:.1%}, {one.near.high:.1%}]"
                f" near, {one.exact.mean:.1%} the same"
            )
    folder = out or data[0].parent / f"{data[0].resolve().name}-diversity"
    title = f"Diversity: {' and '.join(panel.name for panel in found.panels)}"
    say(f"written   {write_figures(diversity_figures(found), folder, title=title)}")
