"""``didact ablate``: what every filter of a run buys, by training without it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from didact.experiments import ablate
from didact.progress import Progress
from didact.runfile import load

__all__ = ["ablate_command"]


def ablate_command(
    file: Annotated[Path, typer.Argument(help="The run file (YAML).", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Settings to override: train.epochs=1"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the runs go; by default out/NAME-ablation.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of every arm, each with its seed.")] = 3,
    size: Annotated[
        int | None, typer.Option(help="Rows to train on at most; by default the smallest arm's.")
    ] = None,
    controls: Annotated[
        bool,
        typer.Option("--controls", help="Also put as many at random and the longest in its place."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """Train without each filter in turn, at equal size and seeds, and compare."""
    config = load(file, overrides or [])
    where = out or Path("out") / f"{config.name}-ablation"
    try:
        with Progress(sys.stderr, quiet=quiet or as_json) as progress:
            result = ablate(
                config, where, seeds=seeds, size=size, controls=controls, on_event=progress
            )
    except KeyboardInterrupt:
        typer.echo(
            "\ndidact: interrupted; run the same command to continue, no call is repeated", err=True
        )
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(result.to_json()))
        return
    for line in result.lines():
        typer.echo(line)
    if not quiet:
        arms = f"{where / 'all-seed-0'} {where / 'none-seed-0'}"
        typer.echo(f"written   {where / 'ablation.json'}", err=True)
        typer.echo(f"next      didact report {arms}", err=True)
