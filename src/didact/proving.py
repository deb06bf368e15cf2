"""What `didact check` proves of a training before any long job, and a row shown token by token.

The rows are those that the run will train on where it has got so far; before that they are its
seeds, or what its sources hold, which have the same template, tokenizer and context. The trainer
itself proves all of it again on the real rows before its first step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

from didact.components import name_of
from didact.config import RunConfig
from didact.context import Context
from didact.errors import ConfigError
from didact.life import life
from didact.records import JSON, Example, Origin
from didact.resolve import base_path, seeds
from didact.runfile import load
from didact.store import Run

__all__ = ["Proved", "prove", "row_lines"]

_SAMPLE = 256
"""Seeds that are looked at where there is no data yet."""
_GREEN, _PLAIN = "\033[32m", "\033[0m"


class Proved(NamedTuple):
    """What was found of a training."""

    data: str
    """On which examples."""
    proofs: Sequence[tuple[str, bool, str]]
    """Name, whether it holds, and what was seen."""

    @property
    def failed(self) -> list[str]:
        """What does not hold."""
        return [f"{name}: {told}" for name, passed, told in self.proofs if not passed]

    def lines(self) -> list[str]:
        """For a person."""
        lines = [f"{'proofs':<9} on {self.data}"] if self.proofs else [f"{'proofs':<9} {self.data}"]
        for name, passed, told in self.proofs:
            lines.append(f"{'proof':<9} {'ok' if passed else 'FAILED':<6} {name}: {told}")
        return lines

    def to_json(self) -> dict[str, JSON]:
        """For a program."""
        return {
            "data": self.data,
            "proofs": [{"name": n, "passed": p, "told": t} for n, p, t in self.proofs],
        }


def prove(config: RunConfig, where: Path) -> Proved | None:
    """The proofs of the train stage; None where there is none, or its trainer proves nothing."""
    training = config.train
    proving = cast("Callable[..., Any] | None", getattr(training and training.use, "prove", None))
    if training is None or proving is None:
        return None
    base = base_path(training)
    if not base.is_dir() and not _downloaded(str(base)):
        told = f"not yet: {base} is not on this machine; the trainer proves before its first step"
        return Proved(told, [])
    examples, data = _examples(config, where)
    try:
        found = proving(Context({}, seed=config.seed, stage="train"), examples, base)
    except ModuleNotFoundError as error:
        return Proved(f"not here: {error.name} is missing; pip install didact[train]", [])
    return Proved(data, [(one.name, one.passed, one.told) for one in found])


def _downloaded(name: str) -> bool:
    try:
        from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType]
    except ImportError:
        return False
    try:
        snapshot_download(name, local_files_only=True)
    except (OSError, ValueError):
        return False
    return True


def _examples(config: RunConfig, where: Path) -> tuple[list[Example], str]:
    """Those to train on, or the next best."""
    if (where / "run.yaml").is_file():
        run = Run.open(where)
        if run.stage("filter") is not None and (kept := list(run.kept())):
            return kept, f"the {len(kept):,} examples kept in {where}"
    found: list[Example] = []
    for entry in config.generate:
        read = cast("Callable[[], Any] | None", getattr(entry.use, "read", None))
        if read is None:
            found += map(_paired, seeds(entry)[:_SAMPLE])
        elif name_of(entry.use) != "hub":
            # A bad row of a source is an error of the run file; a check downloads nothing.
            found += islice(read(), _SAMPLE)
    found = [example for example in found[:_SAMPLE] if example.output]
    if found:
        return found, f"{len(found):,} seeds or rows of sources: the data is not made yet"
    origin = Origin(recipe="check")
    made = [
        Example.single("Name a colour.", "Blue.", origin=origin),
        Example.single("Add the numbers.", "The sum is 5.", input="2 and 3", origin=origin),
    ]
    return [
        *map(_paired, made)
    ], "two made-up examples: there are no seeds, and the data is not made yet"


def _paired(seed: Example) -> Example:
    """As a recipe of preference pairs gives it back; a trainer of no pairs does not look there."""
    return seed if seed.rejected else replace(seed, meta={**seed.meta, "rejected": ["Not this."]})


def row_lines(run: Run, beginning: str, *, colour: bool) -> list[str]:
    """The rows of one example as the run's trainer has them; trained tokens green, or in ⟦ ⟧."""
    config = load(run.path / "run.yaml")
    training = config.train
    if training is None:
        raise ConfigError(f"{run.path}: its run file has no train stage")
    shown = cast("Callable[..., Any] | None", getattr(training.use, "tokens", None))
    if shown is None:
        raise ConfigError(f"{run.path}: its trainer does not tell the tokens of a row")
    example = life(run, beginning).example
    base = run.trained() or base_path(training)
    lines: list[str] = []
    for row in shown(example, base):
        trained = sum(kept for _, kept in row.pieces)
        title = f", {row.title}" if row.title else ""
        told = f"refused: {row.refused}"
        if not row.refused:
            told = f"{trained} of {len(row.pieces)} tokens trained"
        lines += [f"{example.id[:12]}{title}: {told}", *_text(row.pieces, colour=colour), ""]
    return lines[:-1]


def _text(pieces: Sequence[tuple[str, bool]], *, colour: bool) -> list[str]:
    """Tokens apart by a thin bar; line breaks of the text are shown and kept."""
    parts: list[str] = []
    was = False
    for number, (text, trained) in enumerate(pieces):
        if trained != was:
            on, off = (_GREEN, _PLAIN) if colour else ("⟦", "⟧")
            parts.append(on if trained else off)
        elif number:
            parts.append("│")
        parts.append(text.replace("\n", "↵\n"))
        was = trained
    if was:
        parts.append(_PLAIN if colour else "⟧")
    return "".join(parts).split("\n")
