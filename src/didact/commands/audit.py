"""``didact audit``: three questions about a sample of the data, with intervals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import Json, Overrides, Quiet, RunPath, interruptible, say
from didact.data_audit import audit_run
from didact.progress import Progress
from didact.runfile import load
from didact.store import Run

__all__ = ["audit_command"]


def audit_command(
    run: RunPath,
    overrides: Overrides = None,
    sample: Annotated[int, typer.Option(help="Examples to draw.")] = 200,
    judge: Annotated[
        str | None, typer.Option(help="The role that answers; its calls go into the run's log.")
    ] = None,
    ratings: Annotated[
        Path | None,
        typer.Option(help="People's answers as JSON Lines; by default those of `didact rate`."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Is the data valid, suitable, right? People or a judge say, on a sample, with intervals."""
    Run.open(run).close()
    config = load(run / "run.yaml", overrides or [], run=run)
    with interruptible(), Progress(sys.stderr, quiet=quiet or as_json) as progress:
        found = audit_run(
            run, config, sample=sample, judge=judge, ratings=ratings, seed=seed, on_event=progress
        )
    if as_json:
        print(json.dumps(found.to_json()))
        return
    for line in found.lines():
        print(line)
    say(f"written   {run / 'data-audit.json'}\nnext      didact report {run}", quiet=quiet)
