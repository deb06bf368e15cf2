"""The arms of an experiment: run files that differ in one thing, trained at one size with one seed.

The data of an arm is made once; for every size and seed the same lots draw a sample of it, so that
a smaller sample is a part of a larger one, and two arms have as many rows in common as can be. Each
training is a run directory like any other. Cost: none of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import cast

from didact.components import find, name_of
from didact.config import Generation, RunConfig, Training
from didact.context import Filter, Source
from didact.disk import storing
from didact.errors import ConfigError
from didact.records import JSON, Example

__all__ = ["families_of", "sampled", "with_epochs", "write_examples"]


def write_examples(path: Path, examples: Sequence[Example]) -> Path:
    """The examples as a file that the source ``jsonl`` reads back as they are."""
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for example in examples:
                file.write(json.dumps(example.to_json(), ensure_ascii=False) + "\n")
    return path


def sampled(
    config: RunConfig, name: str, data: Path, *, rows: int, seed: int, reuse: Sequence[Path]
) -> RunConfig:
    """A run that trains on ``rows`` rows of the data, and is evaluated as the run file says."""
    source = cast("Source", find("sources", "jsonl")(path=data))
    sample = cast("Filter", find("filters", "random")(count=rows, seed=seed))
    borrowed = (*config.reuse, *reuse)
    document: dict[str, object] = {
        "name": name,
        "seed": seed,
        "generate": [{"use": "jsonl", "path": data}],
        "filter": [{"use": "random", "count": rows, "seed": seed}],
        "reuse": [Path(path) for path in borrowed],
    }
    return replace(
        config,
        name=name,
        seed=seed,
        generate=(Generation(use=source),),
        filter=(sample,),
        reuse=borrowed,
        document=_written(config, document),
    )


def with_epochs(config: RunConfig, factor: float) -> RunConfig:
    """The run with so many times the epochs; ConfigError for a trainer that has none."""
    training = config.train
    if training is None or factor == 1:
        return config
    known = [field.name for field in fields(training.use)] if is_dataclass(training.use) else []
    if "epochs" not in known:
        raise ConfigError(
            f"train: {name_of(training.use)} has no `epochs`, so its steps cannot be matched;"
            " use --match epochs"
        )
    epochs = round(cast("float", getattr(training.use, "epochs")) * factor, 6)  # noqa: B009
    use = replace(cast("Training", training.use), epochs=epochs)  # pyright: ignore[reportCallIssue]
    document = None
    if config.document is not None:
        entry = config.document["train"]
        settings = {"use": entry} if isinstance(entry, str) else cast("dict[str, JSON]", entry)
        document = _written(config, {"train": {**settings, "epochs": epochs}})
    return replace(config, train=replace(training, use=use), document=document)  # pyright: ignore[reportArgumentType]


def families_of(items: Sequence[Example]) -> dict[str, str]:
    """The family of each test item by its id; none where an item has no family."""
    if not all("family" in item.meta for item in items):
        return {}
    return {item.id: str(item.meta["family"]) for item in items}


def _written(config: RunConfig, changes: Mapping[str, object]) -> Mapping[str, JSON] | None:
    """The run file with the same change."""
    if config.document is None:
        return None
    return cast("Mapping[str, JSON]", {**config.document, **changes})
