"""The pages that set two runs side by side: stages, run files, data, answers."""

from __future__ import annotations

import difflib
import re
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from didact.errors import DidactError
from didact.records import digest
from didact.web.comparison import KINDS, compare, counts, items, page, stamp
from didact.web.discovery import find_runs
from didact.web.overview import overview
from didact.web.site import Site

__all__ = ["Comparing"]

_LONGEST = 100_000
"""Bytes of a run file that are compared."""


class Comparing:
    """Their handlers. What is compared lies in a folder that is gone when the server is."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = Path(tempfile.mkdtemp(prefix="didact-compare-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [Route("/compare", self.two)]

    def two(self, request: Request) -> Response:
        """Two runs, or a form to choose them."""
        asked = request.query_params
        names = [asked.get("a", ""), asked.get("b", "")]
        runs = find_runs(self._site.folder)
        if not all(names):
            return self._site.page("choose", title="Compare", runs=list(runs), names=names)
        (name_a, a), (name_b, b) = (self._site.run_called(name) for name in names)
        shown = asked.get("show", "")
        if shown and shown not in (*KINDS, "answers"):
            raise HTTPException(404, "There is no such part of a comparison.")
        data = self._has(name_a, a), self._has(name_b, b)
        if all(data):
            for name, path in ((name_a, a), (name_b, b)):
                if waiting := self._site.indexing(name, path):
                    return waiting
            file = self._folder / digest([str(a), str(b), stamp(a, b)])
            progress = self._site.builder.built(
                file, file.exists, lambda tell: compare(a, b, file, tell)
            )
            if progress is not None:
                if progress.trouble:
                    raise DidactError(progress.trouble)
                return self._site.page(
                    "indexing", title="Comparing", name=name_a, progress=progress
                )
            if shown:
                after = _number(asked.get("after"))
                return self._part(file, (name_a, a), (name_b, b), shown, after)
            numbers = dict(counts(file))
        else:
            numbers = dict[str, int]()
        both = (overview(name_a, a), overview(name_b, b))
        return self._site.page(
            "compare", title=f"{name_a} and {name_b}", runs=both, numbers=numbers, kinds=KINDS,
            files=_files(a, b),
            answers=all((path / "evaluate" / "answers.parquet").is_file() for path in (a, b)),
        )  # fmt: skip

    def _has(self, name: str, path: Path) -> bool:
        return any(stage.done for stage in overview(name, path).stages)

    def _part(
        self, file: Path, one: tuple[str, Path], two: tuple[str, Path], shown: str, after: int
    ) -> Response:
        (name_a, a), (name_b, b) = one, two
        pairs, told = [], []
        if shown == "answers":
            told, more = items(file, a, b, after=after)
            last = told[-1][0] if told else 0
        else:
            pairs, more = page(file, a, b, kind=shown, after=after)
            last = pairs[-1].n if pairs else 0
        return self._site.page(
            "pairs", title=f"{name_a} and {name_b}", names=(name_a, name_b), shown=shown,
            told=KINDS.get(shown, "answers to the same items"), pairs=pairs, items=told,
            last=last if more else 0, after=after,
        )  # fmt: skip


def _number(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else 0


def _files(a: Path, b: Path) -> Sequence[tuple[str, str]]:
    """The lines of the run files that differ: ``-`` or ``+``, and the line."""
    texts: list[list[str]] = []
    for path in (a, b):
        with (path / "run.yaml").open("rb") as file:
            texts.append(file.read(_LONGEST).decode("utf-8", "replace").splitlines())
    lines = difflib.unified_diff(texts[0], texts[1], n=0, lineterm="")
    return [
        (line[0], line[1:]) for line in lines if line[:3] not in ("---", "+++") and line[0] != "@"
    ]
