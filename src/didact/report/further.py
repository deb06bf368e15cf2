"""The sections about the filters and about contamination: what they show, from a run's facts.

``filters.html.j2`` and ``touched.html.j2`` write them into the page.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from didact.components import name_of, numbered
from didact.context import Filter
from didact.judge_audit import JudgeAudit
from didact.ledger import Ledger
from didact.records import JSON, Example, Message
from didact.report.filters import (
    Beside,
    Cost,
    Edge,
    Overlap,
    Truth,
    alone,
    costs,
    edges,
    judges_alone,
    overlaps,
    truths,
    with_seen,
)
from didact.report.margins import beside
from didact.report.reading import Facts
from didact.stats.contamination import Parted, part_scores
from didact.touched import Touched

__all__ = ["FilterSection", "Meeting", "Section", "TouchedSection", "further"]

_MOST = 20_000
"""Examples that are judged anew for the page; of more a random sample is, for the overlap."""
_BRIEF = 140
"""Characters of a text in a table; `didact show` prints the whole."""
_LISTED = 50
"""Touched items that the page lists; ``touched.json`` has all."""


class Section(NamedTuple):
    """A section of the page."""

    anchor: str
    name: str
    template: str
    value: FilterSection | TouchedSection


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSection:
    """What the page says of the filters."""

    costs: Sequence[Cost]
    ledger: Ledger
    truths: Sequence[Truth]
    """Of a run of the microworld, whose auditor knows what is wrong."""
    overlaps: Sequence[Overlap]
    seen_alone: int
    """Examples that the filters judged alone for the overlap."""
    not_alone: Sequence[str]
    """Filters that could not: they ask a model or take a number."""
    edges: Sequence[Edge]
    audits: Sequence[tuple[str, JudgeAudit]]
    """Judges that were tried on labelled examples before they decided."""
    unread: Sequence[tuple[str, str, int]]
    """Filter, what was wrong with a reply that gave no rating, and how many such there were."""

    @staticmethod
    def brief(example: Example) -> str:
        """What was asked and what was answered, in a line."""
        return f"{_line(example.prompt, _BRIEF)} ⇒ {_line(example.messages[-1:], _BRIEF)}"

    @property
    def ask(self) -> bool:
        """Whether any filter asked a model."""
        return any(cost.calls for cost in self.costs)


class Meeting(NamedTuple):
    """A test item and the training example that touches it."""

    item: Example
    example: Example | None
    by: str
    score: float
    span: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedSection:
    """What the page says of training data that touches test items."""

    found: Touched
    meetings: Sequence[Meeting]
    """The worst of them."""
    parts: Sequence[Parted]
    """None where nothing is touched: there is nothing to split."""

    @staticmethod
    def asked(example: Example) -> str:
        """What was asked, in a line."""
        return _line(example.prompt, 2 * _BRIEF)


def _line(messages: Sequence[Message], most: int) -> str:
    text = " ".join(" ".join(message.content for message in messages).split())
    return text if len(text) <= most else f"{text[:most]}…"


def further(facts: Facts) -> tuple[Section, ...]:
    """The sections, as far as there is anything to tell."""
    found: list[Section] = []
    if facts.verdicts:
        found.append(
            Section("filters", "Filters", "filters.html.j2", _filters(facts, facts.filters))
        )
    if facts.touched is not None:
        found.append(
            Section("touched", "Contamination", "touched.html.j2", _touched(facts, facts.touched))
        )
    return tuple(found)


def _filters(facts: Facts, filters: Sequence[Filter]) -> FilterSection:
    judged = _sampled(facts)
    kept = alone(filters, judged, facts.primer, facts.items)
    shared = [
        overlap
        for overlap in overlaps(with_seen(kept, facts.verdicts))
        if (overlap.both or overlap.only_first) and (overlap.both or overlap.only_second)
    ]
    names = numbered([name_of(component) for component in filters])
    return FilterSection(
        costs=costs(facts.ledger, facts.verdicts),
        ledger=facts.ledger,
        truths=truths(facts.verdicts, facts.examples) if _microworld(facts) else (),
        overlaps=shared,
        seen_alone=len(judged) if kept else 0,
        not_alone=[name for name, one in zip(names, filters, strict=True) if not judges_alone(one)],
        edges=edges(facts.verdicts, facts.examples, beside=_beside(facts, filters)),
        audits=[
            (name, JudgeAudit.from_json(found))
            for name, told in _told(facts)
            if isinstance(found := told.get("audit"), dict)
        ],
        unread=[
            (name, reason, number)
            for name, told in _told(facts)
            if isinstance(found := told.get("unread"), dict)
            for reason, number in found.items()
            if isinstance(number, int)
        ],
    )


def _told(facts: Facts) -> list[tuple[str, Mapping[str, JSON]]]:
    return [(name, told) for name, told in facts.sifted.items() if isinstance(told, dict)]


def _sampled(facts: Facts) -> Sequence[Example]:
    if len(facts.examples) <= _MOST:
        return facts.examples
    places = random.Random(f"{facts.seed}-overlap").sample(range(len(facts.examples)), _MOST)
    return [facts.examples[place] for place in sorted(places)]


def _beside(facts: Facts, filters: Sequence[Filter]) -> Mapping[str, Beside]:
    """For every filter that dropped something what it kept, scored."""
    dropping = {name for _, name, verdict in facts.verdicts if not verdict.keep}
    by_id = {example.id: example for example in facts.examples}
    found: dict[str, Beside] = {}
    for name, component in zip(numbered([name_of(one) for one in filters]), filters, strict=True):
        if name not in dropping:
            continue
        kept = [by_id[key] for key, one, v in facts.verdicts if one == name and v.keep]
        if len(kept) > _MOST:
            continue
        given = beside(component, kept, seeds=facts.primer, items=facts.items)
        if given is not None:
            found[name] = given
    return found


def _microworld(facts: Facts) -> bool:
    """Whether the auditor knows the world of this run."""
    evaluate = facts.settings.get("evaluate")
    on = evaluate.get("on") if isinstance(evaluate, dict) else None
    use = on.get("use") if isinstance(on, dict) else on
    return bool(facts.audit) or use == "microworld"


def _touched(facts: Facts, found: Touched) -> TouchedSection:
    items = {item.id: item for item in facts.items}
    examples = {example.id: example for example in facts.kept}
    metrics = list(dict.fromkeys(score.metric for score in facts.scores))
    worst = sorted(found.touches.values(), key=lambda touch: -touch.score)
    return TouchedSection(
        found=found,
        meetings=[
            Meeting(items[t.item], examples.get(t.example), t.by, t.score, t.span)
            for t in worst[:_LISTED]
            if t.item in items
        ],
        parts=sorted(
            part_scores(facts.scores, found.touches, facts.families) if worst else (),
            key=lambda part: metrics.index(part.metric),
        ),
    )
