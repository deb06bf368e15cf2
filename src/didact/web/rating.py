"""The pages of raters: their studies, one task after the other, what came out.

A rater sees the texts and nothing else: no model's name, no other rater's rating, no link to a page
that has either. What came out is for whoever holds the study, and says so before it tells. A form
carries how often its rater has rated the task, so that it can be sent twice without harm.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from didact.errors import ConfigError
from didact.ratings.book import Book, Conflict
from didact.ratings.desk import desk
from didact.ratings.modes import MODES
from didact.ratings.opinions import lines
from didact.ratings.results import results
from didact.ratings.tasks import Study, make_tasks
from didact.web.marks import plain
from didact.web.overview import overview
from didact.web.site import Site, form_of

__all__ = ["Rating"]

_NAME = re.compile(r"[\w][\w .'-]{0,39}")
_ASKED = ("mode", "study", "items", "models", "seed")
_LONGEST = 24 * 3600.0
"""Seconds of a rating: more is a night in between."""


class Rating:
    """Their handlers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """Their addresses."""
        start = "/runs/{run}/rate"
        return [
            Route(start, self.studies, methods=["GET"]),
            Route(start, self.begin, methods=["POST"]),
            Route(start + "/{study}", self.study, methods=["GET"]),
            Route(start + "/{study}", self.enter, methods=["POST"]),
            Route(start + "/{study}/results", self.results),
            Route(start + "/{study}/ratings.jsonl", self.export),
            Route(start + "/{study}/by/{rater}", self.task, methods=["GET"]),
            Route(start + "/{study}/by/{rater}", self.rate, methods=["POST"]),
            Route(start + "/{study}/by/{rater}/undo", self.undo, methods=["POST"]),
        ]

    def studies(self, request: Request) -> Response:
        """The studies of a run, and a form for a new one."""
        name, path = self._site.run(request)
        return self._studies(name, path)

    def _studies(
        self, name: str, path: Path, *, trouble: str = "", asked: Mapping[str, str] | None = None
    ) -> Response:
        book = self._site.book(path, write=False)
        studies = book.studies() if book else []
        found = (
            []
            if book is None
            else [
                (
                    study,
                    MODES[study.mode],
                    len(book.tasks(study.name)),
                    len(book.raters(study.name)),
                )
                for study in studies
            ]
        )
        done = [stage.name for stage in overview(name, path).stages if stage.done]
        return self._site.page(
            "studies", status=422 if trouble else 200, title="Rate", name=name, studies=found,
            modes=MODES, done=done, trouble=trouble,
            asked={key: (asked or {}).get(key, "") for key in _ASKED},
        )  # fmt: skip

    async def begin(self, request: Request) -> Response:
        """Begin a study from the form."""
        name, path = self._site.run(request)
        form = await form_of(request)
        return await run_in_threadpool(self._begin, name, path, form)

    def _begin(self, name: str, path: Path, form: Mapping[str, str]) -> Response:
        title = plain(form.get("study", "")) or form.get("mode", "")
        if not _NAME.fullmatch(title):
            return self._studies(name, path, trouble=f"As a name: {_ALLOWED}", asked=form)
        book = self._site.book(path, write=True)
        assert book is not None
        try:
            if book.study(title):
                raise ConfigError(f"There is a study {title!r} already; name this one otherwise.")
            study = Study(
                name=title,
                mode=form.get("mode", ""),
                items=_whole(form.get("items"), "the number of items"),
                seed=_whole(form.get("seed"), "the seed") or 0,
                models=tuple(filter(None, map(str.strip, form.get("models", "").split(",")))),
            )
            book.begin(study, make_tasks(path, study))
        except ConfigError as error:
            return self._studies(name, path, trouble=str(error), asked=form)
        return _to(f"/runs/{name}/rate/{quote(title)}")

    def study(self, request: Request) -> Response:
        """What the raters are told, and where they say who they are."""
        name, _, book, study = self._study(request)
        return self._door(name, book, study)

    def _door(
        self, name: str, book: Book, study: Study, *, trouble: str = "", rater: str = ""
    ) -> Response:
        tasks = book.tasks(study.name)
        return self._site.page(
            "study", status=422 if trouble else 200, title=study.name, name=name, study=study,
            mode=MODES[study.mode], total=len(tasks),
            decoys=any(task.expected for task in tasks.values()), trouble=trouble,
            rater=rater, base=f"/runs/{name}/rate/{quote(study.name)}",
        )  # fmt: skip

    async def enter(self, request: Request) -> Response:
        """A rater says who they are."""
        form = await form_of(request)

        def find() -> Response:
            name, _, book, study = self._study(request)
            rater = plain(form.get("rater", ""))
            if not _NAME.fullmatch(rater):
                return self._door(name, book, study, trouble=_ALLOWED, rater=rater)
            rater = book.known_as(study.name, rater)
            return _to(f"/runs/{name}/rate/{quote(study.name)}/by/{quote(rater)}")

        return await run_in_threadpool(find)

    def task(self, request: Request) -> Response:
        """The next task of a rater."""
        name, _, book, study = self._study(request)
        rater = self._rater(request, book, study)
        return self._task(name, book, study, rater, as_markdown="markdown" in request.query_params)

    def _task(
        self, name: str, book: Book, study: Study, rater: str, *, as_markdown: bool = False,
        conflict: bool = False,
    ) -> Response:  # fmt: skip
        return self._site.page(
            "task", status=409 if conflict else 200, title=f"Rate as {rater}", name=name,
            desk=desk(book, study, rater), now=time.time(), conflict=conflict,
            as_markdown=as_markdown, base=f"/runs/{name}/rate/{quote(study.name)}",
            here=f"/runs/{name}/rate/{quote(study.name)}/by/{quote(rater)}",
        )  # fmt: skip

    async def rate(self, request: Request) -> Response:
        """Keep a rating; then the next task."""
        form = await form_of(request)
        return await run_in_threadpool(self._rate, request, form)

    def _rate(self, request: Request, form: Mapping[str, str]) -> Response:
        name, _, book, study = self._study(request)
        rater = self._rater(request, book, study)
        here = f"/runs/{name}/rate/{quote(study.name)}/by/{quote(rater)}"
        shown = form.get("markdown", "") == "1"
        said = MODES[study.mode].read(form)
        key, turn = form.get("task", ""), form.get("turn", "")
        if key not in book.tasks(study.name) or not re.fullmatch("[0-9]{1,6}", turn):
            raise HTTPException(400, "This is no form of this study. Open its page again.")
        if said is None:
            raise HTTPException(400, "A question has no answer. Go back and answer all of them.")
        try:
            book.rate(
                study.name, rater, key, turn=int(turn), said=said,
                flipped=form.get("flipped") == "1", seconds=_since(form.get("since", "")),
            )  # fmt: skip
        except Conflict:
            return self._task(name, book, study, rater, conflict=True)
        return _to(here + ("?markdown" if shown else ""))

    async def undo(self, request: Request) -> Response:
        """Take the last rating back."""
        form = await form_of(request)

        def take() -> Response:
            name, _, book, study = self._study(request)
            rater = self._rater(request, book, study)
            number = form.get("number", "")
            if not re.fullmatch("[0-9]{1,15}", number):
                raise HTTPException(400, "This is no form of this study. Open its page again.")
            try:
                book.undo(study.name, rater, number=int(number))
            except Conflict:
                return self._task(name, book, study, rater, conflict=True)
            return _to(f"/runs/{name}/rate/{quote(study.name)}/by/{quote(rater)}")

        return await run_in_threadpool(take)

    def results(self, request: Request) -> Response:
        """What came out; while raters are at work only on a second request."""
        name, path, book, study = self._study(request)
        found = results(book, study, path)
        return self._site.page(
            "results", title=f"Results of {study.name}", name=name, found=found,
            mode=MODES[study.mode], shown=not found.under_way or "anyway" in request.query_params,
            base=f"/runs/{name}/rate/{quote(study.name)}",
        )  # fmt: skip

    def export(self, request: Request) -> Response:
        """Every rating that stands, as JSON Lines."""
        _, _, book, study = self._study(request)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines(book, [study]))
        return Response(
            text.encode("utf-8", "replace"),
            media_type="application/jsonl",
            headers={"content-disposition": "attachment; filename=ratings.jsonl"},
        )

    def _study(self, request: Request) -> tuple[str, Path, Book, Study]:
        name, path = self._site.run(request)
        book = self._site.book(path, write=False)
        study = book.study(str(request.path_params["study"])) if book else None
        if book is None or study is None:
            raise HTTPException(404, "This run has no study of this name.")
        return name, path, book, study

    def _rater(self, request: Request, book: Book, study: Study) -> str:
        rater = str(request.path_params["rater"])
        if not _NAME.fullmatch(rater) or plain(rater) != rater:
            raise HTTPException(404, f"No rater is called so. {_ALLOWED}")
        return book.known_as(study.name, rater)


_ALLOWED = "a name has letters, digits, spaces, dots, dashes or apostrophes, 40 at most."


def _to(address: str) -> Response:
    return RedirectResponse(address, 303)


def _whole(text: str | None, what: str) -> int | None:
    text = (text or "").strip()
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ConfigError(f"As {what} only digits, not {plain(text)[:40]!r}.")
    return int(text)


def _since(text: str) -> float:
    """Seconds since the task was shown."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        return 0.0
    return min(max(time.time() - float(text), 0.0), _LONGEST)
