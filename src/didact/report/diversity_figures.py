"""The diversity panel as figures: verbs, topics, nearest seeds, variety, languages, people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from statistics import fmean

from didact.diversity import Diversity, Panel
from didact.report import charts, ink
from didact.report.curve_chart import Band, Reading, curves
from didact.report.figures import Figure
from didact.report.formats import count
from didact.stats.bootstrap import Interval

__all__ = ["diversity_figures"]

_VERBS, _NOUNS = 20, 4


def diversity_figures(found: Diversity) -> list[Figure]:
    """Every part of the panel that there is data for."""
    figures: list[Figure] = [_summary(found)]
    for number, panel in enumerate(found.panels, 1):
        figures += _wheel(panel, number)
    figures.append(_topics(found))
    if found.seeds:
        figures += [_nearest(panel, n) for n, panel in enumerate(found.panels, 1)]
    figures += [_grown(found), _distinct(found), _languages(found), *_mentions(found)]
    return [*figures, *_near(found)]


def _summary(found: Diversity) -> Figure:
    return Figure(
        name="sets",
        title="What was compared",
        svg="",
        head=[
            *("Data set", "Examples", "Not read", "Looked at", "Different instructions"),
            *("Without verb and object", "Different verb-noun pairs"),
        ],
        rows=[
            [
                *(p.name, p.total, p.unread, p.looked_at, p.instructions),
                *(_share(p.without_verb), len(p.pairs)),
            ]
            for p in found.panels
        ],
        note="As many examples of every set, drawn by lot: a larger set is not a more diverse one."
        " Intervals: 95 %.",
    )


def _wheel(panel: Panel, number: int) -> Iterator[Figure]:
    totals: Counter[str] = Counter()
    for pair, n in panel.pairs.items():
        totals[pair.verb] += n
    if not totals:
        return
    rows: list[tuple[str, list[tuple[str, int]]]] = []
    for verb in sorted(totals, key=lambda one: (-totals[one], one))[:_VERBS]:
        nouns = [(pair.noun, n) for pair, n in panel.pairs.items() if pair.verb == verb]
        rows.append((verb, sorted(nouns, key=lambda pair: (-pair[1], pair[0]))[:_NOUNS]))
    title = f"Root verbs and their nouns: {panel.name}"
    drawn = [charts.Verb(verb=verb, count=totals[verb], nouns=nouns) for verb, nouns in rows]
    told = ", ".join(f"{verb} {totals[verb]}" for verb, _ in rows)
    yield Figure(
        name=f"verbs-{number}",
        title=title,
        svg=charts.wheel(drawn, title=title, desc=told),
        head=["Verb", "Instructions", "Nouns"],
        rows=[
            [verb, totals[verb], ", ".join(f"{noun} {n}" for noun, n in nouns)]
            for verb, nouns in rows
        ],
        note=f"Without a verb and its object: {_share(panel.without_verb)} of the instructions.",
    )


def _topics(found: Diversity) -> Figure:
    names = [panel.name for panel in found.panels]
    title = "Topic map: every point an instruction, near points share words"
    signs = "; ".join(f"{'Dots' if n == 0 else 'squares'}: {name}" for n, name in enumerate(names))
    size = 520.0
    marks: list[str] = []
    for x, y, owner, topic in found.places:
        told = f"{names[owner]}: {' '.join(found.topics[topic].words)}"
        a, b = 8 + x * (size - 16), 8 + (1 - y) * (size - 16)
        tint = f"c{owner % 6}"
        shape = (
            f'<circle class="{tint}" cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill-opacity="0.55">'
            if owner == 0
            else f'<rect class="{tint}" x="{a - 2.2:.1f}" y="{b - 2.2:.1f}" width="4.4" '
            f'height="4.4" fill-opacity="0.55">'
        )
        close = "</circle>" if owner == 0 else "</rect>"
        marks.append(f"{shape}<title>{escape(told)}</title>{close}")
    for number in range(len(found.topics)):
        mine = [(x, y) for x, y, _, group in found.places if group == number]
        x, y = fmean(p[0] for p in mine), fmean(p[1] for p in mine)
        where = (8 + x * (size - 16), 8 + (1 - y) * (size - 16))
        marks.append(ink.text(*where, str(number + 1), "group", anchor="middle", halo=True))
    told = "; ".join(
        f"{n}: {' '.join(topic.words)}, {' and '.join(map(str, topic.counts))}"
        for n, topic in enumerate(found.topics, 1)
    )
    return Figure(
        name="topics",
        title=title,
        svg=ink.svg(size, size, marks, title=title, desc=told),
        head=["Topic", *names],
        rows=[
            [f"{n}: {', '.join(topic.words)}", *topic.counts]
            for n, topic in enumerate(found.topics, 1)
        ],
        note="Groups of instructions by their words (k-means of hashed, weighted words); the two"
        f" axes are ranks on principal components. {signs}. It shows what is said, not"
        " what is meant.",
    )


def _nearest(panel: Panel, number: int) -> Figure:
    columns = charts.bins(panel.nearest_seed, whole=False)
    mean = fmean(panel.nearest_seed)
    title = f"ROUGE-L of each instruction to its nearest seed: {panel.name}"
    near = sum(score >= 0.5 for score in panel.nearest_seed) / len(panel.nearest_seed)
    return Figure(
        name=f"nearest-seed-{number}",
        title=title,
        svg=charts.histogram(
            columns,
            title=title,
            desc=f"Mean {mean:.2f}; {near:.0%} at 0.5 or above.",
            axis="highest ROUGE-L",
            marks=[charts.Mark(mean, f"mean {mean:.2f}", "accent")],
        ),
        head=["ROUGE-L", "Instructions"],
        rows=[[f"{c.low:.2f} to {c.high:.2f}", c.number] for c in columns if c.number],
        note=f"{near:.0%} share half of their words in order, or more, with a seed.",
    )


def _grown(found: Diversity) -> Figure:
    bands = [
        Band(
            label=panel.name,
            readings=[Reading(n, 100 * c, 100 * c, 100 * c) for n, c, _ in panel.grown],
        )
        for panel in found.panels
    ]
    title = "Coverage as the pool grows"
    ends = [(panel.name, *panel.grown[-1]) for panel in found.panels]
    told = "; ".join(f"{name}: {100 * share:.1f} at {n}" for name, n, share, _ in ends)
    columns = ("coverage", "verb-noun pairs")
    return Figure(
        name="coverage",
        title=title,
        svg=curves(bands, title=title, desc=told, x="examples", y="coverage, percent"),
        head=["Examples", *(f"{p.name}: {what}" for p in found.panels for what in columns)],
        rows=[
            [
                size,
                *(
                    value
                    for panel in found.panels
                    for value in (f"{100 * panel.grown[n][1]:.1f}", panel.grown[n][2])
                ),
            ]
            for n, (size, _, _) in enumerate(found.panels[0].grown)
        ],
        note="Coverage: the mean similarity of instructions put aside, of all sets together, to the"
        " nearest among the first n of the rest. A flat curve says that more of the same data adds"
        " nothing.",
    )


def _distinct(found: Diversity) -> Figure:
    return Figure(
        name="distinct",
        title="Different n-grams among all",
        svg="",
        head=["Text", *(panel.name for panel in found.panels)],
        rows=[
            [
                f"{one.part}, n = {one.n} ({count(one.words)} words)",
                *(_share(panel.distinct[n].share) for panel in found.panels),
            ]
            for n, one in enumerate(found.panels[0].distinct)
        ],
        note="In samples with as many words of every set. Intervals: 95 %, for other examples of"
        " the same kind.",
    )


def _languages(found: Diversity) -> Figure:
    total = sum((panel.languages for panel in found.panels), Counter[str]())
    return Figure(
        name="languages",
        title="Languages of the instructions",
        svg="",
        head=["Language", *(panel.name for panel in found.panels)],
        rows=[
            [code, *(panel.languages[code] for panel in found.panels)]
            for code, _ in total.most_common(12)
        ],
        note="Guessed by a small model; short instructions are often guessed wrongly.",
    )


def _mentions(found: Diversity) -> Iterator[Figure]:
    for number, panel in enumerate(found.panels, 1):
        spans: list[charts.Span] = []
        rows: list[list[str | int | float]] = []
        for one in sorted(panel.mentions, key=lambda m: -m.share.mean):
            if not one.share.mean and not (one.seeds and one.seeds.mean):
                continue
            shown = _share(one.share)
            seeds = _share(one.seeds) if one.seeds else "no seeds given"
            spans.append(
                charts.Span(
                    label=one.group,
                    mean=100 * one.share.mean,
                    low=100 * one.share.low,
                    high=100 * one.share.high,
                    note=shown,
                    tone="accent" if one.differs else "plain",
                    mark=100 * one.seeds.mean if one.seeds else None,
                )
            )
            rows.append([one.group, shown, seeds, "yes" if one.differs else "no"])
        if not spans:
            continue
        title = f"Examples that mention people or groups, percent: {panel.name}"
        high = max([10.0, *(max(span.high, span.mark or 0) for span in spans)])
        desc = "; ".join(f"{span.label}: {span.note}" for span in spans)
        yield Figure(
            name=f"mentions-{number}",
            title=title,
            svg=charts.intervals(spans, title=title, desc=desc, high=high),
            head=["Group", "Examples", "Seeds", "Apart from the seeds"],
            rows=rows,
            note="Words of a list, in any part of the example. Ticks are the seeds; a coloured row"
            " does not meet them: look there for habits of the teacher. That a group is mentioned"
            " says nothing of how.",
        )


def _near(found: Diversity) -> Iterator[Figure]:
    if not any(panel.near for panel in found.panels):
        return
    yield Figure(
        name="overlap",
        title="Overlap with other sets",
        svg="",
        head=["Data set", "Other set", "Its instructions", "Same words", "ROUGE-L above 0.7"],
        rows=[
            [panel.name, one.name, one.read, _share(one.exact), _share(one.near)]
            for panel in found.panels
            for one in panel.near
        ],
        note="Shares of the different instructions looked at. Much overlap with widely used sets is"
        " centralisation: all train on the same, and their test sets may be in it.",
    )


def _share(interval: Interval) -> str:
    mean, low, high = (100 * value for value in interval)
    return f"{mean:.1f} % [{low:.1f}, {high:.1f}]"
