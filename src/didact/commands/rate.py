"""``didact rate``: a page for raters, the ratings as lines, and how they agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from didact.commands.options import RunPath, say
from didact.disk import storing
from didact.errors import ConfigError
from didact.ratings.book import Book
from didact.ratings.modes import MODES
from didact.ratings.opinions import lines
from didact.ratings.tasks import Study, make_tasks
from didact.records import digest
from didact.store import Run
from didact.web.command import serve
from didact.web.discovery import find_runs

__all__ = ["rate_command"]

_PORTS = range(20_000, 32_000)
"""Below those that connections take. Each run has a port of its own, so that an open page finds
its server again."""


def rate_command(
    path: RunPath,
    mode: Annotated[
        str | None,
        typer.Option(help=f"What is asked: {', '.join(MODES)}. By default levels, or audit."),
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Its name; by default that of the mode.")
    ] = None,
    items: Annotated[
        int | None, typer.Option(help="Items that are drawn: 100, and 200 for the audit.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Roles, with commas; `reference` is the right answer.")
    ] = None,
    attention: Annotated[
        int | None, typer.Option(help="Attention items; by default one in twenty.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the items and of every order.")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write every rating as JSON Lines, and end.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; by default one that stays with the run.")
    ] = None,
) -> None:
    """Rate answers or data on a page: blind, by keyboard, several raters by name."""
    Run.open(path).close()
    if export is not None:
        _export(path, export, study)
        return
    with Book.of(path) as book:
        asked = {"items": items, "attention": attention, "seed": seed}
        begun = _begun(path, book, mode, study, models, asked)
        tasks = book.tasks(begun.name)
        raters = book.raters(begun.name)
    say(
        f"study     {begun.name}: {MODES[begun.mode].title.lower()}, {len(tasks)} tasks, seed"
        f" {begun.seed}; {len(raters)} raters so far"
    )
    say(f"later     didact rate {path} --export ratings.jsonl")
    name = next(iter(find_runs(path)))
    fixed = _PORTS[int(digest(str(path.resolve()))[:8], 16) % len(_PORTS)]
    serve(path, port=port, likely=fixed, page=f"runs/{name}/rate/{quote(begun.name)}")


def _begun(
    path: Path, book: Book, mode: str | None, name: str | None, models: str | None,
    asked: dict[str, int | None],
) -> Study:  # fmt: skip
    """The study of this name, begun now or earlier."""
    if mode is not None and mode not in MODES:
        raise ConfigError(f"--mode {mode}: there are {', '.join(MODES)}")
    known = book.studies()
    if mode is None and name is None and len(known) == 1:
        name = known[0].name
    mode_now = mode or _usual(path)
    there = next((one for one in known if one.name == (name or mode_now)), None)
    given = {key: value for key, value in asked.items() if value is not None}
    if there is not None:
        wanted: dict[str, object] = {**given, **({"mode": mode} if mode else {})}
        if models is not None:
            wanted["models"] = tuple(models.split(","))
        other = {key: value for key, value in wanted.items() if getattr(there, key) != value}
        if other:
            told = ", ".join(f"{key} {getattr(there, key)}" for key in other)
            raise ConfigError(
                f"the study {there.name!r} was begun with {told}, which cannot change. Leave the"
                " option away to go on, or begin another (--study NAME)."
            )
        return there
    new = Study(
        name=name or mode_now,
        mode=mode_now,
        items=given.get("items"),
        attention=given.get("attention"),
        seed=given.get("seed", 0),
        models=tuple(part.strip() for part in models.split(",")) if models else (),
    )
    book.begin(new, make_tasks(path, new))
    return new


def _usual(path: Path) -> str:
    run = Run.open(path)
    try:
        return "levels" if run.stage("evaluate") is not None else "audit"
    finally:
        run.close()


def _export(path: Path, out: Path, name: str | None) -> None:
    with Book.of(path, write=False) as book:
        studies = [study for study in book.studies() if name in (None, study.name)]
        if not studies:
            raise ConfigError(f"{path}: no study{f' {name!r}' if name else ''} to export")
        found = lines(book, studies)
    with storing(out):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in found)
        out.write_text(text, encoding="utf-8", errors="replace")
    raters = len({str(line["rater"]) for line in found})
    say(f"ratings   {len(found)} of {raters} raters")
    if any(study.mode != "audit" for study in studies):
        entry = f"{{use: rated, path: {out.resolve()}}}"
        say(f"next      add {entry} to evaluate.with, and evaluate again")
    print(out)
