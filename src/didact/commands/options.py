"""What the commands share: their arguments, how they talk, how they end when interrupted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from didact.errors import ConfigError

__all__ = [
    "File", "Json", "Out", "Overrides", "Quiet", "Retry", "RunPath", "interruptible", "say",
]  # fmt: skip

File = Annotated[Path, typer.Argument(help="The run file (YAML).", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings to override: train.lora=8"),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="The run directory; by default out/NAME, NAME from the file."),
]
Retry = Annotated[bool, typer.Option("--retry", help="Ask again the calls that failed.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def _run_path(path: Path) -> Path:
    """The path; where it is no run but a folder of runs, these are told."""
    # A run is told by its run.yaml, as everywhere; `didact serve` takes an exported model, too.
    marks = ("run.yaml", "calls.db", "export.json", "config.json")
    if path.is_dir() and not any((path / mark).exists() for mark in marks):
        runs = sorted(str(found.parent) for found in path.glob("*/run.yaml"))
        if runs:
            more = f" and {len(runs) - 8} more" if len(runs) > 8 else ""
            raise ConfigError(
                f"{path}: not a run but a folder of runs: {', '.join(runs[:8])}{more}"
            )
    return path


RunPath = Annotated[
    Path, typer.Argument(help="A run directory.", show_default=False, callback=_run_path)
]


def say(text: str, *, quiet: bool = False) -> None:
    """Tell the user something: standard output is for data."""
    if not quiet:
        print(text, file=sys.stderr)


class interruptible:
    """Ctrl-C ends with one line and the code that shells expect."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            say("\ndidact: interrupted; run the same command to continue, no call is repeated")
            raise typer.Exit(130)
