"""What the report says of the filters: overlap, cost, both sides of each threshold, the truth.

Values only, nothing is drawn here. In a run a filter sees what those before it kept, so that from
its verdicts alone no two filters ever drop the same example: for the overlap each filter that asks
nobody judges every example by itself (``alone``), which costs no call. Thresholds are shown by the
examples nearest to them on either side, which is where a reader can judge a threshold. On runs of
the microworld the auditor knows which examples are wrong, and a filter is a test for that: of what
it drops, how much is wrong; of what is wrong, how much does it drop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import TypeAlias, cast

from didact.components import name_of
from didact.context import Checker, Filter, Sifter
from didact.judging import UNSCORED, asks
from didact.ledger import Ledger
from didact.microworld.auditor import audit
from didact.records import Example, Verdict
from didact.stats.bootstrap import Interval, wilson

__all__ = [
    "Cost",
    "Edge",
    "FilterReport",
    "Overlap",
    "Side",
    "Truth",
    "alone",
    "costs",
    "edges",
    "filter_report",
    "overlaps",
    "truths",
]

Verdicts: TypeAlias = "Sequence[tuple[str, str, Verdict]]"
"""Example id, filter, verdict; in the order of the filters."""

_SHOWN = 10
"""Examples on each side of a threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two filters, each judging all examples by itself."""

    first: str
    second: str
    seen: int
    """Examples that both judged."""
    both: int
    """Dropped by either."""
    only_first: int
    only_second: int

    @property
    def share(self) -> float | None:
        """Of what one of them drops, the part that both do (Jaccard); None where neither drops."""
        union = self.both + self.only_first + self.only_second
        return self.both / union if union else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one filter took."""

    name: str
    seen: int
    dropped: int
    calls: int
    usd: float | None
    """None where no price is known."""
    seconds: float
    """Time its models took, summed over calls that ran side by side."""

    @property
    def usd_per_drop(self) -> float | None:
        """Money for each example that it dropped."""
        return self.usd / self.dropped if self.usd is not None and self.dropped else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One example beside a threshold."""

    example: Example
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The examples nearest to where a filter draws its line."""

    name: str
    reason: str
    """The reason of the drops; a filter may draw several lines."""
    kept: tuple[Side, ...]
    """Just kept, the nearest first; none where the filter scores only what it drops."""
    dropped: tuple[Side, ...]
    """Just dropped, the nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A filter as a test for examples that are wrong."""

    name: str
    seen: int
    wrong: int
    dropped: int
    caught: int
    """Dropped, and wrong."""

    @property
    def precision(self) -> Interval | None:
        """Of what it drops, the share that is wrong; None where it drops nothing."""
        return wilson(self.caught, self.dropped) if self.dropped else None

    @property
    def recall(self) -> Interval | None:
        """Of what is wrong, the share that it drops; None where nothing is wrong."""
        return wilson(self.caught, self.wrong) if self.wrong else None

    @property
    def chance(self) -> float | None:
        """The precision of dropping at random; None where it saw nothing."""
        return self.wrong / self.seen if self.seen else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterReport:
    """Everything about the filters of one run."""

    overlaps: tuple[Overlap, ...]
    costs: tuple[Cost, ...]
    edges: tuple[Edge, ...]
    truths: tuple[Truth, ...]
    """None of them where the auditor does not know the run's world."""


def filter_report(
    examples: Sequence[Example],
    verdicts: Verdicts,
    ledger: Ledger,
    *,
    filters: Sequence[Filter] = (),
    seeds: Sequence[Example] = (),
    audited: bool = False,
) -> FilterReport:
    """The panel; with the ``filters`` themselves their overlap, with ``audited`` the truth."""
    return FilterReport(
        overlaps=tuple(overlaps(alone(filters, examples, seeds))),
        costs=tuple(costs(ledger)),
        edges=tuple(edges(verdicts, examples)),
        truths=tuple(truths(verdicts, examples)) if audited else (),
    )


def alone(
    filters: Sequence[Filter], examples: Sequence[Example], seeds: Sequence[Example] = ()
) -> dict[str, dict[str, bool]]:
    """For each filter that asks nobody, which examples it keeps when it judges them all."""
    found: dict[str, dict[str, bool]] = {}
    for component in filters:
        # A selection by number takes so many of all examples, which tells nothing of the few.
        if asks(component) or getattr(component, "selects", False):
            continue
        prime = cast(
            "Callable[[Sequence[Example]], None] | None", getattr(component, "prime", None)
        )
        if prime is not None:
            prime(seeds)
        if hasattr(component, "check"):
            given: Iterable[Verdict] = map(cast("Checker", component).check, examples)
        else:
            given = cast("Sifter", component).sift(iter(examples))
        name, number = name_of(component), 2
        while name in found:
            name, number = f"{name_of(component)}-{number}", number + 1
        found[name] = {e.id: v.keep for e, v in zip(examples, given, strict=True)}
    return found


def overlaps(kept: Mapping[str, Mapping[str, bool]]) -> list[Overlap]:
    """Every two filters, on the examples that both judged."""
    found: list[Overlap] = []
    for first, second in combinations(kept, 2):
        a, b = kept[first], kept[second]
        shared = [key for key in a if key in b]
        found.append(
            Overlap(
                first=first,
                second=second,
                seen=len(shared),
                both=sum(not a[key] and not b[key] for key in shared),
                only_first=sum(not a[key] and b[key] for key in shared),
                only_second=sum(a[key] and not b[key] for key in shared),
            )
        )
    return found


def costs(ledger: Ledger) -> list[Cost]:
    """What every filter took, in their order."""
    return [
        Cost(
            name=sieve.name,
            seen=sieve.seen,
            dropped=sieve.dropped,
            calls=sieve.calls,
            usd=sieve.usd,
            seconds=sum(
                line.seconds
                for line in ledger.lines
                if line.stage == "filter" and line.part == sieve.name
            ),
        )
        for sieve in ledger.filters
    ]


def edges(verdicts: Verdicts, examples: Sequence[Example], *, count: int = _SHOWN) -> list[Edge]:
    """The examples nearest to every line that a filter draws, by filter and reason.

    On which side of the line the kept ones are follows from the scores: a reason for dropping what
    is too low and one for dropping what is too high are two lines.
    """
    by_id = {example.id: example for example in examples}
    kept: dict[str, list[Side]] = {}
    dropped: dict[tuple[str, str], list[Side]] = {}
    for key, name, verdict in verdicts:
        if verdict.score is None or verdict.reason == UNSCORED or key not in by_id:
            continue
        side = Side(example=by_id[key], score=verdict.score)
        if verdict.keep:
            kept.setdefault(name, []).append(side)
        else:
            dropped.setdefault((name, verdict.reason), []).append(side)
    found: list[Edge] = []
    for (name, reason), out in dropped.items():
        inside = kept.get(name, [])
        # Of a filter that scores only what it drops, the line is below what it dropped.
        below = bool(inside) and fmean(s.score for s in out) < fmean(s.score for s in inside)
        sign = -1 if below else 1
        found.append(
            Edge(
                name=name,
                reason=reason,
                kept=tuple(sorted(inside, key=lambda s: -sign * s.score)[:count]),
                dropped=tuple(sorted(out, key=lambda s: sign * s.score)[:count]),
            )
        )
    return found


def truths(
    verdicts: Verdicts,
    examples: Sequence[Example],
    *,
    right: Callable[[Example], bool] = lambda example: audit(example).all_valid,
) -> list[Truth]:
    """Every filter as a test for what is not ``right``, on the examples that it saw."""
    truth = {example.id: right(example) for example in examples}
    seen: dict[str, list[tuple[bool, bool]]] = {}
    for key, name, verdict in verdicts:
        if key in truth:
            seen.setdefault(name, []).append((truth[key], verdict.keep))
    return [
        Truth(
            name=name,
            seen=len(rows),
            wrong=sum(not good for good, _ in rows),
            dropped=sum(not keep for _, keep in rows),
            caught=sum(not good and not keep for good, keep in rows),
        )
        for name, rows in seen.items()
    ]
