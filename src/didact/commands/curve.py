"""``didact curve``: quality against data size, for one run file or several, with honest bands."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import File, Json, Overrides, Quiet, interruptible, say
from didact.config import RunConfig
from didact.curves import ALL, Match, curve, parse_sizes
from didact.errors import ConfigError
from didact.progress import Progress
from didact.report.curve_figures import curve_figures
from didact.report.figures import write_figures
from didact.runfile import load

__all__ = ["arms_of", "curve_command"]


def curve_command(
    file: File,
    overrides: Overrides = None,
    sizes: Annotated[
        str, typer.Option(help="Rows to train on: 175,500,1k,4k; all is what the smallest arm has.")
    ] = "all",
    seeds: Annotated[int, typer.Option(help="Trainings of every arm and size.")] = 3,
    arms: Annotated[
        str | None, typer.Option(help="More run files, a.yaml,b.yaml, compared with FILE.")
    ] = None,
    match: Annotated[
        Match,
        typer.Option(help="What is alike at every size: the epochs, or the steps of the largest."),
    ] = "epochs",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where it all goes; by default out/NAME-curve."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on nested parts of the data and draw quality against size; run again, it goes on."""
    chosen = parse_sizes(sizes)
    found = arms_of(file, arms, overrides or [], out=out)
    where = out or Path("out") / f"{found[0].name}-curve"
    if not as_json:
        trainings = len(found) * len(chosen) * seeds
        shown = ", ".join("all" if size == ALL else f"{size:,}" for size in sorted(chosen))
        say(
            f"curve     arms: {len(found)}, sizes: {shown}, seeds: {seeds}, so"
            f" trainings: {trainings}, matched {match}",
            quiet=quiet,
        )
    with interruptible(), Progress(sys.stderr, quiet=quiet or as_json) as progress:
        result = curve(found, where, sizes=chosen, seeds=seeds, match=match, on_event=progress)
    page = write_figures(
        curve_figures(result.to_json()), where / "figures", title=f"{result.name}: curves"
    )
    if as_json:
        print(json.dumps(result.to_json()))
        return
    for line in result.lines():
        print(line)
    say(f"written   {where / 'curve.json'}\nfigures   {page}", quiet=quiet)


def arms_of(
    file: Path, arms: str | None, overrides: Sequence[str], *, out: Path | None = None
) -> list[RunConfig]:
    """The run files, FILE first; one that is not here is looked for beside FILE."""
    paths = [file]
    for name in filter(None, (arms or "").split(",")):
        path = Path(name.strip())
        beside = file.parent / path
        if not path.is_file() and not beside.is_file():
            raise ConfigError(f"--arms: no such file: {path} (nor {beside})")
        paths.append(path if path.is_file() else beside)
    loaded: list[RunConfig] = []
    for path in paths:
        config = load(path, list(overrides))
        if out is not None and (out / "data" / config.name).is_dir():
            config = load(path, list(overrides), run=out / "data" / config.name)
        loaded.append(config)
    return loaded
