"""The pages: runs, one run, its examples, the life of one example. All work without a script.

Addresses: ``/``, ``/runs/NAME``, ``/runs/NAME/examples?q=...``, ``/runs/NAME/examples/ID`` (the
beginning of an id is enough) and the same with ``.json`` for programs. Nothing here writes but the
index of the examples.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from didact.errors import DidactError
from didact.web.builder import Builder
from didact.web.discovery import find_runs
from didact.web.guard import Guard
from didact.web.index import index_path, opened
from didact.web.lifepage import LifePage, life_page
from didact.web.overview import overview
from didact.web.search import Query, by_id, facets, find
from didact.web.texts import environment, release

__all__ = ["make_app"]

_STATIC = {"style.css": "text/css", "keys.js": "text/javascript", "icon.svg": "image/svg+xml"}
_WORDS = {
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    422: "This run cannot be read",
    500: "Something went wrong",
}


def make_app(folder: Path, *, hosts: Iterable[str], builder: Builder | None = None) -> Starlette:
    """The application for the runs under a folder; ``hosts`` are the addresses it answers to."""
    pages = _Pages(folder, builder or Builder())
    routes = [
        Route("/", pages.runs),
        Route("/runs/{run}", pages.run),
        Route("/runs/{run}/examples", pages.examples),
        Route("/runs/{run}/examples/{id}.json", pages.example_json),
        Route("/runs/{run}/examples/{id}", pages.example),
        Route("/static/{file}", _static),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(cast("Any", Guard), hosts=tuple(hosts))],
        exception_handlers={
            HTTPException: pages.http_error,
            DidactError: pages.run_error,
            sqlite3.Error: pages.run_error,
            Exception: pages.error,
        },
    )


class _Pages:
    def __init__(self, folder: Path, builder: Builder) -> None:
        self._folder = folder
        self._builder = builder
        self._templates = environment()

    def runs(self, _request: Request) -> Response:
        found = [overview(name, path) for name, path in find_runs(self._folder).items()]
        return self._page("runs", title="Runs", runs=found, folder=str(self._folder))

    def run(self, request: Request) -> Response:
        name, path = self._run(request)
        found = overview(name, path)
        return self._page("run", title=found.title, run=found)

    def examples(self, request: Request) -> Response:
        name, path = self._run(request)
        if waiting := self._indexing(name, path):
            return waiting
        query = Query.of(request.query_params)
        with opened(index_path(path)) as index:
            found = find(index, query)
            return self._page(
                "examples", title=f"Examples of {name}", name=name, query=query, found=found,
                facets=facets(index),
            )  # fmt: skip

    def example(self, request: Request) -> Response:
        return self._example(
            request, lambda name, life: self._page("example", title=life.id, name=name, life=life)
        )

    def example_json(self, request: Request) -> Response:
        def whole(_name: str, life: LifePage) -> Response:
            text = json.dumps(life.example.to_json(), indent=2)
            return Response(text, media_type="application/json")

        return self._example(request, whole)

    def _example(self, request: Request, show: Callable[[str, LifePage], Response]) -> Response:
        name, path = self._run(request)
        beginning = str(request.path_params["id"])
        if not re.fullmatch(r"[0-9a-f]{4,32}", beginning):
            raise HTTPException(404, "An id is 4 to 32 hexadecimal digits.")
        if waiting := self._indexing(name, path):
            return waiting
        with opened(index_path(path)) as index:
            lines = by_id(index, beginning)
            ids = list(dict.fromkeys(str(line["id"]) for line in lines))
            if not ids:
                raise HTTPException(404, f"No example of this run begins with {beginning}.")
            if len(ids) > 1:
                return self._page("several", title="Several examples", name=name, lines=lines)
            if ids[0] != beginning and not request.url.path.endswith(".json"):
                return RedirectResponse(f"/runs/{name}/examples/{ids[0]}")
            return show(name, life_page(index, path, lines))

    def _run(self, request: Request) -> tuple[str, Path]:
        name = str(request.path_params["run"])
        path = find_runs(self._folder).get(name)
        if path is None:
            raise HTTPException(404, "There is no run of this name here.")
        return name, path

    def _indexing(self, name: str, path: Path) -> Response | None:
        progress = self._builder.ready(path)
        if progress is None:
            return None
        if progress.trouble:
            raise DidactError(progress.trouble)
        return self._page("indexing", title="Indexing", name=name, progress=progress)

    def _page(self, template: str, *, status: int = 200, **values: object) -> Response:
        html = self._templates.get_template(f"{template}.html.j2").render(
            version=release(), **values
        )
        return HTMLResponse(html.encode("utf-8", "replace"), status)

    def http_error(self, _request: Request, error: Exception) -> Response:
        found = cast("HTTPException", error)
        return self._trouble(found.status_code, found.detail, found.headers)

    def run_error(self, _request: Request, error: Exception) -> Response:
        return self._trouble(422, str(error))

    def error(self, _request: Request, _error: Exception) -> Response:
        return self._trouble(500, "The terminal that runs didact shows what happened.")

    def _trouble(
        self, status: int, text: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        title = _WORDS.get(status, "Refused")
        response = self._page("error", status=status, title=title, text=text)
        response.headers.update(headers or {})
        return response


def _static(request: Request) -> Response:
    name = str(request.path_params["file"])
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(Path(__file__).with_name(name), media_type=_STATIC[name])
