"""``didact compare``: the models of several runs side by side, item by item, with p-values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from didact.commands.options import Json, say
from didact.errors import ConfigError
from didact.records import Score
from didact.report.comparison import Metric, Scored, compare
from didact.report.reading import Facts, read
from didact.stats.bootstrap import Interval

__all__ = ["compare_command", "compare_runs"]


def compare_command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run directories; distances are from the first.", show_default=False),
    ],
    roles: Annotated[
        str, typer.Option(metavar="ROLES", help="Which models of each run, with commas.")
    ] = "trained",
    as_json: Json = False,
) -> None:
    """The models of several runs on the items they share: scores, paired differences, p-values.

    Intervals are 95 % and speak of new items, or of new families, tasks and questions where items
    come in such; p-values are of a sign-flip permutation test, adjusted (Holm) for all comparisons
    made here. They say nothing of other training seeds: `didact report` of runs that differ in the
    seed alone does, and `didact curve --seeds`.
    """
    facts = [read(path) for path in runs]
    metrics = compare_runs(facts, [role.strip() for role in roles.split(",")])
    if as_json:
        print(json.dumps({"metrics": [_json(metric) for metric in metrics]}))
        return
    for metric in metrics:
        for line in _lines(metric, of=_asked(facts, metric.key)):
            print(line)
    shown = " ".join(map(str, runs))
    say(f"next      didact report {shown}    or    didact open {runs[0].parent}")


def compare_runs(runs: Sequence[Facts], roles: Sequence[str]) -> tuple[Metric, ...]:
    """``RUN/ROLE`` on every metric; only on items that all of them have a number for."""
    if len({facts.path.resolve() for facts in runs}) < max(2, len(runs)):
        raise ConfigError("compare: name two run directories or more, each once")
    scores: list[Score] = []
    order: list[str] = []
    names = _names(runs)
    for name, facts in zip(names, runs, strict=True):
        if not facts.scores:
            raise ConfigError(f"{facts.path}: has no scores; run didact evaluate first")
        known = sorted({score.model for score in facts.scores})
        for role in roles:
            if role not in known:
                raise ConfigError(
                    f"{facts.path}: no scores of {role!r} (there are: {', '.join(known)});"
                    " --roles names others"
                )
            order.append(f"{name}/{role}")
            scores += [replace(s, model=f"{name}/{role}") for s in facts.scores if s.model == role]
    shared = _shared(scores, len(order))
    if not shared:
        raise ConfigError("compare: the runs have no metric on a common test item")
    return compare(
        [score for score in scores if (score.metric, score.example_id) in shared],
        families={},
        clusters=runs[0].clusters,
        order=order,
    )


def _names(runs: Sequence[Facts]) -> list[str]:
    """What tells the runs apart: their names, or else their directories."""
    names = [facts.name for facts in runs]
    return names if len(set(names)) == len(names) else [str(facts.path) for facts in runs]


def _shared(scores: Sequence[Score], models: int) -> set[tuple[str, str]]:
    """Metric and item of what every model has a number for."""
    heard: dict[tuple[str, str], set[str]] = {}
    for score in scores:
        if score.value is not None:
            heard.setdefault((score.metric, score.example_id), set()).add(score.model)
    return {key for key, by in heard.items() if len(by) == models}


def _asked(runs: Sequence[Facts], metric: str) -> int:
    """Items that any of the runs has under a metric."""
    return len({s.example_id for facts in runs for s in facts.scores if s.metric == metric})


def _lines(metric: Metric, *, of: int) -> list[str]:
    drawn = f" in {metric.clusters} groups" if metric.clusters else ""
    items = metric.models[0].items
    # What one model was not asked, or has no number for, is left out for all.
    shared = f"{items} of {of} items, scored for all" if items < of else f"{items} items"
    lines = [f"{metric.key}, {shared}{drawn}, {metric.unit}"]
    width = max(len(line.model) for line in metric.models)
    for line in metric.models:
        over = f"   over {metric.against}: {_over(line)}" if line.gain else ""
        lines.append(f"  {line.model:<{width}}  {_bounds(line.score)}{over}")
    return lines


def _over(line: Scored) -> str:
    gain, p = line.gain, line.adjusted
    told = f"{gain.mean:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}]" if gain else ""
    return f"{told}, p {'< 0.001' if p < 0.001 else f'{p:.3f}'}" if p is not None else told


def _bounds(found: Interval) -> str:
    return f"{found.mean:5.1f} [{found.low:.1f}, {found.high:.1f}]"


def _json(metric: Metric) -> dict[str, Any]:
    return {
        "metric": metric.key,
        "unit": metric.unit,
        "against": metric.against,
        "groups": metric.clusters,
        "comparisons": metric.comparisons,
        "models": [
            {
                "model": line.model,
                "items": line.items,
                "score": list(line.score),
                "difference": list(line.gain) if line.gain else None,
                "p": line.p,
                "p_adjusted": line.adjusted,
            }
            for line in metric.models
        ],
    }
