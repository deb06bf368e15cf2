"""``didact convert``: from one format of data to another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import Json, interruptible
from didact.convert import TARGETS, convert

__all__ = ["convert_command"]


def convert_command(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file, or a run directory.", show_default=False)
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file.", show_default=False)],
    to: Annotated[str, typer.Option(help=f"One of: {', '.join(TARGETS)}.", show_default=False)],
    origin: Annotated[
        str | None, typer.Option("--from", help="The source that reads IN, if not told from it.")
    ] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Count bad rows, and go on.")] = False,
    as_json: Json = False,
) -> None:
    """From one format of data to another; what cannot be carried is counted with its reason."""
    with interruptible():
        done = convert(source, out, to=to, source=origin, skip=skip)
    if as_json:
        print(json.dumps(done.to_json()))
        return
    for line in done.lines():
        print(line)
