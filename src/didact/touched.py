"""Which test items of a run its training data touches: beside the scores, without being asked for.

A run knows what it trains on and what it is tested with, so every evaluation of a trained model is
followed by the comparison of the two (``stats.contamination`` says how), kept in ``touched.json``
with a mark of what was compared: the next reader reads it, or compares anew where the mark is not
that of the run any more. The limits are those of the filter ``contamination`` where the run has
one; embeddings are compared where a filter of the run names a model for them.

Cost: no call of a model; some seconds for 50,000 examples and 1,000 items, without embeddings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

from didact.components import name_of
from didact.config import RunConfig
from didact.context import Filter
from didact.disk import storing
from didact.errors import ConfigError, StoreError
from didact.inference.embedding import Encoder, embed
from didact.records import JSON, Example, digest
from didact.runfile import load
from didact.stats.contamination import Limits, Touch, touched
from didact.store import Run
from didact.tables import KEPT

__all__ = ["FILE", "Touched", "note_touched", "read_touched"]

FILE = "touched.json"
"""In the run directory."""
_AT_ONCE = 100_000
"""Examples that are compared with the items together."""
_EMBEDDING = ("contamination", "semantic", "diverse")
"""Filters whose model gives the vectors of texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What was compared, and what touches what."""

    items: int
    """Test items."""
    examples: int
    """Training examples."""
    limits: Limits
    embedder: str
    """What gave the embeddings; "" where they were not compared."""
    touches: Mapping[str, Touch]
    """Item id to the nearest touch of it."""

    def line(self) -> str:
        """The outcome in a sentence."""
        how = "n-grams, ROUGE-L" + (" and embeddings" if self.embedder else "")
        return (
            f"{len(self.touches):,} of {self.items:,} test items are touched by the"
            f" {self.examples:,} training examples (by {how})"
        )

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "items": self.items,
            "examples": self.examples,
            "limits": {one.name: getattr(self.limits, one.name) for one in fields(Limits)},
            "embedder": self.embedder,
            "touches": [
                {name: cast("JSON", getattr(touch, name)) for name in Touch._fields}
                for touch in self.touches.values()
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Touched:
        """The inverse of ``to_json``."""
        return cls(
            items=data["items"],
            examples=data["examples"],
            limits=Limits(**data["limits"]),
            embedder=data["embedder"],
            touches={row["item"]: Touch(**row) for row in data["touches"]},
        )


def note_touched(config: RunConfig, run: Run) -> Touched | None:
    """Compare the run's training data with its test items, unless that is done.

    None where a run does not both train and evaluate.
    """
    if not _both(run):
        return None
    limits, embedder = _settings(config.filter)
    mark = _mark(run, limits, embedder)
    if (known := _known(run.path, mark)) is not None:
        return known
    found = _compared(run, limits, embedder)
    with storing(run.path):
        text = json.dumps({"mark": mark, **found.to_json()}, indent=1, ensure_ascii=False)
        file = run.path / FILE
        aside = file.with_name(f"{FILE}.new")
        aside.write_text(text + "\n", encoding="utf-8", errors="replace")
        aside.replace(file)
    return found


def read_touched(run: Run) -> Touched | None:
    """What is noted of a run; where the note is missing or out of date it is made."""
    if not _both(run):
        return None
    try:
        return note_touched(load(run.path / "run.yaml"), run)
    except (ConfigError, StoreError):
        # A run that moved away from what its file names, one written in Python, or a folder that
        # cannot be written: a note about these very items and examples holds.
        known = _known(run.path, None, stages=_stages(run))
        return known or _compared(run, Limits(), None)


def _compared(run: Run, limits: Limits, embedder: str | Encoder | None) -> Touched:
    items, examples = run.items(), run.stored(KEPT)
    encode = partial(embed, embedder) if embedder is not None else None
    return Touched(
        items=len(items),
        examples=len(examples),
        limits=limits,
        embedder=_named(embedder),
        touches=_worst(items, examples, lambda some: touched(items, some, limits, embed=encode)),
    )


def _worst(
    items: Sequence[Example],
    examples: Sequence[Example],
    compared: Callable[[Sequence[Example]], Mapping[str, Touch]],
) -> dict[str, Touch]:
    """The touch of highest score for every item, some examples at a time: they may be many."""
    worst: dict[str, Touch] = {}
    source = iter(examples)
    while some := list(islice(source, _AT_ONCE)):
        for item, touch in compared(some).items():
            if item not in worst or touch.score > worst[item].score:
                worst[item] = touch
    return {item.id: worst[item.id] for item in items if item.id in worst}


def _both(run: Run) -> bool:
    return run.stage("train") is not None and run.stage("evaluate") is not None


def _stages(run: Run) -> JSON:
    """What of the run was compared: the examples kept and the test items, by their content."""
    found: dict[str, JSON] = {}
    for stage, table in (("filter", "kept.parquet"), ("evaluate", "items.parquet")):
        outputs = (run.stage(stage) or {}).get("outputs")
        found[table] = outputs.get(table) if isinstance(outputs, dict) else None
    return found


def _mark(run: Run, limits: Limits, embedder: str | Encoder | None) -> dict[str, JSON]:
    settings = {one.name: getattr(limits, one.name) for one in fields(Limits)}
    how = digest({"limits": cast("JSON", settings), "embedder": _named(embedder)})
    return {"stages": _stages(run), "how": how}


def _named(embedder: str | Encoder | None) -> str:
    if embedder is None or isinstance(embedder, str):
        return embedder or ""
    return getattr(embedder, "__qualname__", type(embedder).__name__)


def _known(path: Path, mark: Mapping[str, JSON] | None, *, stages: JSON = None) -> Touched | None:
    try:
        data = json.loads((path / FILE).read_text(encoding="utf-8"))
        if (data["mark"] if mark else data["mark"]["stages"]) != (mark or stages):
            return None
        return Touched.from_json(data)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _settings(filters: Sequence[Filter]) -> tuple[Limits, str | Encoder | None]:
    """The limits of the run's own filter, and the first model for embeddings among its filters."""
    limits = Limits()
    for component in filters:
        if name_of(component) == "contamination":
            limits = Limits(**{one.name: getattr(component, one.name) for one in fields(Limits)})
            break
    return limits, next(_embedders(filters), None)


def _embedders(filters: Sequence[Filter]) -> Iterator[str | Encoder]:
    for name in _EMBEDDING:
        for component in filters:
            model = getattr(component, "model", None)
            if name_of(component) == name and model is not None:
                yield cast("str | Encoder", model)
