"""Quality against data size: several arms, several sizes, several seeds, one table and its fits.

The curves of the field: Self-Instruct, figure 7 (Wang et al. 2022, arXiv 2212.10560: share of good
answers from 175 to 51,200 instructions); backtranslation's size by curation level and the data
efficiency of recipes, ``w = alpha log N + C`` (Li et al. 2023, arXiv 2308.06259). Each arm is a run
file. Its data is made and filtered once; for each seed one order is drawn by lot, and every size is
the beginning of it, so that subsets are nested. Ours differs in what the papers leave out: sizes
are compared at the same epochs or at the same steps and the result says which; every number has an
interval that covers new seeds and new items (task families where items have one); several
comparisons share their level (Holm).

Trainings are run directories under one folder; run the same command to continue. A call that one of
them has made is copied by the next. Cost: the calls of each arm's data once, and one training and
one evaluation for each arm, size and seed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

from didact import pipeline
from didact.arms import families_of, sampled, with_epochs, write_examples
from didact.config import TRAINED, RunConfig
from didact.context import Listener
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.records import JSON
from didact.resolve import items
from didact.stats.bootstrap import Interval
from didact.store import Run
from didact.sweep import Baseline, Cell, Fit, Point, Sweep

__all__ = ["ALL", "FILE", "Arm", "Curves", "Match", "curve", "p_text", "parse_sizes"]

Match: TypeAlias = Literal["epochs", "steps"]

ALL = 0
"""Stands for as many examples as the smallest arm has."""

FILE = "curve.json"
"""What the folder of a curve keeps its result in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One run file."""

    name: str
    made: int
    """Examples before its filters."""
    kept: int
    """Examples to draw from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """What came out."""

    name: str
    sizes: tuple[int, ...]
    seeds: int
    match: Match
    arms: tuple[Arm, ...]
    units: str
    """What is drawn anew in the intervals: ``39 families`` or ``312 items``."""
    points: tuple[Point, ...]
    fits: tuple[Fit, ...]
    baselines: tuple[Baseline, ...]

    @property
    def metrics(self) -> list[str]:
        """All metrics, in the order of the evaluators."""
        return list(dict.fromkeys(point.metric for point in self.points))

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return cast("dict[str, JSON]", _plain(asdict(self)))

    def lines(self) -> list[str]:
        """The result in words."""
        same = "as many epochs" if self.match == "epochs" else "as many steps"
        sizes = ", ".join(f"{size:,}" for size in self.sizes)
        lines = [
            f"{sizes} rows; {same} at every size; seeds: {self.seeds}; intervals: 95 %,"
            f" for new {self.units.partition(' ')[2]}"
            f"{' and new seeds' if self.seeds > 1 else ' (not for new seeds: there is one)'}"
        ]
        for arm in self.arms:
            lines.append(f"{arm.name}: {arm.kept:,} of {arm.made:,} examples kept")
        for metric in self.metrics:
            lines.append(metric)
            for baseline in (one for one in self.baselines if one.metric == metric):
                lines.append(f"  {baseline.model:<20} {'':>7}  {_interval(baseline.score)}")
            lines += [_line(point) for point in self.points if point.metric == metric]
            for fit in (one for one in self.fits if one.metric == metric):
                lines.append(
                    f"  {fit.arm:<20} alpha {_interval(fit.alpha, signed=True)} for each factor e"
                    f" (natural logarithm); the means are up to {fit.off:.1f} off the line"
                )
        return lines


def curve(
    arms: Sequence[RunConfig],
    where: Path,
    *,
    sizes: Sequence[int],
    seeds: int = 3,
    match: Match = "epochs",
    on_event: Listener | None = None,
) -> Curves:
    """Train every arm at every size with every seed; the result is also in ``curve.json``."""
    _check(arms, sizes=sizes, seeds=seeds)
    found: list[Arm] = []
    data: dict[str, Path] = {}
    for arm in arms:
        folder = where / "data" / arm.name
        pipeline.generate(arm, folder, on_event=on_event)
        pipeline.filter(arm, folder, on_event=on_event)
        with Run.open(folder) as run:
            kept = run.kept()
            found.append(Arm(name=arm.name, made=len(run.examples()), kept=len(kept)))
        data[arm.name] = write_examples(where / "data" / f"{arm.name}.jsonl", kept)
    chosen = _sizes(sizes, found)
    cells: list[Cell] = []
    done: list[Path] = [where / "data" / arm.name for arm in arms]
    families: dict[str, str] = {}
    for seed in range(seeds):
        for arm in arms:
            for size in chosen:
                factor = chosen[-1] / size if match == "steps" else 1.0
                path = where / f"{arm.name}-{size}-seed-{seed}"
                config = sampled(arm, path.name, data[arm.name], rows=size, seed=seed, reuse=done)
                pipeline.run(with_epochs(config, factor), path, on_event=on_event)
                done.append(path)
                with Run.open(path) as run:
                    families |= families_of(run.items())
                    cells.append(Cell.of(run, arm=arm.name, size=size, seed=seed))
    sweep = Sweep(cells, families)
    result = Curves(
        name=arms[0].name,
        sizes=tuple(chosen),
        seeds=seeds,
        match=match,
        arms=tuple(found),
        units=sweep.units,
        points=tuple(sweep.points()),
        fits=tuple(sweep.fits()),
        baselines=tuple(sweep.baselines()),
    )
    with storing(where):
        text = json.dumps(result.to_json(), indent=2, ensure_ascii=False)
        (where / FILE).write_text(text + "\n", encoding="utf-8")
    return result


def parse_sizes(text: str) -> list[int]:
    """``175,500,1k,4k`` as numbers, ``all`` as ``ALL``; ConfigError for anything else."""
    sizes: list[int] = []
    for part in text.lower().replace(" ", "").split(","):
        digits, factor = (part[:-1], 1000) if part.endswith("k") else (part, 1)
        try:
            size = ALL if part == "all" else round(float(digits) * factor)
        except (ValueError, OverflowError):
            size = -1
        if size < 1 and part != "all":
            raise ConfigError(f"--sizes: {part!r} is no number of examples; write 175,500,1k,4k")
        sizes.append(size)
    return sizes


def _check(arms: Sequence[RunConfig], *, sizes: Sequence[int], seeds: int) -> None:
    if not sizes or seeds < 1:
        raise ConfigError("curve: needs a size and a seed, one at least")
    names = [arm.name for arm in arms]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"curve: two arms are named {', '.join(twice)}; set `name:` in each")
    expected: list[str] | None = None
    for arm in arms:
        if not arm.generate or arm.train is None or arm.evaluate is None:
            raise ConfigError(f"curve: {arm.name} needs generate, train and evaluate")
        if TRAINED not in arm.evaluate.models or not arm.evaluate.evaluators:
            raise ConfigError(
                f"curve: {arm.name}: evaluate.models must name {TRAINED!r}, and evaluate.with an"
                " evaluator"
            )
        pipeline.check(arm)
        mine = [item.id for item in items(arm.evaluate)]
        if expected is not None and mine != expected:
            raise ConfigError(
                f"curve: {arm.name} is evaluated on other items than {names[0]}: arms are compared"
                " item by item"
            )
        expected = mine


def _sizes(sizes: Sequence[int], arms: Sequence[Arm]) -> list[int]:
    least = min(arms, key=lambda arm: arm.kept)
    chosen = sorted({size if size != ALL else least.kept for size in sizes})
    if chosen[-1] > least.kept or chosen[0] < 1:
        raise DidactError(
            f"curve: {least.name} kept {least.kept:,} examples, too few for a size of"
            f" {chosen[-1]:,}; raise its target, or repeat the command with sizes up to"
            f" {least.kept:,} (its data is there, and no call is made again)"
        )
    return chosen


def _line(point: Point) -> str:
    text = f"  {point.arm:<20} {point.size:>7,}  {_interval(point.score)}"
    if point.over_base is not None:
        text += f"  over base {_interval(point.over_base, signed=True)}"
    if point.over_first is not None and point.p is not None:
        text += f"  over the first arm {_interval(point.over_first, signed=True)} {p_text(point.p)}"
    return text


def p_text(value: float) -> str:
    """A p-value that is never 0."""
    return "p < 0.001" if value < 0.001 else f"p {value:.3f}"


def _interval(found: Interval, *, signed: bool = False) -> str:
    mean, low, high = (f"{value:{'+' if signed else ''}.1f}" for value in found)
    return f"{mean:>6} [{low}, {high}]"


def _plain(value: object) -> object:
    """JSON of a nested value; an interval is a list."""
    if isinstance(value, Point | Fit | Baseline):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("Sequence[object]", value)]
    return value
