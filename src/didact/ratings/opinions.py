"""Ratings in terms of what was rated, not of what was left or right; as lines to export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from didact.ratings.book import Book, Event
from didact.ratings.modes import OPEN
from didact.ratings.tasks import Study, Task
from didact.records import JSON

__all__ = ["Opinion", "lines", "opinions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One rating that stands, with the names of the models."""

    rater: str
    key: str
    task: Task
    said: Mapping[str, str | None]
    """Question to: a level, a model or ``tie``, ``yes`` or ``no``; None where left open."""
    event: Event

    @property
    def passed(self) -> bool | None:
        """Whether an attention item was answered as it must be; None for all others."""
        if self.task.expected is None:
            return None
        return all(self.said.get(name) in known for name, known in self.task.expected.items())


def opinions(book: Book, study: Study) -> list[Opinion]:
    """Every rating that stands, in the order they were given."""
    tasks = book.tasks(study.name)
    found = [
        _opinion(event, tasks[event.task])
        for rater in book.raters(study.name)
        for event in book.standing(study.name, rater).values()
        if event.task in tasks
    ]
    return sorted(found, key=lambda opinion: opinion.event.number)


def _opinion(event: Event, task: Task) -> Opinion:
    shown = task.sides[::-1] if event.flipped else task.sides
    said: dict[str, str | None] = {}
    for question, value in (event.said or {}).items():
        if value == OPEN:
            said[question] = None
        elif value in ("left", "right"):
            said[question] = shown[value == "right"].model
        else:
            said[question] = value
    return Opinion(rater=event.rater, key=event.task, task=task, said=said, event=event)


def lines(book: Book, studies: Sequence[Study]) -> list[dict[str, JSON]]:
    """One object for each rating that stands, studies in order."""
    return [
        {
            "study": study.name,
            "mode": study.mode,
            "rater": opinion.rater,
            "task": opinion.key,
            "example_id": opinion.task.example_id,
            "answers": [
                {"model": side.model, "id": side.id}
                for side in (
                    opinion.task.sides[::-1] if opinion.event.flipped else opinion.task.sides
                )
            ],
            "said": dict(opinion.said),
            "attention": None if opinion.passed is None else {"passed": opinion.passed},
            "seconds": round(opinion.event.seconds, 3),
            "at": opinion.event.at,
            "number": opinion.event.number,
        }
        for study in studies
        for opinion in opinions(book, study)
    ]
