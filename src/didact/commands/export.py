"""``didact export``: the model of a run for other programs, or its data for other trainers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import Json, RunPath, interruptible
from didact.exports.export import Options
from didact.exports.targets import TARGETS, export

__all__ = ["export_command"]


def export_command(
    path: RunPath,
    to: Annotated[str, typer.Option(help=f"One of: {', '.join(TARGETS)}.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder; by default RUN/exports/TARGET.")
    ] = None,
    least_agreement: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of tokens that must agree, in place of the target's own bar."
        ),
    ] = None,
    converter: Annotated[
        Path | None,
        typer.Option(help="gguf, ollama: llama.cpp's convert_hf_to_gguf.py, if not on PATH."),
    ] = None,
    outtype: Annotated[
        str, typer.Option(help="gguf, ollama: f32, f16, bf16, q8_0 or what the converter knows.")
    ] = "auto",
    repo: Annotated[str | None, typer.Option(help="hub: OWNER/NAME.")] = None,
    public: Annotated[bool, typer.Option("--public", help="hub: for everybody to see.")] = False,
    as_json: Json = False,
) -> None:
    """The model of a run for other programs, checked for parity; or its data for other trainers."""
    options = Options(
        least=least_agreement,
        converter=converter,
        outtype=outtype,
        repo=repo,
        private=not public,
    )
    with interruptible():
        done = export(path, to, out, options)
    if as_json:
        print(json.dumps(done.to_json()))
        return
    for line in done.lines():
        print(line)
