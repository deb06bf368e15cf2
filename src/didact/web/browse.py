"""The pages to look at data: runs, one run, its examples, the life of one example."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from didact.web.discovery import find_runs
from didact.web.guard import REPORT_POLICY
from didact.web.index import index_path, opened
from didact.web.lifepage import LifePage, life_page
from didact.web.overview import overview
from didact.web.search import Query, by_id, facets, find, measured
from didact.web.similar import similar
from didact.web.site import Site
from didact.web.stagecharts import figures

__all__ = ["Browse"]


class Browse:
    """Their handlers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/", self.runs),
            Route("/runs/{run}", self.run),
            Route("/runs/{run}/live", self.live),
            Route("/runs/{run}/report", self.report),
            Route("/runs/{run}/examples", self.examples),
            Route("/runs/{run}/examples/{id}/similar", self.similar),
            Route("/runs/{run}/examples/{id}.json", self.example_json),
            Route("/runs/{run}/examples/{id}", self.example),
        ]

    def runs(self, _request: Request) -> Response:
        """Every run of the folder."""
        folder = self._site.folder
        found = [overview(name, path) for name, path in find_runs(folder).items()]
        return self._site.page("runs", title="Runs", runs=found, folder=str(folder))

    def run(self, request: Request) -> Response:
        """One run, as far as it has come."""
        name, path = self._site.run(request)
        found = overview(name, path)
        return self._site.page(
            "run", title=found.title, run=found, figures=figures(found),
            reported=(path / "report.html").is_file(),
        )  # fmt: skip

    def live(self, request: Request) -> Response:
        """The part of a run's page that changes; nothing (204) once nobody works on the run."""
        name, path = self._site.run(request)
        found = overview(name, path)
        return self._site.page("live", run=found) if found.running else Response(status_code=204)

    def report(self, request: Request) -> Response:
        """The report of a run as it lies there: it may look as it likes and do nothing."""
        _, path = self._site.run(request)
        file = path / "report.html"
        if not file.is_file():
            raise HTTPException(404, "This run has no report; didact report RUN writes one.")
        return FileResponse(
            file, media_type="text/html", headers={"content-security-policy": REPORT_POLICY}
        )

    def examples(self, request: Request) -> Response:
        """A page of the examples that match."""
        name, path = self._site.run(request)
        if waiting := self._site.indexing(name, path):
            return waiting
        query = Query.of(request.query_params)
        with opened(index_path(path)) as index:
            found = find(index, query)
            return self._site.page(
                "examples", title=f"Examples of {name}", name=name, query=query, found=found,
                facets=facets(index), scores=measured(index),
            )  # fmt: skip

    def example(self, request: Request) -> Response:
        """The life of one example."""

        def show(name: str, life: LifePage, _index: sqlite3.Connection) -> Response:
            return self._site.page(
                "example", title=life.id, name=name, life=life,
                as_markdown="markdown" in request.query_params,
            )  # fmt: skip

        return self._example(request, show)

    def similar(self, request: Request) -> Response:
        """The examples that share the rarest words with one."""

        def near(name: str, life: LifePage, index: sqlite3.Connection) -> Response:
            return self._site.page(
                "similar", title=f"Like {life.id}", name=name, life=life,
                found=similar(index, life.line, life.example),
            )  # fmt: skip

        return self._example(request, near)

    def example_json(self, request: Request) -> Response:
        """The whole of one example for a program."""

        def whole(_name: str, life: LifePage, _index: sqlite3.Connection) -> Response:
            text = json.dumps(life.example.to_json(), indent=2)
            return Response(text, media_type="application/json")

        return self._example(request, whole)

    def _example(
        self, request: Request, show: Callable[[str, LifePage, sqlite3.Connection], Response]
    ) -> Response:
        name, path = self._site.run(request)
        beginning = str(request.path_params["id"])
        if not re.fullmatch(r"[0-9a-f]{4,32}", beginning):
            raise HTTPException(404, "An id is 4 to 32 hexadecimal digits.")
        if waiting := self._site.indexing(name, path):
            return waiting
        with opened(index_path(path)) as index:
            lines = by_id(index, beginning)
            ids = list(dict.fromkeys(str(line["id"]) for line in lines))
            if not ids:
                raise HTTPException(404, f"No example of this run begins with {beginning}.")
            if len(ids) > 1:
                return self._site.page("several", title="Several examples", name=name, lines=lines)
            if ids[0] != beginning and not request.url.path.endswith((".json", "/similar")):
                return RedirectResponse(f"/runs/{name}/examples/{ids[0]}")
            return show(name, life_page(index, path, lines), index)
