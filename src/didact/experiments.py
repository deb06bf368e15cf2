"""Many runs that share their calls, compared with honest statistics.

``ablate`` asks what each filter of a run buys. The data is made once. Then, for every filter, the
same data is filtered without it, and models are trained on both sets at the same size and with the
same seeds: a filter that throws half away must not win or lose by that. What differs between two
arms is the rows that the filter let through or not; both draw their rows by the same lots, so that
they have as many in common as can be. One more arm has no filter at all: a random sample of the
same size, which every filter together must beat.

Arms are run directories like any other, under one folder; run the same command to continue. A call
that one arm has made is copied by the next. Cost: the calls of the run, once, and one training and
one evaluation for each arm and seed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import cast

from didact import pipeline
from didact.components import find, name_of, numbered
from didact.config import TRAINED, Generation, RunConfig
from didact.context import Filter, Listener, Source
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.records import JSON, Example
from didact.stats.bootstrap import Interval, paired_bootstrap, sign_flip
from didact.store import Run

__all__ = ["ALL", "NONE", "Ablation", "Arm", "Effect", "ablate", "effects"]

ALL, NONE = "all filters", "no filter"
"""The arm with every filter, and the one without any."""

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
    """The same without it."""
    difference: Interval
    """On less off, item by item and seed by seed."""
    p: float
    """Of a difference of nothing, by flipping signs."""
    items: int


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
            sure = "" if difference.low <= 0 <= difference.high else " (not by chance)"
            name = "all of them" if effect.filter == NONE else effect.filter
            lines.append(
                f"{name:<20} {effect.metric:<14} {effect.on:6.2f} with, {effect.off:6.2f} without:"
                f" {difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}],"
                f" p {effect.p:.3f}{sure}; it drops {kept[effect.filter] - kept[ALL]}"
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
    on_event: Listener | None = None,
) -> Ablation:
    """Train without each filter in turn, and compare; the result is also in ``ablation.json``.

    ``size`` rows are trained on at most; by default as many as the smallest arm has.
    """
    _check(config, seeds=seeds, size=size)
    names = numbered([name_of(component) for component in config.filter])
    chosen: dict[str, list[int]] = {ALL: list(range(len(names)))}
    for number, name in enumerate(names):
        chosen[name] = [other for other in chosen[ALL] if other != number]
    chosen[NONE] = []
    kept: dict[str, Path] = {}
    arms: list[Arm] = []
    for name, filters in chosen.items():
        examples = _filtered(config, where, name, filters, on_event)
        arms.append(Arm(name=name, kept=len(examples)))
        kept[name] = _written(where / "data" / f"{_folder(name)}.jsonl", examples)
    rows = min([arm.kept for arm in arms] + ([size] if size else []))
    if not rows:
        empty = ", ".join(arm.name for arm in arms if not arm.kept)
        raise DidactError(f"ablate: there is nothing to train on: nothing is kept by {empty}")
    tables: dict[str, dict[tuple[str, int, str], float]] = {name: {} for name in chosen}
    families: dict[str, str] = {}
    done: list[Path] = []
    for seed in range(seeds):
        for name, path in kept.items():
            run = where / f"{_folder(name)}-seed-{seed}"
            arm = _arm(config, run.name, path, rows=rows, seed=seed, reuse=done[:1])
            pipeline.run(arm, run, on_event=on_event)
            done.append(run)
            for score in Run.open(run).scores():
                if score.model == TRAINED and score.value is not None:
                    tables[name][score.metric, seed, score.example_id] = score.value
            families |= _families(Run.open(run).items())
    result = Ablation(
        size=rows,
        seeds=seeds,
        arms=tuple(arms),
        effects=tuple(
            effect
            for name in (*names, *([NONE] if len(names) > 1 else []))
            for effect in effects(name, tables[ALL], tables[name], families)
        ),
    )
    with storing(where):
        text = json.dumps(result.to_json(), indent=2, ensure_ascii=False)
        (where / "ablation.json").write_text(text + "\n", encoding="utf-8")
    return result


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


def _filtered(
    config: RunConfig, where: Path, name: str, filters: Sequence[int], on_event: Listener | None
) -> list[Example]:
    """What these filters keep; the calls are those of the arm with all of them."""
    whole = where / _folder(ALL)
    reuse = config.reuse if name == ALL else (*config.reuse, whole)
    arm = _changed(
        config,
        filter=tuple(config.filter[number] for number in filters),
        reuse=reuse,
        document={
            "filter": [_entry(config, number) for number in filters],
            "reuse": [Path(path) for path in reuse],
        },
    )
    run = where / _folder(name)
    if name != ALL:
        _share_data(whole, run)
    pipeline.generate(arm, run, on_event=on_event)
    pipeline.filter(arm, run, on_event=on_event)
    return Run.open(run).kept()


def _share_data(whole: Path, run: Path) -> None:
    """Let an arm have the data as it was made for all, failed calls and all."""
    made, mine = Run.open(whole).stage("generate"), run / "generate"
    if (run / "run.yaml").is_file() and Run.open(run).stage("generate") == made:
        return
    with storing(run):
        shutil.rmtree(mine, ignore_errors=True)
        shutil.copytree(whole / "generate", mine)


def _arm(
    config: RunConfig, name: str, data: Path, *, rows: int, seed: int, reuse: Sequence[Path]
) -> RunConfig:
    """A run that trains on a sample of the data with this seed, evaluated as the file says."""
    source = cast("Source", find("sources", "jsonl")(path=data))
    sample = cast("Filter", find("filters", "random")(count=rows, seed=seed))
    return _changed(
        config,
        name=name,
        seed=seed,
        generate=(Generation(use=source),),
        filter=(sample,),
        reuse=(*config.reuse, *reuse),
        document={
            "name": name,
            "seed": seed,
            "generate": [{"use": "jsonl", "path": data}],
            "filter": [{"use": "random", "count": rows, "seed": seed}],
            "reuse": [Path(path) for path in (*config.reuse, *reuse)],
        },
    )


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


def _written(path: Path, examples: Sequence[Example]) -> Path:
    """The examples as a file that the source jsonl reads back as they are."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(example.to_json(), ensure_ascii=False) for example in examples]
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def _families(items: Sequence[Example]) -> dict[str, str]:
    return {item.id: str(item.meta["family"]) for item in items if "family" in item.meta}


def _folder(name: str) -> str:
    return {ALL: "all", NONE: "none"}.get(name, f"without-{name}")
