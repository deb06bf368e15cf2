"""``didact open``: serve the pages of a run, or of every run of a folder, until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Annotated

import typer

from didact.errors import DidactError
from didact.web.discovery import find_runs

__all__ = ["open_command", "serve"]


def open_command(
    path: Annotated[
        Path, typer.Argument(help="A run directory, or a folder of them.", show_default=False)
    ],
    port: Annotated[int, typer.Option(help="The port; 0 takes one that is free.")] = 0,
) -> None:
    """Look at runs and their examples in a browser; nobody but this machine is served."""
    serve(path, port=port)


def serve(folder: Path, *, port: int | None = 0, likely: int = 0, page: str = "") -> None:
    """Serve on 127.0.0.1 until interrupted; the address goes to standard output.

    Without a ``port`` the ``likely`` one is taken, or any when somebody has it. ``page`` is what
    the address printed leads to.
    """
    runs = find_runs(folder)
    try:
        import uvicorn

        from didact.web.app import make_app
    except ModuleNotFoundError as error:
        raise DidactError(
            f"the page needs {error.name}, which is not installed: pip install 'didact[web]'"
        ) from error
    with _door(port, likely) as door:
        port = door.getsockname()[1]
        app = make_app(folder, hosts=(f"127.0.0.1:{port}", f"localhost:{port}"))
        config = uvicorn.Config(
            app, log_level="warning", server_header=False, access_log=False, lifespan="off"
        )
        typer.echo(f"http://127.0.0.1:{port}/{page}")
        typer.echo(f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}; Ctrl-C ends", err=True)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[door])


def _door(port: int | None, likely: int) -> socket.socket:
    for number in (likely, 0) if port is None else (port,):
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", number))
        except (OSError, OverflowError) as error:
            door.close()
            if port is not None:
                raise DidactError(f"port {port} cannot be used ({error}); try another") from error
        else:
            # Whoever reads the address may connect at once.
            door.listen(128)
            return door
    raise DidactError("no port is free")
