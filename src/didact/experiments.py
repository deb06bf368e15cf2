"""Many runs that share their calls, compared with honest statistics.

``ablate`` asks what each filter of a run buys. The data is made once. Then, for every filter, the
same data is filtered without it, and models are trained on both sets at the same size and with the
same seeds: a filter that throws half away must not win or lose by that. What differs between two
arms is the rows that the filter let through or not; both draw their rows by the same lots, so that
they have as many in common as can be. One more arm has no filter at all: a random sample of the
same size, which every filter together must beat. With ``controls`` each filter is also replaced
where it stands by a selection of as many rows as it keeps there: at random, and the longest
answers, which beat many a published selection (Zhao et al. 2024, arXiv 2402.04833).

Arms are run directories like any other, under one folder; run the same command to continue. A call
that one arm has made is copied by the next. Cost: the calls of the run, once, and one training and
one evaluation for each arm and seed; arms that keep the same examples are trained once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import cast

from didact import pipeline
from didact.arms import families_of, sampled, write_examples
from didact.components import find, name_of, numbered, path_fingerprint
from didact.config import TRAINED, RunConfig
from didact.context import Filter, Listener
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.records import JSON, Example
from didact.stats.bootstrap import Interval, paired_bootstrap, sign_flip
from didact.store import Run
from didact.tables import KEPT, VERDICTS

__all__ = ["ALL", "NONE", "Ablation", "Arm", "Effect", "ablate", "effects"]

ALL, NONE = "all filters", "no filter"
"""The arm with every filter, and the one without any."""

_INSTEAD = {"random": "at random", "longest": "of the longest"}
"""Controls: a selection of as many as the filter keeps."""

_SEED = 20230217
"""Of the resampling: fixed, so that the same scores always print the same intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The data without one filter."""

    name: str
    """The filter that is off; or ``ALL`` or ``NONE``."""
    kept: int
    """Examples that the other filters keep; of these a sample is trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one filter does to one metric."""

    filter: str
    metric: str
    on: float
    """The mean score with it, over seeds and items."""
    off: float
    """The same without it, or with what stands in its place."""
    difference: Interval
    """On less off, item by item and seed by seed."""
    p: float
    """Of a difference of nothing, by flipping signs."""
    items: int
    instead: str = ""
    """What stands in its place: ``random`` or ``longest``; "" for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """What every filter of a run buys."""

    size: int
    """Rows that every model was trained on."""
    seeds: int
    arms: tuple[Arm, ...]
    effects: tuple[Effect, ...]

    def lines(self) -> list[str]:
        """The ablation in words, a line for each filter and metric."""
        kept = {arm.name: arm.kept for arm in self.arms}
        lines = [
            f"{self.size} rows an arm, {self.seeds} {'seed' if self.seeds == 1 else 'seeds'};"
            f" all filters keep {kept[ALL]} of {kept[NONE]}"
        ]
        for effect in self.effects:
            difference = effect.difference
            without = f"with as many {_INSTEAD[effect.instead]}" if effect.instead else "without"
            sure = "" if difference.low <= 0 <= difference.high else " (not by chance)"
            name = "all of them" if effect.filter == NONE else effect.filter
            lines.append(
                f"{name:<20} {effect.metric:<14} {effect.on:6.2f} with, {effect.off:6.2f}"
                f" {without}: {difference.mean:+.2f} [{difference.low:+.2f},"
                f" {difference.high:+.2f}], p {effect.p:.3f}{sure}"
                + ("" if effect.instead else f"; it drops {kept[effect.filter] - kept[ALL]}")
            )
        return lines

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "size": self.size,
            "seeds": self.seeds,
            "arms": [asdict(arm) for arm in self.arms],
            "effects": [
                {**asdict(effect), "difference": list(effect.difference)} for effect in self.effects
            ],
        }


Table = Mapping[tuple[str, int, str], float]
"""Metric, seed and item to the score of the model that was trained."""


def ablate(
    config: RunConfig,
    where: Path,
    *,
    seeds: int = 3,
    size: int | None = None,
    controls: bool = False,
    on_event: Listener | None = None,
) -> Ablation:
    """Train without each filter in turn, and compare; the result is also in ``ablation.json``.

    ``size`` rows are trained on at most; by default as many as the smallest arm has. With
    ``controls`` each filter is compared with a random selection and the longest in its place too.
    """
    _check(config, seeds=seeds, size=size)
    kept: dict[str, Sequence[Example]] = {}
    content: dict[str, JSON] = {}
    paths: dict[str, Path] = {}
    compared: list[_Setting] = []
    for arm in _arms(config, controls=controls):
        run = _filtered(config, where, arm, on_event)
        kept[arm.name] = run.stored(KEPT)
        content[arm.name] = path_fingerprint(run.path / "filter" / "kept.parquet")
        # Arms that keep the same are one: a filter that drops nothing costs no training.
        same = next((name for name in paths if content[name] == content[arm.name]), None)
        data = where / "data" / f"{arm.folder}.jsonl"
        paths[arm.name] = paths[same] if same else write_examples(data, kept[arm.name])
        if arm.name != ALL:
            compared.append(arm)
    rows = min([len(examples) for examples in kept.values()] + ([size] if size else []))
    if not rows:
        empty = next(name for name, examples in kept.items() if not examples)
        arm = empty if empty in {ALL, NONE} else f"the arm without {empty}"
        raise DidactError(f"ablate: there is nothing to train on: nothing is kept by {arm}")
    tables, families = _trained(config, where, paths, rows=rows, seeds=seeds, on_event=on_event)
    result = Ablation(
        size=rows,
        seeds=seeds,
        arms=tuple(Arm(name=name, kept=len(examples)) for name, examples in kept.items()),
        effects=tuple(
            replace(effect, instead=arm.instead)
            for arm in compared
            # Without the only filter there is none: that is told once.
            if arm.name != NONE or len(config.filter) > 1
            for effect in effects(arm.filter, tables[ALL], tables[arm.name], families)
        ),
    )
    with storing(where):
        text = json.dumps(result.to_json(), indent=2, ensure_ascii=False)
        (where / "ablation.json").write_text(text + "\n", encoding="utf-8")
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """The filters of one arm."""

    name: str
    filter: str
    """The one that is off or replaced; NONE where all are."""
    instead: str = ""
    at: int | None = None
    """Its place; None where all filters stay or go."""

    @property
    def folder(self) -> str:
        whole = {ALL: "all", NONE: "none"}.get(self.name)
        return whole or f"{f'{self.instead}-for' if self.instead else 'without'}-{self.filter}"


def _arms(config: RunConfig, *, controls: bool) -> Iterator[_Setting]:
    """The arms in their order, the one with every filter first."""
    names = numbered([name_of(component) for component in config.filter])
    yield _Setting(name=ALL, filter=ALL)
    for at, name in enumerate(names):
        yield _Setting(name=name, filter=name, at=at)
        for instead in _INSTEAD if controls else ():
            yield _Setting(name=f"{instead} for {name}", filter=name, instead=instead, at=at)
    yield _Setting(name=NONE, filter=NONE)


def _trained(
    config: RunConfig,
    where: Path,
    paths: Mapping[str, Path],
    *,
    rows: int,
    seeds: int,
    on_event: Listener | None,
) -> tuple[dict[str, dict[tuple[str, int, str], float]], dict[str, str]]:
    """The scores of every arm under every seed, and the families of the test items."""
    tables: dict[str, dict[tuple[str, int, str], float]] = {name: {} for name in paths}
    families: dict[str, str] = {}
    done: list[Path] = []
    for seed in range(seeds):
        for name, path in paths.items():
            run = where / f"{path.stem}-seed-{seed}"
            if run not in done:
                arm = sampled(config, run.name, path, rows=rows, seed=seed, reuse=done[:1])
                pipeline.run(arm, run, on_event=on_event)
                done.append(run)
            for score in Run.open(run).scores():
                if score.model == TRAINED and score.value is not None:
                    tables[name][score.metric, seed, score.example_id] = score.value
            families |= families_of(Run.open(run).items())
    return tables, families


def effects(
    name: str, on: Table, off: Table, families: Mapping[str, str] | None = None
) -> list[Effect]:
    """What a filter does to every metric, from the scores with it and without it.

    The scores of one item under all seeds are one cluster; where items are of ``families``, one
    family is.
    """
    found: list[Effect] = []
    for metric in dict.fromkeys(metric for metric, *_ in on):
        keys = [key for key in on if key[0] == metric and key in off]
        if not keys:
            continue
        groups: Mapping[str, str] = {}
        if families and all(item in families for *_, item in keys):
            groups = families
        clusters: list[Hashable] = [groups.get(item, item) for *_, item in keys]
        first, second = [on[key] for key in keys], [off[key] for key in keys]
        found.append(
            Effect(
                filter=name,
                metric=metric,
                on=fmean(first),
                off=fmean(second),
                difference=paired_bootstrap(first, second, seed=_SEED, clusters=clusters),
                p=sign_flip(first, second, seed=_SEED, clusters=clusters),
                items=len({item for *_, item in keys}),
            )
        )
    return found


def _check(config: RunConfig, *, seeds: int, size: int | None) -> None:
    if not config.filter:
        raise ConfigError("ablate: the run file has no filter to switch off")
    if config.train is None or config.evaluate is None:
        raise ConfigError("ablate: the run file needs a train and an evaluate stage")
    if TRAINED not in config.evaluate.models:
        raise ConfigError(f"ablate: evaluate.models must name {TRAINED!r}")
    if seeds < 1 or (size is not None and size < 1):
        raise ConfigError("ablate: seeds and size must be at least 1")
    pipeline.check(config)


def _filtered(config: RunConfig, where: Path, setting: _Setting, on_event: Listener | None) -> Run:
    """The run that filters as an arm does; the calls are those of the arm with all filters."""
    whole = where / "all"
    reuse = config.reuse if setting.name == ALL else (*config.reuse, whole)
    filters = list(config.filter)
    entries = [_entry(config, number) for number in range(len(filters))]
    if setting.name == NONE:
        filters, entries = [], []
    elif setting.at is not None:
        filters[setting.at : setting.at + 1] = []
        entries[setting.at : setting.at + 1] = []
        if setting.instead:
            count = _kept_by(whole, setting.filter)
            control = cast("Filter", find("filters", setting.instead)(count=count))
            filters.insert(setting.at, control)
            entries.insert(setting.at, {"use": setting.instead, "count": count})
    document = {"filter": entries, "reuse": [Path(path) for path in reuse]}
    arm = _changed(config, filter=tuple(filters), reuse=reuse, document=document)
    run = where / setting.folder
    if setting.name != ALL:
        _share_data(whole, run)
    pipeline.generate(arm, run, on_event=on_event)
    pipeline.filter(arm, run, on_event=on_event)
    return Run.open(run)


def _kept_by(run: Path, name: str) -> int:
    """How many a filter kept where it stands; DidactError for none."""
    verdicts = Run.open(run).stored(VERDICTS).columns("filter", "keep")
    count = sum(keep for one, keep in verdicts if one == name)
    if not count:
        raise DidactError(f"ablate: {name} keeps nothing: there is no control of its size")
    return count


def _share_data(whole: Path, run: Path) -> None:
    """Let an arm have the data as it was made for all, failed calls and all."""
    made, mine = Run.open(whole).stage("generate"), run / "generate"
    if (run / "run.yaml").is_file() and Run.open(run).stage("generate") == made:
        return
    with storing(run):
        shutil.rmtree(mine, ignore_errors=True)
        shutil.copytree(whole / "generate", mine)


def _changed(config: RunConfig, *, document: Mapping[str, object], **fields: object) -> RunConfig:
    """The config with other fields, and its run file with the same change."""
    written = None
    if config.document is not None:
        written = cast("Mapping[str, JSON]", {**config.document, **document})
    return replace(config, document=written, **cast("dict[str, JSON]", fields))  # pyright: ignore[reportArgumentType]


def _entry(config: RunConfig, number: int) -> JSON:
    if config.document is None:
        return None
    return cast("list[JSON]", config.document["filter"])[number]
