"""What the report says of the filters: overlap, cost, both sides of each threshold, the truth.

Values only, nothing is drawn here. In a run a filter sees what those before it kept, so that from
its verdicts alone no two filters ever drop the same example: for the overlap each filter that asks
nobody judges every example by itself (``alone``), which costs no call. Thresholds are shown by the
examples nearest to them on either side, which is where a reader can judge a threshold. On runs of
the microworld the auditor knows which examples are wrong, and a filter is a test for that: of what
it drops, how much is wrong; of what is wrong, how much does it drop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any, TypeAlias, cast

from didact.components import name_of, numbered
from didact.context import Checker, Filter, Sifter
from didact.judging import UNSCORED, asks
from didact.ledger import Ledger
from didact.microworld.auditor import audit
from didact.records import Example, Verdict
from didact.sifting import prepare
from didact.stats.bootstrap import Interval, wilson

__all__ = [
    "Beside",
    "Cost",
    "Edge",
    "Overlap",
    "Side",
    "Truth",
    "alone",
    "costs",
    "edges",
    "judges_alone",
    "overlaps",
    "truths",
    "with_seen",
]

Beside: TypeAlias = "Mapping[str, Mapping[str, float]]"
"""Reason to id to the score of what was kept."""

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
    unscored: int
    """Of these for want of a score: never treated as the worst one."""
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    """None where no price is known."""
    seconds: float
    """Time its models took, summed over calls that ran side by side."""

    @property
    def kept(self) -> int:
        """What it let through."""
        return self.seen - self.dropped

    @property
    def tokens(self) -> int:
        """Read and written by its models."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def usd_per_kept(self) -> float | None:
        """Money for each example that it let through."""
        return self.usd / self.kept if self.usd is not None and self.kept else None

    @property
    def tokens_per_kept(self) -> float | None:
        """Tokens for each example that it let through."""
        return self.tokens / self.kept if self.kept else None


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


def alone(
    filters: Sequence[Filter],
    examples: Sequence[Example],
    seeds: Sequence[Example] = (),
    items: Sequence[Example] = (),
) -> dict[str, dict[str, bool]]:
    """For each filter that asks nobody, which examples it keeps when it judges them all.

    Those that load a model are left out too, and selections by number: so many of all examples
    tells nothing of the few.
    """
    found: dict[str, dict[str, bool]] = {}
    names = numbered([name_of(component) for component in filters])
    for name, component in zip(names, filters, strict=True):
        if not judges_alone(component):
            continue
        prepare(component, seeds=seeds, items=items)
        given: Iterable[Example] = iter(examples)
        if hasattr(component, "rewrite"):
            given = map(cast("Any", component).rewrite, examples)
        if hasattr(component, "check"):
            said: Iterable[Verdict] = map(cast("Checker", component).check, given)
        else:
            said = cast("Sifter", component).sift(given)
        found[name] = {e.id: v.keep for e, v in zip(examples, said, strict=True)}
    return found


def judges_alone(component: Filter) -> bool:
    """Whether it can judge all examples by itself without a call or a model."""
    model = getattr(component, "model", None)
    return not (asks(component) or getattr(component, "selects", False) or isinstance(model, str))


def with_seen(
    kept: Mapping[str, Mapping[str, bool]], verdicts: Verdicts
) -> dict[str, Mapping[str, bool]]:
    """The same with what every other filter said of the examples that it saw."""
    found = dict(kept)
    seen: dict[str, dict[str, bool]] = {}
    for key, name, verdict in verdicts:
        if name not in kept:
            seen.setdefault(name, {})[key] = verdict.keep
    return {**found, **seen}


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


def costs(ledger: Ledger, verdicts: Verdicts = ()) -> list[Cost]:
    """What every filter took, in their order."""
    unscored = Counter(
        name for _, name, v in verdicts if not v.keep and v.reason.startswith(UNSCORED)
    )
    lines = {
        sieve.name: [
            line for line in ledger.lines if line.stage == "filter" and line.part == sieve.name
        ]
        for sieve in ledger.filters
    }
    return [
        Cost(
            name=sieve.name,
            seen=sieve.seen,
            dropped=sieve.dropped,
            unscored=unscored[sieve.name],
            calls=sieve.calls,
            prompt_tokens=sum(line.prompt_tokens for line in lines[sieve.name]),
            completion_tokens=sum(line.completion_tokens for line in lines[sieve.name]),
            usd=sieve.usd,
            seconds=sum(line.seconds for line in lines[sieve.name]),
        )
        for sieve in ledger.filters
    ]


def edges(
    verdicts: Verdicts,
    examples: Sequence[Example],
    *,
    beside: Mapping[str, Beside] | None = None,
    count: int = _SHOWN,
) -> list[Edge]:
    """The examples nearest to every line that a filter draws, by filter and reason.

    On which side of the line the kept ones are follows from the scores: a reason for dropping what
    is too low and one for dropping what is too high are two lines. What a filter that does not
    score what it keeps would have given is in ``beside`` (see ``report.margins``).
    """
    by_id = {example.id: example for example in examples}
    kept: dict[str, list[Side]] = {}
    dropped: dict[tuple[str, str], list[Side]] = {}
    for key, name, verdict in verdicts:
        if verdict.score is None or verdict.reason.startswith(UNSCORED) or key not in by_id:
            continue
        side = Side(example=by_id[key], score=verdict.score)
        if verdict.keep:
            kept.setdefault(name, []).append(side)
        else:
            dropped.setdefault((name, verdict.reason), []).append(side)
    found: list[Edge] = []
    for (name, reason), out in dropped.items():
        inside = kept.get(name, [])
        if (given := (beside or {}).get(name)) is not None:
            known = given.get(reason, {})
            inside = [Side(example=by_id[key], score=score) for key, score in known.items()]
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
