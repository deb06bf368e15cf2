"""What one rater sees next, how far they are and how long the rest takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from didact.ratings.book import Book, Event
from didact.ratings.modes import MODES, Mode
from didact.ratings.order import flipped, in_order
from didact.ratings.tasks import Side, Study, Task

__all__ = ["Desk", "desk"]

_TOLD_FROM = 3
"""Ratings before the time left is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The work of one rater, as it stands."""

    study: Study
    mode: Mode
    rater: str
    done: int
    total: int
    key: str
    """The next task; "" when all are done."""
    task: Task | None
    turn: int
    """Rows of this rater on the task: more than none after an undo."""
    flipped: bool
    before: Mapping[str, str]
    """What was said of the task before it was taken back."""
    last: Event | None
    """The rating that can be undone."""
    seconds_left: float | None
    """None while too few are done to tell."""

    @property
    def sides(self) -> Sequence[Side]:
        """The answers as this rater sees them, left to right."""
        if self.task is None:
            return ()
        return self.task.sides[::-1] if self.flipped else self.task.sides

    @property
    def finished(self) -> bool:
        """Whether every task has a rating."""
        return self.task is None


def desk(book: Book, study: Study, rater: str) -> Desk:
    """The next task of a rater: the first, in their own order, without a rating that stands."""
    tasks = book.tasks(study.name)
    order, turned = _plan(tuple(tasks), study.seed, study.name, rater)
    events = book.events(study.name, rater)
    standing: dict[str, Event] = {}
    past: dict[str, list[Event]] = {}
    for event in events:
        past.setdefault(event.task, []).append(event)
        standing.pop(event.task, None)
        if event.said is not None:
            standing[event.task] = event
    key = next((key for key in order if key not in standing), "")
    times = [event.seconds for event in standing.values()]
    left = len(tasks) - len(standing)
    said = [event.said for event in past.get(key, ()) if event.said is not None]
    return Desk(
        study=study,
        mode=MODES[study.mode],
        rater=rater,
        done=len(standing),
        total=len(tasks),
        key=key,
        task=tasks.get(key),
        turn=len(past.get(key, ())),
        flipped=key in turned,
        before=said[-1] if said else {},
        last=next(reversed(standing.values()), None),
        # The median: somebody went for lunch.
        seconds_left=median(times) * left if len(times) >= _TOLD_FROM else None,
    )


@lru_cache(maxsize=256)
def _plan(
    keys: tuple[str, ...], seed: int, study: str, rater: str
) -> tuple[list[str], frozenset[str]]:
    return (
        in_order(keys, seed=seed, study=study, rater=rater),
        flipped(keys, seed=seed, study=study, rater=rater),
    )
