"""What the words of a run file stand for: seeds, test items, the base model, the models to ask.

Runs compose by path: another run's directory stands for its kept examples where examples are meant,
and for its trained model where a model is meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import cast

from didact.components import find
from didact.config import BASE, TRAINED, Evaluation, Generation, RunConfig, Suite, Training
from didact.context import Model, Source
from didact.errors import ConfigError
from didact.licences import OWN
from didact.records import Example, canonical
from didact.store import Run, trained_model

__all__ = ["base_path", "items", "models", "seeds", "suite_items", "whole"]

_EMBEDDED = Path(str(files("didact"))) / "embedded"


def seeds(entry: Generation) -> list[Example]:
    """The seeds of an entry of ``generate``; none where it names none, never an empty file."""
    if entry.seeds is None:
        return []
    if entry.seeds == "builtin":
        own = find("sources", "self-instruct-seeds")(
            path=_EMBEDDED / "seed_tasks.jsonl", generator=OWN
        )
        return _unique(own, what="seeds")
    return _unique(entry.seeds, what="seeds")


def items(evaluation: Evaluation) -> list[Example]:
    """The test items of all suites, each content once."""
    found = (item for suite in evaluation.suites for item in suite_items(suite))
    return list({item.id: item for item in found}.values())


def suite_items(suite: Suite) -> list[Example]:
    """The test items of one suite, each content once."""
    return _unique(suite.on, what="test items")


def _unique(source: Source | str | Path | Sequence[Example], *, what: str) -> list[Example]:
    if isinstance(source, str | Path):
        found = _read(Path(source))
        name = str(source)
    elif isinstance(source, Sequence):
        found, name = source, what
    else:
        found, name = list(source.read()), repr(source)
    unique = {example.id: example for example in reversed([whole(example) for example in found])}
    if not unique:
        raise ConfigError(f"{name}: there are no {what} in it")
    return list(reversed(unique.values()))


def _read(path: Path) -> list[Example]:
    if path.is_dir():
        run = Run.open(path)
        return run.kept() if run.stage("filter") is not None else run.examples()
    # Seed tasks of the public schema have instances; every other shape is the jsonl source's.
    name = "self-instruct-seeds" if "instances" in _first_row(path) else "jsonl"
    source: Source = find("sources", name)(path=path)
    return list(source.read())


def _first_row(path: Path) -> Mapping[str, object]:
    """The first row, if it is one; saying what is wrong with it is the source's work."""
    if path.suffix != ".jsonl":
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            row = json.loads(next((line for line in file if line.strip()), "{}"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, object]", row) if isinstance(row, dict) else {}


def whole(example: Example) -> Example:
    """The example with lone surrogates replaced, which no file can hold."""
    try:
        for message in example.messages:
            message.content.encode()
        if example.meta:
            canonical(dict(example.meta)).encode()
    except UnicodeEncodeError:
        text = canonical(example.to_json())
        return Example.from_json(json.loads(re.sub("[\ud800-\udfff]", "\ufffd", text)))
    return example


def base_path(training: Training) -> Path:
    """The directory of the model to train, or a hub name as a path."""
    if training.base == "embedded":
        return _EMBEDDED
    path = Path(training.base)
    if not (path / "run.yaml").is_file():
        if path.is_dir() and not (path / "config.json").is_file():
            raise ConfigError(f"train.base: {path} is no model: it has no config.json")
        return path
    trained = trained_model(path)
    if trained is None:
        raise ConfigError(f"train.base: the run {path} has trained no model yet; run it first")
    return trained


def models(config: RunConfig, run: Run) -> dict[str, Model]:
    """Every role: those of the run file, and what the train stage starts from and ends in."""
    roles = dict(config.models)
    if config.train is not None:
        trained = run.trained()
        provided = {BASE: base_path(config.train), TRAINED: trained}
        for role, path in provided.items():
            if path is not None and role not in roles:
                roles[role] = find("models", "transformers")(path=str(path))
    return roles
