"""Who said what of the data: people's answers to the three questions, from the page or a file.

Those of the page come out of ``ratings.db``, studies of the mode ``audit``; those of a file are
what ``didact rate --export`` writes, or rows of an example's id, a rater and three answers. Cost:
no calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from didact.errors import ConfigError
from didact.formats.containers import BadRow, rows_of
from didact.ratings.book import FILE, Book
from didact.ratings.opinions import opinions
from didact.text.three_questions import QUESTIONS

__all__ = ["Said", "answers_of_book", "answers_of_file", "majority"]

Said: TypeAlias = "Mapping[str, tuple[bool | None, ...]]"
"""Example id to what was said to each question; None where it was left open."""


def answers_of_book(path: Path) -> dict[str, Said]:
    """What people said on the page, by rater; attention items are not of the data."""
    if not (path / FILE).is_file():
        return {}
    people: dict[str, dict[str, tuple[bool | None, ...]]] = {}
    with Book.of(path, write=False) as book:
        for study in (study for study in book.studies() if study.mode == "audit"):
            for one in opinions(book, study):
                if one.passed is None:
                    people.setdefault(one.rater, {})[one.task.example_id] = _three(one.said)
    return dict(people)


def answers_of_file(file: Path) -> dict[str, Said]:
    """Rows of ``didact rate --export``, or of id, rater and the three questions."""
    people: dict[str, dict[str, tuple[bool | None, ...]]] = {}
    for line, row in rows_of(file):
        if isinstance(row, BadRow):
            raise ConfigError(f"{file}, line {line}: {row.message}")
        given = cast("Mapping[str, Any]", row)
        said = given.get("said") if isinstance(given.get("said"), dict) else given
        key = given.get("example_id") or given.get("id")
        if given.get("mode", "audit") != "audit" or given.get("attention"):
            continue
        if not isinstance(key, str) or not set(QUESTIONS) <= cast("dict[str, Any]", said).keys():
            raise ConfigError(
                f"{file}, line {line}: needs example_id and {', '.join(QUESTIONS)} (yes, no, null)"
            )
        people.setdefault(str(given.get("rater", "people")), {})[key] = _three(
            cast("dict[str, Any]", said)
        )
    if not people:
        raise ConfigError(f"{file}: there is no rating of the data in it")
    return dict(people)


def _three(said: Mapping[str, object]) -> tuple[bool | None, ...]:
    words = {"yes": True, "no": False, True: True, False: False}
    return tuple(words.get(cast("str", said.get(question))) for question in QUESTIONS)


def majority(people: Sequence[Said]) -> Said:
    """What most of those who answered say; a tie is left open."""
    found: dict[str, tuple[bool | None, ...]] = {}
    for key in dict.fromkeys(key for said in people for key in said):
        votes = [said[key] for said in people if key in said]
        found[key] = tuple(_most([vote[n] for vote in votes]) for n in range(len(QUESTIONS)))
    return found


def _most(votes: Sequence[bool | None]) -> bool | None:
    yes, no = votes.count(True), votes.count(False)
    return None if yes == no else yes > no
