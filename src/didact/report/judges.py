"""What is known of the judges of a run: how they judged, who won, and whether to believe them.

Read from what the evaluators noted while they judged (``evaluate/statistics.json``): verdicts that
turn with the order, the pull of length, their own answers, asking again; wins, ties and losses of
every pair of models; a Bradley-Terry ranking; win rates; and, where people rated answers of the run
with ``didact rate``, how far each judge and metric agrees with them. Every share has an interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import NamedTuple, cast

from didact.ratings.agreement import Against
from didact.ratings.book import FILE, Book
from didact.ratings.results import results
from didact.records import JSON
from didact.stats.bootstrap import Interval, wilson

__all__ = ["Finding", "Judge", "Judges", "Pair", "Rate", "judges"]


class Finding(NamedTuple):
    """One line of the audit."""

    what: str
    value: Interval
    fair: str
    """What a fair judge would show."""
    percent: bool


class Pair(NamedTuple):
    """Two sides that met: shares of the duels that were scored."""

    a: str
    b: str
    wins: Interval
    ties: Interval
    losses: Interval
    scored: int
    unscored: int


class Rate(NamedTuple):
    """A rate of one model, or of one beside another."""

    what: str
    name: str
    value: Interval
    verdicts: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """One evaluator that asked a judge."""

    part: str
    asked: int
    unread: Interval | None
    """Share of the replies that held no verdict; None where nothing was asked."""
    reasons: Mapping[str, int]
    outcomes: Mapping[str, int]
    findings: Sequence[Finding]
    pairs: Sequence[Pair]
    ranking: Sequence[tuple[str, Interval, int]]
    """Model, Elo points, games; strongest first."""
    rates: Sequence[Rate]
    levels: Mapping[str, Mapping[str, int]]
    """Model to how many answers were A, B, C, D and unscored."""
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """All of a run."""

    judges: Sequence[Judge]
    people: Sequence[tuple[str, Sequence[Against]]]
    """Study of people's ratings, and every metric beside it."""

    def __bool__(self) -> bool:
        return bool(self.judges or self.people)


def judges(statistics: Mapping[str, JSON], run: Path) -> Judges:
    """What the run tells of its judges."""
    found: list[Judge] = []
    for part, noted in statistics.items():
        if not isinstance(noted, dict):
            continue
        if "asked" in noted:
            found.append(_judge(part, noted))
            continue
        # Three questions about the same answers are three judges.
        inner = {key: value for key, value in noted.items() if isinstance(value, dict)}
        found += [_judge(f"{part}: {k}", v) for k, v in inner.items() if "asked" in v]
    return Judges(judges=found, people=_people(run))


def _people(run: Path) -> Sequence[tuple[str, Sequence[Against]]]:
    if not (run / FILE).is_file():
        return ()
    with Book.of(run, write=False) as book:
        found = [(study.name, results(book, study, run).judges) for study in book.studies()]
    return [(name, rows) for name, rows in found if rows]


def _judge(part: str, noted: Mapping[str, JSON]) -> Judge:
    asked, reasons = _count(noted.get("asked")), _counts(noted.get("unread"))
    unread = sum(reasons.values())
    controlled = _table(noted.get("length_controlled"))
    return Judge(
        part=part,
        asked=asked,
        unread=wilson(min(unread, asked), asked) if asked else None,
        reasons=reasons,
        outcomes=_counts(noted.get("outcomes")),
        findings=_findings({**_table(noted.get("audit")), **_pulled(controlled)}),
        pairs=[_pair(row) for row in _rows(noted.get("pairs"))],
        ranking=[
            (str(row["model"]), elo, _count(row.get("games")))
            for row in _rows(noted.get("ranking"))
            if (elo := _interval(row.get("elo")))
        ],
        rates=_rates(noted, controlled),
        levels={model: _counts(counts) for model, counts in _table(noted.get("levels")).items()},
        warnings=[str(text) for text in cast("list[JSON]", controlled.get("warnings") or [])],
    )


def _pulled(controlled: Mapping[str, JSON]) -> Mapping[str, JSON]:
    slope = controlled.get("slope")
    return {"length_slope": slope} if slope is not None else {}


def _findings(audit: Mapping[str, JSON]) -> list[Finding]:
    return [
        Finding(what, value, fair, percent)
        for key, what, fair, percent in _AUDITED
        if (value := _interval(audit.get(key)))
    ]


_AUDITED = (
    ("first", "Winners that were shown first", "50, where both orders are asked", True),
    ("flips", "Pairs won by their place, whoever stood there", "0", True),
    ("longer", "Decided pairs that the longer answer won", "what people would say", True),
    ("length_slope", "Pull of length, in logits, models held equal", "0", False),
    ("own_answers", "Own answers won beyond what people or chance say", "0", True),
    ("repeats", "Pairs judged alike when asked again", "100", True),
    ("repeats_kappa", "Kappa with itself, asked again", "1", False),
)


def _pair(row: Mapping[str, JSON]) -> Pair:
    wins, ties, losses = (_count(row.get(key)) for key in ("wins", "ties", "losses"))
    scored = wins + ties + losses
    none = Interval(0.0, 0.0, 1.0)
    shares = [wilson(n, scored) if scored else none for n in (wins, ties, losses)]
    return Pair(
        a=str(row["a"]),
        b=str(row["b"]),
        wins=shares[0],
        ties=shares[1],
        losses=shares[2],
        scored=scored,
        unscored=_count(row.get("unscored")),
    )


def _rates(noted: Mapping[str, JSON], controlled: Mapping[str, JSON]) -> list[Rate]:
    found: list[Rate] = []
    for model, row in _tables(noted.get("win_rates")):
        if rate := _interval(row.get("win_rate")):
            found.append(Rate("win rate, per cent", model, rate, _count(row.get("total"))))
    for model, row in _tables(controlled.get("models")):
        for key, what in _CONTROLLED:
            if rate := _interval(row.get(key)):
                found.append(Rate(what, model, rate, None))
    for pair, row in _tables(noted.get("relative")):
        if rate := _interval(row.get("ratio")):
            asked = sum(_count(row.get(key)) for key in ("wins", "losses", "ties"))
            found.append(Rate("relative score, per cent", pair, rate, asked))
    return found


_CONTROLLED = (
    ("win_rate", "win rate, per cent"),
    ("length_controlled", "the same at equal length, per cent"),
)


def _tables(value: JSON) -> list[tuple[str, Mapping[str, JSON]]]:
    return [(key, _table(row)) for key, row in _table(value).items()]


def _table(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}


def _rows(value: JSON) -> list[Mapping[str, JSON]]:
    return [_table(row) for row in value] if isinstance(value, list) else []


def _counts(value: JSON) -> Mapping[str, int]:
    return {key: _count(number) for key, number in _table(value).items()}


def _count(value: JSON) -> int:
    return value if isinstance(value, int) else 0


def _interval(value: JSON) -> Interval | None:
    """An interval as it was noted; a bound that is not finite was noted as null."""
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[0], int | float):
        return None
    low, high = value[1], value[2]
    return Interval(
        float(value[0]),
        float(low) if isinstance(low, int | float) else -inf,
        float(high) if isinstance(high, int | float) else inf,
    )
