"""The surveys' figures from any runs: what their stages and scores allow, and nothing made up.

The verb-noun wheel (Self-Instruct, Wang et al. 2022, arXiv 2212.10560), levels A to D and the three
questions helpful, honest, harmless as stacked bars, relative scores against a reference and win
rates with intervals (Peng et al. 2023, arXiv 2304.03277; Li et al. 2023, arXiv 2308.06259), and
what the papers do not draw: the funnel with the cost of a kept example. A figure whose data no run
has is left out. Answers that a judge could not place are counted in the tables and are in no bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from didact.records import JSON, Score
from didact.report import charts, panels
from didact.report.comparison import Metric, compare
from didact.report.curve_chart import Stack, stacks
from didact.report.figures import Figure
from didact.report.formats import count, usd
from didact.report.reading import Facts
from didact.stats.bootstrap import Interval, wilson

__all__ = ["run_figures"]

_LEVELS = "ABCD"
_RATES = ("win_rate", "pairwise", "length_controlled")
_CRITERIA = ("helpful", "honest", "harmless")
_STACKED = ("four_level", *_CRITERIA)


class _Line(NamedTuple):
    """One model of one run."""

    label: str
    scores: Sequence[Score]


def run_figures(runs: Sequence[Facts]) -> list[Figure]:
    """Every figure that these runs can give, the models of several runs side by side."""
    several = len(runs) > 1
    figures: list[Figure] = []
    for number, facts in enumerate(runs, 1):
        mark = f"-{number}" if several else ""
        figures += _wheel(facts, mark=mark)
        figures += _funnel(facts, mark=mark)
    figures += _levels(runs)
    for criterion in _CRITERIA:
        figures += _votes(runs, criterion)
    for number, facts in enumerate(runs, 1):
        figures += _relative(facts, mark=f"-{number}" if several else "")
    return [*figures, *_metrics(runs)]


def _named(facts: Facts, title: str, mark: str) -> str:
    return f"{title}, {facts.name}" if mark else title


def _wheel(facts: Facts, *, mark: str) -> Iterator[Figure]:
    found = panels.verbs(facts.kept)
    if found is None or not found.verbs:
        return
    title = _named(facts, "The commonest root verbs and the nouns they act on", mark)
    verbs = [charts.Verb(verb=verb, count=n, nouns=nouns) for verb, n, nouns in found.verbs]
    desc = ", ".join(f"{verb} {count(number)}" for verb, number, _ in found.verbs)
    without = 1 - found.paired / found.of
    yield Figure(
        name=f"verbs{mark}",
        title=title,
        svg=charts.wheel(verbs, title=title, desc=desc),
        head=["Verb", "Instructions", "Nouns"],
        rows=[
            [verb, number, ", ".join(f"{noun} {n}" for noun, n in nouns)]
            for verb, number, nouns in found.verbs
        ],
        note=f"{found.paired:,} of {found.of:,} instructions have a verb with an object,"
        f" {without:.0%} have none; the wheel shows the {len(found.verbs)} commonest verbs.",
    )


def _funnel(facts: Facts, *, mark: str) -> Iterator[Figure]:
    found = panels.funnel(facts)
    if found is None:
        return
    title = _named(facts, "From candidates to kept examples", mark)
    bars = [charts.Bar(label=name, value=n, note=count(n)) for name, n in found.steps]
    first = found.steps[0][1] or 1
    rows: list[list[str | int | float]] = [
        [name, number, f"{number / first:.1%}", ""] for name, number in found.steps
    ]
    costs = {sieve.name: sieve for sieve in facts.ledger.filters}
    for sieve in found.sieves:
        paid = costs.get(sieve.name.removeprefix("Filter: "))
        money = usd(paid.usd) if paid is not None else ""
        rows.append(
            [f"dropped: {sieve.name}", sieve.dropped, f"{sieve.dropped / first:.1%}", money]
        )
    ledger = facts.ledger
    calls = sum(line.calls for line in ledger.lines if line.stage in ("generate", "filter"))
    kept = len(facts.kept)
    if kept:
        rows.append(
            ["calls for each kept example", round(calls / kept, 2), "", usd(ledger.per_kept)]
        )
    cost = f"{usd(ledger.per_kept)} each" if ledger.per_kept else "no price known or no money spent"
    yield Figure(
        name=f"funnel{mark}",
        title=title,
        svg=charts.bars(bars, title=title, desc=", ".join(f"{b.label}: {b.note}" for b in bars)),
        head=["Step", "Number", "Of the first", "Cost"],
        rows=rows,
        note=f"{calls:,} calls made the data, {kept:,} examples were kept: {cost}.",
    )


def _levels(runs: Sequence[Facts]) -> Iterator[Figure]:
    lines = list(_lines(runs, "four_level"))
    if not lines:
        return
    rows: list[list[str | int | float]] = []
    bars: list[Stack] = []
    for line in lines:
        levels = Counter(round(s.value) for s in line.scores if s.value is not None)
        parts = [levels[4 - n] for n in range(len(_LEVELS))]
        unscored = sum(score.value is None for score in line.scores)
        good = _share(parts[0] + parts[1], sum(parts))
        bars.append(Stack(label=line.label, parts=parts, note=f"A or B {good}"))
        rows.append([line.label, *parts, unscored, _share(parts[0], sum(parts)), good])
    title = "Answers by level: A satisfying, B minor errors, C significant errors, D invalid"
    yield _stacked(
        "levels", title, bars, list(_LEVELS), rows, ["Model", *_LEVELS, "Unscored", "A", "A or B"]
    )


def _votes(runs: Sequence[Facts], criterion: str) -> Iterator[Figure]:
    lines = [line for line in _lines(runs, criterion) if any(s.value != 0.5 for s in line.scores)]
    if not lines:
        return
    rows: list[list[str | int | float]] = []
    bars: list[Stack] = []
    for line in lines:
        given = [score.value for score in line.scores if score.value is not None]
        parts = [
            sum(value > 0.5 for value in given),
            sum(value == 0.5 for value in given),
            sum(value < 0.5 for value in given),
        ]
        won = _share(parts[0], len(given))
        bars.append(Stack(label=line.label, parts=parts, note=f"won {won}"))
        rows.append([line.label, *parts, len(line.scores) - len(given), won])
    title = f"Which answer is more {criterion}: won, tied, lost"
    head = ["Model", "Won", "Tied", "Lost", "Unscored", "Won, share"]
    yield _stacked(criterion, title, bars, ["won", "tied", "lost"], rows, head)


def _stacked(
    name: str,
    title: str,
    bars: Sequence[Stack],
    parts: Sequence[str],
    rows: Sequence[Sequence[str | int | float]],
    head: Sequence[str],
) -> Figure:
    told = "; ".join(
        f"{bar.label}: {', '.join(f'{p} {n:g}' for p, n in zip(parts, bar.parts, strict=True))}"
        for bar in bars
    )
    return Figure(
        name=name,
        title=title,
        svg=stacks(bars, parts, title=title, desc=told),
        head=head,
        rows=rows,
        note="Shares have Wilson's 95 % interval. A judge gave the verdicts; see the audit of the"
        " judge before believing them.",
    )


def _relative(facts: Facts, *, mark: str) -> Iterator[Figure]:
    told = facts.judged.get("scored-pair")
    table = told.get("relative") if isinstance(told, dict) else None
    if not isinstance(table, dict) or not table:
        return
    rows: list[list[str | int | float]] = []
    spans: list[charts.Span] = []
    for name, value in table.items():
        row = cast("Mapping[str, Any]", value)
        ratio = _bounds(row["ratio"])
        shown = f"{ratio.mean:.1f} % [{ratio.low:.1f}, {ratio.high:.1f}]"
        spans.append(charts.Span(label=name, note=shown, tone="accent", **ratio._asdict()))
        mine, theirs = row["totals"]
        rows.append(
            [name, f"{mine:g} : {theirs:g}", shown, row["wins"], row["ties"], row["losses"]]
        )
    title = _named(facts, "Total score over that of the reference, percent", mark)
    high = max(110.0, *(span.high for span in spans))
    yield Figure(
        name=f"relative{mark}",
        title=title,
        svg=charts.intervals(
            spans, title=title, desc="; ".join(f"{s.label}: {s.note}" for s in spans), high=high
        ),
        head=["Pair", "Totals", "Ratio", "Won", "Tied", "Lost"],
        rows=rows,
        note="A judge gave both answers of a question a score from 1 to 10. A ratio of totals is"
        " kind to the weaker model: half of the points are given for any answer at all.",
    )


def _metrics(runs: Sequence[Facts]) -> Iterator[Figure]:
    """A forest of means with their intervals for each metric that is not drawn otherwise."""
    found: dict[str, list[tuple[Facts, Metric]]] = {}
    for facts in runs:
        for metric in compare(facts.scores, families=facts.families, clusters=facts.clusters):
            if metric.key not in _STACKED:
                found.setdefault(metric.key, []).append((facts, metric))
    for key, group in sorted(found.items(), key=lambda pair: pair[0] not in _RATES):
        spans: list[charts.Span] = []
        rows: list[list[str | int | float]] = []
        for facts, metric in group:
            for line in metric.models:
                name = f"{facts.name}: {line.name}" if len(runs) > 1 else line.name
                shown = f"{line.score.mean:.1f} [{line.score.low:.1f}, {line.score.high:.1f}]"
                tone = "accent" if line.model == "trained" else "plain"
                spans.append(charts.Span(label=name, note=shown, tone=tone, **line.score._asdict()))
                gain = line.gain
                over = f"{gain.mean:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}]" if gain else ""
                rows.append([name, shown, over, line.items, line.abstained])
        title = f"{group[0][1].name}, mean and 95 % interval"
        high = max([metric.top for _, metric in group] + [span.high for span in spans])
        low = min([0.0, *(span.low for span in spans)])
        yield Figure(
            name=key.lower().replace("_", "-"),
            title=title,
            svg=charts.intervals(
                spans,
                title=title,
                desc="; ".join(f"{s.label}: {s.note}" for s in spans),
                low=low,
                high=high,
            ),
            head=["Model", "Score", f"Over {group[0][1].against or 'none'}", "Items", "Unscored"],
            rows=rows,
            note="Intervals by bootstrap over the items, or over task families where items have"
            " one; distances are paired, item by item.",
        )


def _lines(runs: Sequence[Facts], metric: str) -> Iterator[_Line]:
    for facts in runs:
        mine = [score for score in facts.scores if score.metric == metric]
        for model in dict.fromkeys(score.model for score in mine):
            label = f"{facts.name}: {model}" if len(runs) > 1 else model
            yield _Line(label, [score for score in mine if score.model == model])


def _share(part: int, whole: int) -> str:
    if not whole:
        return "none"
    share = wilson(part, whole)
    return f"{share.mean:.0%} [{share.low:.0%}, {share.high:.0%}]"


def _bounds(value: JSON) -> Interval:
    mean, low, high = cast("list[float | None]", value)
    middle = mean or 0.0
    return Interval(middle, middle if low is None else low, middle if high is None else high)
