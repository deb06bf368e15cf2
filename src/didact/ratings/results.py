"""What came out of a study: every model with an interval, and how the raters agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.ratings.agreement import (
    Against,
    Agreement,
    Attention,
    against_people,
    agreement,
    attention,
)
from didact.ratings.book import Book
from didact.ratings.desk import desk
from didact.ratings.modes import MODES
from didact.ratings.opinions import Opinion, opinions
from didact.ratings.tasks import Study
from didact.records import Score
from didact.stats.bootstrap import Interval, bootstrap
from didact.store import Run

__all__ = ["Outcome", "Results", "results"]

_SEED = 0
_FINISHED = 2
"""Raters who must be done before agreement is told."""
_GOOD: Mapping[str, Sequence[tuple[str, frozenset[str]]]] = {
    "levels": (("A", frozenset("A")), ("A or B", frozenset("AB"))),
    "audit": (("yes", frozenset({"yes"})),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One line: a model, or a question about the data."""

    name: str
    counts: Mapping[str, int]
    """What was said and how often, over all raters."""
    shares: Mapping[str, Interval]
    """What is looked for (``A or B``, ``better``, ``yes``): its share, whole items drawn."""
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A study so far."""

    study: Study
    total: int
    """Tasks of a rater."""
    under_way: Mapping[str, int]
    """Raters who are not done, and how many they have rated."""
    finished: Sequence[str]
    outcomes: Sequence[tuple[str, Sequence[Outcome]]]
    """Question, and a line for each model."""
    agreed: Sequence[Agreement]
    careful: Sequence[Attention]
    judges: Sequence[Against]

    @property
    def ready(self) -> bool:
        """Whether enough raters are done to tell how they agree."""
        return len(self.finished) >= _FINISHED


def results(book: Book, study: Study, run: Path) -> Results:
    """Everything there is to tell; agreement only once two raters are done."""
    found = opinions(book, study)
    desks = [desk(book, study, rater) for rater in book.raters(study.name)]
    finished = [one.rater for one in desks if one.finished]
    ready = len(finished) >= _FINISHED
    return Results(
        study=study,
        total=len(book.tasks(study.name)),
        under_way={one.rater: one.done for one in desks if not one.finished},
        finished=finished,
        outcomes=_outcomes(study, found),
        agreed=agreement(study, found) if ready else (),
        careful=attention(found),
        judges=against_people(study, found, _scores(run)) if ready else (),
    )


def _scores(run: Path) -> Sequence[Score]:
    opened = Run.open(run)
    try:
        return opened.scores() if opened.stage("evaluate") is not None else ()
    finally:
        opened.close()


def _outcomes(study: Study, found: Sequence[Opinion]) -> Sequence[tuple[str, Sequence[Outcome]]]:
    real = [opinion for opinion in found if opinion.passed is None]
    tables: list[tuple[str, Sequence[Outcome]]] = []
    for question in MODES[study.mode].questions:
        said: dict[str, list[tuple[str, str, float]]] = {}
        for opinion in real:
            value = opinion.said.get(question.name)
            if value is not None:
                for name, told, worth in _told(study, question.name, opinion, value):
                    said.setdefault(name, []).append((opinion.task.example_id, told, worth))
        lines = [_outcome(study, name, rows) for name, rows in sorted(said.items())]
        tables.append((question.text, lines))
    return tables


def _told(
    study: Study, question: str, opinion: Opinion, value: str
) -> list[tuple[str, str, float]]:
    """Name of the line, what was said of it, and what it is worth."""
    if study.mode == "audit":
        return [(question, value, 0.0)]
    if study.mode == "levels":
        return [(opinion.task.sides[0].model, value, 0.0)]
    return [
        (side.model, "tie" if value == "tie" else "better" if value == side.model else "worse",
         0.5 if value == "tie" else float(value == side.model))
        for side in opinion.task.sides
    ]  # fmt: skip


def _outcome(study: Study, name: str, rows: Sequence[tuple[str, str, float]]) -> Outcome:
    items = [item for item, _, _ in rows]
    sought = _GOOD.get(study.mode)
    values = (
        {label: [float(told in good) for _, told, _ in rows] for label, good in sought}
        if sought
        else {"better, ties as a half": [worth for _, _, worth in rows]}
    )
    order = ("A", "B", "C", "D", "better", "tie", "worse", "yes", "no")
    counts = Counter(told for _, told, _ in rows)
    return Outcome(
        name=name,
        counts={told: counts[told] for told in order if told in counts},
        # Raters of one item are not independent of each other: whole items are drawn.
        shares={
            label: bootstrap(data, seed=_SEED, clusters=items, resamples=2000)
            for label, data in values.items()
        },
        items=len(set(items)),
    )
