"""``didact calls export`` and ``import``: the calls of a run as JSONL, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import RunPath, say
from didact.transfer import export_calls, import_calls

__all__ = ["calls"]

calls = typer.Typer(no_args_is_help=True, help="The calls of a run as JSONL, and back.")


@calls.command("export")
def calls_export(
    run: RunPath,
    file: Annotated[Path, typer.Argument(help="The JSONL file to write.", show_default=False)],
) -> None:
    """Write every call of a run as JSON, one call a line."""
    count = export_calls(run, file)
    say(f"{count} calls in {file}\nnext      didact calls import {file} RUN")


@calls.command("import")
def calls_import(
    file: Annotated[Path, typer.Argument(help="A JSONL file of calls.", show_default=False)],
    run: Annotated[
        Path, typer.Argument(help="A run directory, made if need be.", show_default=False)
    ],
) -> None:
    """Give the calls of a file to a run, all or none: it replays them instead of asking."""
    done = import_calls(file, run)
    say(f"{done.added} calls added, {done.here} were there already")
    say(f"next      didact run FILE --out {run}")
