"""What an export starts from: a run that has trained, its model and base, its prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, cast

from didact.config import RunConfig, Training
from didact.errors import ConfigError, StoreError
from didact.records import Example, Message
from didact.resolve import base_path
from didact.runfile import load
from didact.store import Run
from didact.text.masks import Refused, Tokenizer, turns

__all__ = ["PROMPTS", "Kind", "Trained", "open_trained"]

Kind = Literal["causal", "classifier"]

PROMPTS = 32
"""How many prompts an export is checked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A run that has trained a model."""

    run: Run
    config: RunConfig
    training: Training
    model: Path
    """What the run evaluated: all weights, an adapter merged into them."""
    adapter: Path | None
    """What was learned alone, where that was a LoRA adapter."""
    kind: Kind

    @property
    def name(self) -> str:
        """Of the run."""
        return self.config.name

    def base(self) -> Path:
        """The directory of the model that was trained, or its hub name as a path."""
        return base_path(self.training)

    def examples(self) -> list[Example]:
        """What was trained on."""
        return self.run.kept()

    def conversations(self) -> list[tuple[Message, ...]]:
        """Up to ``PROMPTS`` different ones, test items first, evenly spaced over what there is.

        A language model is given them up to the last answer, a reward model as they stand.
        """
        pools: list[Callable[[], Sequence[Example]]] = [self.run.kept, self.run.examples]
        if self.kind == "causal":
            pools = [self.run.items, *pools, self.run.seeds]
        found: dict[tuple[Message, ...], None] = {}
        for pool in pools:
            new = dict.fromkeys(m for m in map(self._asked, _there(pool)) if m and m not in found)
            found |= dict.fromkeys(_spread(list(new), PROMPTS - len(found)))
        return list(found)

    def stops(self, tokenizer: Tokenizer) -> frozenset[int]:
        """The tokens that end an answer by the chat template: what was trained to be said last."""
        found: set[int] = set()
        for example in self.examples():
            cut = turns(example.messages, tokenizer)
            if not isinstance(cut, Refused):
                found |= {turn.stop_id for turn in cut}
                break
        return frozenset(found)

    def _asked(self, example: Example) -> tuple[Message, ...]:
        return example.prompt if self.kind == "causal" else example.messages


def _there(pool: Callable[[], Sequence[Example]]) -> Sequence[Example]:
    try:
        return pool()
    except StoreError:
        return ()


def _spread(found: Sequence[tuple[Message, ...]], count: int) -> Iterator[tuple[Message, ...]]:
    count = max(0, min(count, len(found)))
    return chain(found[n * len(found) // count] for n in range(count))


def open_trained(path: Path) -> Trained:
    """The run at ``path``; a ConfigError where it has trained no model."""
    run = Run.open(path)
    model = run.trained()
    if model is None or not model.is_dir():
        raise ConfigError(
            f"{path}: this run has trained no model yet; didact train {path / 'run.yaml'}"
        )
    config = load(path / "run.yaml")
    if config.train is None:
        raise ConfigError(f"{path / 'run.yaml'}: it has no train stage any more")
    adapter = model.parent / "adapter"
    return Trained(
        run=run,
        config=config,
        training=config.train,
        model=model,
        adapter=adapter if (adapter / "adapter_config.json").is_file() else None,
        kind=_kind(model),
    )


def _kind(model: Path) -> Kind:
    file = model / "config.json"
    try:
        config = cast("dict[str, list[str]]", json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read ({error}); train the run again") from error
    names = config.get("architectures") or []
    classifier = any(name.endswith("ForSequenceClassification") for name in names)
    return "classifier" if classifier else "causal"
