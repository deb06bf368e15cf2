"""Everything the page shows of one run: numbers and pictures, put together for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from markupsafe import Markup

from didact.calls import Totals
from didact.records import JSON
from didact.report import cards, charts, panels
from didact.report.comparison import Metric, compare
from didact.report.formats import count, points, share
from didact.report.further import Section, further
from didact.report.judges import Judges, judges
from didact.report.origins import Mixture, mixture
from didact.report.reading import Facts
from didact.stats.bootstrap import Interval

__all__ = ["Near", "Row", "Sheet", "make_sheet", "together"]


class Row(NamedTuple):
    """A line of the table of calls and times."""

    name: str
    calls: Totals
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """The nearest-neighbour histogram in words and rows."""

    among: str
    summary: str
    measured: int
    table: Sequence[tuple[float, float, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One run; what it has no data for is None or empty, and its section is left out."""

    prefix: str
    """Before every anchor, so that several runs fit on one page."""
    facts: Facts
    metrics: Sequence[tuple[Metric, Markup]]
    judges: Judges
    funnel: tuple[panels.Funnel, Markup] | None
    mixture: Mixture | None
    statistics: Sequence[panels.Statistic]
    audit: tuple[Sequence[panels.Audit], Markup] | None
    audit_notes: Sequence[str]
    lengths: Sequence[tuple[panels.Length, Markup]]
    nearest: tuple[Near, Markup] | None
    verbs: tuple[panels.Wheel, Markup] | None
    curve: Markup | None
    training: Sequence[tuple[str, str]]
    kept: Sequence[cards.Card]
    dropped: Sequence[cards.Card]
    rows: Sequence[Row]
    models: Sequence[tuple[str, str, str]]
    further: Sequence[Section]
    """Sections with a template of their own, after what was kept."""

    @property
    def headline(self) -> Metric | None:
        """The metric that the first sentence speaks of: the first one scored."""
        return self.metrics[0][0] if self.metrics else None

    @property
    def families(self) -> Sequence[Metric]:
        """The metrics that can be shown family by family."""
        return [metric for metric, _ in self.metrics if metric.families]

    @property
    def total(self) -> Row:
        """The rows added up."""
        calls = sum((row.calls for row in self.rows), Totals())
        return Row("All stages", calls, sum(row.seconds for row in self.rows))

    @property
    def contents(self) -> Sequence[tuple[str, str]]:
        """Anchors and names of the sections that are there."""
        sections = (
            ("results", "Results", self.metrics),
            ("judges", "Judges", self.judges),
            ("funnel", "What was kept", self.funnel),
            *((one.anchor, one.name, True) for one in self.further),
            ("audit", "What is right", self.audit),
            ("shape", "Length and novelty", self.lengths or self.nearest),
            ("verbs", "Verbs", self.verbs),
            ("training", "Training", self.curve or self.training),
            ("families", "Families", self.families),
            ("examples", "Examples", self.kept or self.dropped),
            ("cost", "Cost and command", True),
        )
        return [(anchor, name) for anchor, name, there in sections if there]


def make_sheet(facts: Facts, *, prefix: str = "") -> Sheet:
    """The sheet of a run."""
    metrics = compare(
        facts.scores,
        families=facts.families,
        clusters=facts.clusters,
        turns=facts.turns,
        order=_roles(facts),
    )
    return Sheet(
        prefix=prefix,
        facts=facts,
        metrics=[(metric, _forest(metric)) for metric in metrics],
        judges=judges(facts.judged, facts.path),
        funnel=_funnel(facts),
        mixture=mixture(facts),
        statistics=panels.statistics(facts.kept),
        audit=_audit(facts),
        audit_notes=panels.audit_notes(facts.audit),
        lengths=_lengths(facts),
        nearest=_nearest(facts),
        verbs=_verbs(facts),
        curve=_curve(facts),
        training=_training(facts),
        kept=cards.sample(facts, kept=True),
        dropped=cards.sample(facts, kept=False),
        rows=[Row(stage.name, stage.calls, stage.seconds) for stage in facts.stages],
        models=_models(facts),
        further=further(facts),
    )


def together(sheets: Sequence[Sheet]) -> list[tuple[str, Markup]]:
    """For each metric that two runs share, one chart of all their models."""
    found: dict[str, list[tuple[Sheet, Metric]]] = {}
    for sheet in sheets:
        for metric, _ in sheet.metrics:
            found.setdefault(metric.key, []).append((sheet, metric))
    drawn: list[tuple[str, Markup]] = []
    for group in found.values():
        if len(group) < 2:
            continue
        spans = [span for sheet, metric in group for span in _spans(metric, group=sheet.facts.name)]
        name, top = group[0][1].name, max(metric.top for _, metric in group)
        low = min(metric.low for _, metric in group)
        title = f"{name} of every model of {len(group)} runs"
        chart = charts.intervals(spans, title=title, desc=_told(spans), low=low, high=top)
        drawn.append((name, Markup(chart)))
    return drawn


def _roles(facts: Facts) -> Sequence[str]:
    """The roles in the order of the run file; the baselines last whatever it says."""
    evaluate = facts.settings.get("evaluate")
    models = evaluate.get("models") if isinstance(evaluate, dict) else None
    return [str(role) for role in models] if isinstance(models, list) else ("base", "trained")


def _forest(metric: Metric) -> Markup:
    spans = _spans(metric)
    title = f"{metric.name} of every model, mean and 95 % interval"
    chart = charts.intervals(spans, title=title, desc=_told(spans), low=metric.low, high=metric.top)
    return Markup(chart)


def _spans(metric: Metric, *, group: str = "") -> list[charts.Span]:
    return [
        charts.Span(
            label=line.name,
            mean=line.score.mean,
            low=line.score.low,
            high=line.score.high,
            note=_with_interval(line.score),
            tone="accent" if line.model == "trained" else "plain",
            group=group if number == 0 else "",
        )
        for number, line in enumerate(metric.models)
    ]


def _told(spans: Sequence[charts.Span]) -> str:
    return "; ".join(f"{span.group} {span.label}: {span.note}".strip() for span in spans) + "."


def _with_interval(interval: Interval) -> str:
    return f"{points(interval.mean)} [{points(interval.low)}, {points(interval.high)}]"


def _funnel(facts: Facts) -> tuple[panels.Funnel, Markup] | None:
    found = panels.funnel(facts)
    if found is None:
        return None
    last = len(found.steps) - 1
    rows = [
        charts.Bar(
            label=name, value=number, note=count(number), tone="accent" if i == last else "plain"
        )
        for i, (name, number) in enumerate(found.steps)
    ]
    desc = ", ".join(f"{name}: {count(number)}" for name, number in found.steps)
    return found, Markup(charts.bars(rows, title="From candidates to kept examples", desc=desc))


def _audit(facts: Facts) -> tuple[Sequence[panels.Audit], Markup] | None:
    rows = panels.audit(facts.audit)
    if not rows:
        return None
    spans: list[charts.Span] = []
    last = ""
    stages = list(dict.fromkeys(row.stage for row in rows))
    for row in rows:
        spans.append(
            charts.Span(
                label=row.stage,
                mean=row.share.mean,
                low=row.share.low,
                high=row.share.high,
                note=_with_interval(row.share),
                tone="accent" if row.stage == stages[-1] else "plain",
                group=row.question if row.question != last else "",
                mark=row.paper,
            )
        )
        last = row.question
    title = "Share of examples that pass each question of the audit, by stage"
    told = [f"{row.question} {row.stage}: {_with_interval(row.share)}" for row in rows]
    return rows, Markup(charts.intervals(spans, title=title, desc="; ".join(told)))


def _lengths(facts: Facts) -> list[tuple[panels.Length, Markup]]:
    drawn: list[tuple[panels.Length, Markup]] = []
    for length in panels.lengths(facts.kept):
        columns = charts.bins(length.words, most=20, reach=length.paper)
        chart = charts.histogram(
            columns,
            title=f"Words: {length.part.lower()}",
            desc=f"{count(len(length.words))} texts of {min(length.words)} to "
            f"{max(length.words)} words, {points(length.mean)} on average.",
            axis="words",
            width=300,
            marks=[
                charts.Mark(length.mean, f"mean {points(length.mean)}", "accent"),
                charts.Mark(length.paper, f"paper {points(length.paper)}", "plain"),
            ],
        )
        drawn.append((length, Markup(chart)))
    return drawn


def _nearest(facts: Facts) -> tuple[Near, Markup] | None:
    found = panels.nearest(facts)
    if found is None:
        return None
    columns = charts.bins(found.scores, whole=False)
    measured = len(found.scores)
    mean = sum(found.scores) / measured
    fifths = [columns[i : i + 4] for i in range(0, 20, 4)]
    table = [(part[0].low, part[-1].high, sum(c.number for c in part)) for part in fifths]
    near = share(sum(score < 0.5 for score in found.scores) / measured)
    sampled = f", {count(measured)} of them drawn at random" if measured < found.of else ""
    summary = (
        f"{count(found.of)} instructions{sampled}: the most similar of {found.among} has a ROUGE-L"
        f" of {mean:.2f} on average. {near} stay under 0.5, with less than half of their words in"
        " common, in order."
    )
    chart = charts.histogram(
        columns,
        title=f"Highest ROUGE-L of each kept instruction to {found.among}",
        desc=summary,
        axis="highest ROUGE-L",
        marks=[charts.Mark(mean, f"mean {mean:.2f}", "accent")],
    )
    return Near(among=found.among, summary=summary, measured=measured, table=table), Markup(chart)


def _verbs(facts: Facts) -> tuple[panels.Wheel, Markup] | None:
    found = panels.verbs(facts.kept)
    if found is None or not found.verbs:
        return None
    listed = ", ".join(f"{verb} {count(number)}" for verb, number, _ in found.verbs)
    chart = charts.wheel(
        [charts.Verb(verb=verb, count=n, nouns=nouns) for verb, n, nouns in found.verbs],
        title="The commonest root verbs and the nouns they act on",
        desc=f"Verbs by number of instructions: {listed}. The table below has the nouns.",
    )
    return found, Markup(chart)


def _curve(facts: Facts) -> Markup | None:
    raw = [
        (float(step), float(loss))
        for row in facts.curve
        if isinstance(step := row.get("step"), int | float)
        and isinstance(loss := row.get("loss"), int | float)
    ]
    if len(raw) < 2:
        return None
    around = len(raw) // 40
    smooth = [
        (step, fmean(loss for _, loss in raw[max(0, i - around) : i + around + 1]))
        for i, (step, _) in enumerate(raw)
    ]
    thin = max(len(raw) // 400, 1)
    last = f"{smooth[-1][1]:.3g} at the end"
    curves = [charts.Line(label="", points=raw[::thin], tone="faint")] if around else []
    curves.append(charts.Line(label=last, points=[*smooth[:-1:thin], smooth[-1]]))
    desc = (
        f"{count(len(raw))} steps, from {raw[0][1]:.3g} to {smooth[-1][1]:.3g}"
        f"{f'; the line is the mean of {2 * around + 1} steps' if around else ''}."
    )
    chart = charts.lines(curves, title="Training loss by step", desc=desc, x="step", y="loss")
    return Markup(chart)


def _training(facts: Facts) -> list[tuple[str, str]]:
    """The settings of the run file, then what the trainer counted."""
    if all(stage.name != "train" for stage in facts.stages):
        return []
    train = facts.settings.get("train")
    rows: dict[str, JSON] = dict(train) if isinstance(train, dict) else {"use": train}
    made_from = facts.trained.get("made_from")
    if isinstance(made_from, dict):
        rows["dtype"] = made_from.get("dtype")
    rows |= {label: facts.trained.get(key) for key, label in _COUNTED}
    return [
        (key.replace("_", " "), _plain(value)) for key, value in rows.items() if value is not None
    ]


def _plain(value: JSON) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _models(facts: Facts) -> list[tuple[str, str, str]]:
    """Role, component, and the identity of what answered: part of the key of each call."""
    models = facts.settings.get("models")
    settings: Mapping[str, JSON] = models if isinstance(models, dict) else {}
    asked: dict[str, str] = {}
    for stage in facts.stages:
        found = stage.details.get("models")
        if isinstance(found, dict):
            asked |= {role: str(identity) for role, identity in found.items()}
    rows: list[tuple[str, str, str]] = []
    for role in dict.fromkeys([*settings, *asked]):
        given = settings.get(role)
        use = given.get("use") if isinstance(given, dict) else None
        rows.append((role, str(use or "from training"), asked.get(role, "")))
    return rows


_COUNTED = (
    ("rows", "examples trained on"),
    ("refused", "examples refused"),
    ("steps", "steps"),
    ("tokens", "tokens"),
)
