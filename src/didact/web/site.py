"""What all pages share: the folder of runs, the templates, the indexes, the ratings, the errors."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from didact.errors import DidactError, StoreError
from didact.ratings.book import FILE, Book
from didact.web.builder import Builder
from didact.web.discovery import find_runs
from didact.web.texts import environment, release

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Site", "form_of"]

_WORDS = {
    400: "Not understood",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Rated otherwise already",
    413: "Too much",
    422: "This cannot be shown",
    500: "Something went wrong",
}
_MOST = 1 << 16
"""Bytes of a form."""


class Site:
    """The pages' common ground. Threads share it."""

    def __init__(self, folder: Path, builder: Builder | None = None) -> None:
        self.folder = folder
        self.builder = builder or Builder()
        self._templates = environment()
        self._books: dict[Path, Book] = {}
        self._lock = threading.Lock()

    def run(self, request: Request, part: str = "run") -> tuple[str, Path]:
        """The run that the address names: its name here and its directory."""
        return self.run_called(str(request.path_params[part]))

    def run_called(self, name: str) -> tuple[str, Path]:
        """The run of this name; 404 where there is none."""
        path = find_runs(self.folder).get(name)
        if path is None:
            raise HTTPException(404, "There is no run of this name here.")
        return name, path

    def book(self, path: Path, *, write: bool) -> Book | None:
        """The ratings of a run; None where there are none and none are to be written."""
        with self._lock:
            book = self._books.get(path)
            if book is None and (write or (path / FILE).is_file()):
                # Opened to write where that is possible: a reader of a log that is being written
                # needs to lock it.
                try:
                    book = self._books[path] = Book.of(path)
                except StoreError:
                    if write:
                        raise
                    book = self._books[path] = Book.of(path, write=False)
            return book

    def indexing(self, name: str, path: Path) -> Response | None:
        """The page to wait on while the index of a run is built; None when it is there."""
        progress = self.builder.ready(path)
        if progress is None:
            return None
        if progress.trouble:
            raise DidactError(progress.trouble)
        return self.page("indexing", title="Indexing", name=name, progress=progress)

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """A rendered template."""
        return HTMLResponse(self.rendered(template, **values).encode("utf-8", "replace"), status)

    def rendered(self, template: str, **values: object) -> str:
        """The HTML of a template."""
        return self._templates.get_template(f"{template}.html.j2").render(
            version=release(), **values
        )

    def http_error(self, _request: Request, error: Exception) -> Response:
        """For what a handler refuses."""
        found = cast("HTTPException", error)
        return self.trouble(found.status_code, found.detail, found.headers)

    def run_error(self, _request: Request, error: Exception) -> Response:
        """For a run that cannot be read."""
        return self.trouble(422, str(error))

    def error(self, _request: Request, _error: Exception) -> Response:
        """For what nobody expected."""
        return self.trouble(500, "The terminal that runs didact shows what happened.")

    def trouble(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
        """The page of an error."""
        title = _WORDS.get(status, "Refused")
        response = self.page("error", status=status, title=title, text=text)
        response.headers.update(headers or {})
        return response


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent, the first of each name; 413 where it is too long."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST:
            raise HTTPException(413, f"A form of this page is shorter than {_MOST} bytes.")
    try:
        pairs = parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=100
        )
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    return dict(reversed(pairs))
