"""The pages as one application: to look at data, and to rate. All work without a script.

Addresses: ``/``, ``/runs/NAME``, ``/runs/NAME/examples?q=...``, ``/runs/NAME/examples/ID`` (the
beginning of an id is enough; with ``.json`` for programs), ``/runs/NAME/rate`` and below. Nothing
here writes but the index of the examples and the ratings.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from didact.errors import DidactError
from didact.web.browse import Browse
from didact.web.builder import Builder
from didact.web.comparing import Comparing
from didact.web.guard import Guard
from didact.web.rating import Rating
from didact.web.site import Site

__all__ = ["make_app"]

_STATIC = {
    "style.css": "text/css",
    "keys.js": "text/javascript",
    "live.js": "text/javascript",
    "rate.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def make_app(folder: Path, *, hosts: Iterable[str], builder: Builder | None = None) -> Starlette:
    """The application for the runs under a folder; ``hosts`` are the addresses it answers to."""
    site = Site(folder, builder)
    pages = (Browse(site), Rating(site), Comparing(site))
    routes = [route for part in pages for route in part.routes()]
    routes.append(Route("/static/{file}", _static))
    return Starlette(
        routes=routes,
        middleware=[Middleware(cast("Any", Guard), hosts=tuple(hosts))],
        exception_handlers={
            HTTPException: site.http_error,
            DidactError: site.run_error,
            sqlite3.Error: site.run_error,
            Exception: site.error,
        },
    )


def _static(request: Request) -> Response:
    name = str(request.path_params["file"])
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(Path(__file__).with_name(name), media_type=_STATIC[name])
