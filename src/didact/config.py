"""What a run does, as typed values: components with their settings, one class for each stage.

``runfile.load`` reads them from YAML; in Python they are written as they stand:
``RunConfig(name="mine", models={"teacher": ...}, generate=(Generation(use=...),))``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import yaml

from didact.components import name_of, settings_of
from didact.context import Budget, Evaluator, Filter, Model, Recipe, Source, Trainer
from didact.launching.launch import Launch
from didact.prices import Prices
from didact.records import JSON, Example, Sampling, canonical

__all__ = [
    "BASE",
    "TRAINED",
    "Evaluation",
    "Generation",
    "Items",
    "RunConfig",
    "Scale",
    "Suite",
    "Training",
    "describe_entry",
]

BASE, TRAINED = "base", "trained"
"""The roles that the train stage provides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One entry of ``generate``."""

    use: Recipe | Source
    seeds: str | Path | Sequence[Example] | None = None
    """``builtin``, a JSONL file, another run (its kept examples), or examples themselves."""
    cap: int | None = None
    """The most examples to take: of a recipe that asks models the first ones, of all others a
    sample by content."""
    weight: float | None = None
    """How much of it beside the other entries with a weight."""
    share: float | None = None
    """How much of all examples it is, above 0 and at most 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The ``train`` stage."""

    use: Trainer
    base: str | Path = "embedded"
    """``embedded``, a directory of a model, another run (its trained model), or a hub name."""
    launch: Launch | None = None
    """Training by several processes; None trains in this one."""


Items: TypeAlias = Source | Path | Sequence[Example]
"""Test items: a suite, a file, or examples themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One of several sets of test items of an evaluation."""

    on: Items
    name: str
    """Before each of its metrics: ``gsm8k/final_answer``."""
    evaluators: tuple[Evaluator, ...] = ()
    """In a run file: ``with``. Empty: those of the stage."""
    sampling: Sampling | None = None
    """None: that of the stage."""

    @property
    def asks(self) -> bool:
        """Whether the models write answers: not where all that scores them is probabilities."""
        reading = [getattr(one, "reads_answers", True) for one in self.evaluators]
        return not reading or any(reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The ``evaluate`` stage."""

    on: Items | tuple[Suite, ...]
    """The test items: a suite, a JSONL file, examples themselves; or several sets of them."""
    models: tuple[str, ...] = (BASE, TRAINED)
    """The roles to compare."""
    evaluators: tuple[Evaluator, ...] = ()
    """In a run file: ``with``. Of several sets, for those that name none themselves."""
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=128))

    @property
    def suites(self) -> tuple[Suite, ...]:
        """The sets of items, each with what scores it; the only one has no name."""
        if not (isinstance(self.on, tuple) and self.on and isinstance(self.on[0], Suite)):
            only = cast("Items", self.on)
            return (Suite(on=only, name="", evaluators=self.evaluators, sampling=self.sampling),)
        return tuple(
            replace(
                suite,
                evaluators=suite.evaluators or self.evaluators,
                sampling=suite.sampling or self.sampling,
            )
            for suite in cast("tuple[Suite, ...]", self.on)
        )

    @property
    def all_evaluators(self) -> tuple[Evaluator, ...]:
        """Those of every set of items."""
        return tuple(one for suite in self.suites for one in suite.evaluators)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Where the work of local models and of filters is done. It changes no result."""

    use: Literal["local", "ray"]
    """Processes of this machine, or the workers of a Ray."""
    workers: int
    """How many shards are worked on at the same time."""
    address: str | None = None
    """Of a Ray that runs (``auto`` finds it); one is started here without."""
    rows: int = 64
    """Requests or examples of a shard."""
    cpus: float = 1.0
    """What Ray sets aside for a worker, in processors, and ..."""
    gpus: float = 0.0
    """... in GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What a run does."""

    name: str
    seed: int = 0
    max_failures: int = 100
    """How many failed items a stage tolerates."""
    budget: Budget | None = None
    prices: Prices = field(default_factory=Prices)
    models: Mapping[str, Model] = field(default_factory=dict[str, Model])
    generate: tuple[Generation, ...] = ()
    filter: tuple[Filter, ...] = ()
    train: Training | None = None
    evaluate: Evaluation | None = None
    scale: Scale | None = None
    """Where its work is done; in this process by default."""
    reuse: tuple[Path, ...] = ()
    """Other runs: a call that one of them has made is copied from its log instead of made."""
    document: Mapping[str, JSON] | None = None
    """The run file this was read from, its paths absolute."""

    def described(self, folder: Path) -> dict[str, str]:
        """Role to its entry under ``models`` as JSON, paths relative to ``folder``."""
        document = self.document if self.document is not None else _document(self)
        entries = cast("Mapping[str, Mapping[str, JSON]]", document.get("models") or {})
        return {role: describe_entry(entry, folder) for role, entry in entries.items()}

    def to_yaml(self, folder: Path) -> str:
        """A run file to open this again from ``folder``: overrides applied, paths relative."""
        document = self.document if self.document is not None else _document(self)
        plain = _relative(document, folder.resolve())
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


def describe_entry(entry: Mapping[str, Any], folder: Path) -> str:
    """An entry of a run file as JSON, paths relative to ``folder``: the same wherever both are."""
    return canonical(_relative(entry, folder.resolve()))


_OF_ENTRY = ("seeds", "cap", "weight", "share")


def _relative(data: Any, folder: Path) -> Any:  # noqa: ANN401
    """Plain values to write, with paths as they are seen from the folder."""
    if isinstance(data, Path):
        return Path(os.path.relpath(data.resolve(), folder)).as_posix()
    if isinstance(data, Mapping):
        items = cast("Mapping[str, Any]", data).items()
        return {key: _relative(value, folder) for key, value in items}
    if isinstance(data, list | tuple):
        return [_relative(value, folder) for value in cast("Sequence[Any]", data)]
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if is_dataclass(data) and not isinstance(data, type):
        return _relative(settings_of(data), folder)
    return repr(data)


def _document(config: RunConfig) -> dict[str, Any]:
    """A run file for a config that was written in Python; functions in it stay names."""
    document: dict[str, Any] = {"name": config.name, "seed": config.seed}
    document["max_failures"] = config.max_failures
    if config.budget:
        document["budget"] = settings_of(config.budget)
    if config.prices.own:
        document["prices"] = {
            name: {"input": price.input, "output": price.output}
            for name, price in config.prices.own.items()
        }
    if config.reuse:
        document["reuse"] = [Path(path) for path in config.reuse]
    if config.scale:
        document["scale"] = settings_of(config.scale)
    document["models"] = {role: _entry(model) for role, model in config.models.items()}
    document["generate"] = [
        _entry(g.use)
        | {k: v for k in _OF_ENTRY if (v := cast("object", getattr(g, k))) is not None}
        for g in config.generate
    ]
    document["filter"] = [_entry(component) for component in config.filter]
    if config.train:
        document["train"] = _entry(config.train.use) | {"base": config.train.base}
        if config.train.launch:
            document["train"]["launch"] = settings_of(config.train.launch)
    if evaluate := config.evaluate:
        document["evaluate"] = {
            "on": _on(evaluate.on),
            "models": evaluate.models,
            "with": [_entry(component) for component in evaluate.evaluators],
            "sampling": settings_of(evaluate.sampling),
        }
    return document


def _on(on: Items | tuple[Suite, ...]) -> object:
    """Test items as a run file names them."""
    if isinstance(on, tuple) and on and isinstance(on[0], Suite):
        return [_suite(suite) for suite in cast("tuple[Suite, ...]", on)]
    return _entry(on) if is_dataclass(on) else cast("object", on)


def _suite(suite: Suite) -> dict[str, Any]:
    found = _on(suite.on)
    entry = cast("dict[str, Any]", found) if isinstance(found, dict) else {"use": found}
    entry = {**entry, "name": suite.name}
    if suite.evaluators:
        entry["with"] = [_entry(component) for component in suite.evaluators]
    if suite.sampling:
        entry["sampling"] = settings_of(suite.sampling)
    return entry


def _entry(component: object) -> dict[str, Any]:
    return {"use": name_of(component), **settings_of(component)}
