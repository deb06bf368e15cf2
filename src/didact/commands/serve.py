"""``didact serve``: the model of a run behind an OpenAI-compatible server."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from didact.commands.options import Quiet, say
from didact.serving import Server, is_local, model_of, serving

__all__ = ["serve_command"]


def serve_command(
    path: Annotated[
        Path, typer.Argument(help="A run directory, or an exported model.", show_default=False)
    ],
    model: Annotated[str, typer.Option(help="trained or base.")] = "trained",
    server: Annotated[
        Server,
        typer.Option("--with", help="auto: vLLM where it and a GPU are here, else transformers."),
    ] = "auto",
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
    quiet: Quiet = False,
) -> None:
    """Serve the model of a run (transformers serve, or vLLM) until Ctrl-C; prints its base url."""
    found = model_of(path, model)
    if not is_local(host):
        say(f"{host}: whoever can reach this machine can use the model; there is no password")
    with TemporaryDirectory(prefix="didact-serve-") as folder:
        try:
            log = Path(folder) / "server.txt"
            with serving(server, found, host=host, port=port, log=log) as served:
                print(served.url, flush=True)
                for line in served.lines():
                    say(line, quiet=quiet)
                say("Ctrl-C ends it", quiet=quiet)
                served.process.wait()
        except KeyboardInterrupt:
            say("\nserver ended", quiet=quiet)
            raise typer.Exit(130) from None
