"""``didact harness``: results of lm-evaluation-harness, compared as our own are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import Json, say
from didact.errors import ConfigError
from didact.harness import import_samples
from didact.report.build import build

__all__ = ["harness_command"]


def harness_command(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL=FOLDER...",
            help="A name for each model, and what lm_eval --log_samples --output_path wrote.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run to make.")] = Path(
        "out/harness"
    ),
    as_json: Json = False,
) -> None:
    """Bring per-item results of lm-evaluation-harness into a run, and compare the models."""
    folders: dict[str, Path] = {}
    for given in results:
        name, equals, folder = given.partition("=")
        if not equals or not name or not Path(folder).exists():
            raise ConfigError(f"{given!r}: name the model and an existing folder: trained=DIR")
        if name in folders:
            raise ConfigError(f"{given!r}: the name {name!r} stands twice")
        folders[name] = Path(folder)
    found = import_samples(folders, out)
    page = build([out], out / "report.html")
    if as_json:
        print(json.dumps({**found.to_json(), "run": str(out), "report": str(page)}))
        return
    asked = ", ".join(f"{model} {count:,}" for model, count in found.models.items())
    print(f"items     {found.items:,} (answered: {asked})")
    print(f"metrics   {', '.join(found.metrics)}")
    if found.repeated:
        print(f"left out  {found.repeated:,} that ask the same as another item of their task")
    if found.no_number:
        print(f"abstained {found.no_number:,} values that are no number of an item")
    print(f"report    {page}")
    say(f"next      didact show {out}")
