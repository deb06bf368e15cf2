"""Training on preference pairs: -log sigmoid of the margin between a better row and a worse one.

What a row's score is, the caller says: a reward (Bradley-Terry), or a log-probability against that
of the untouched model (DPO), which is then computed once for every pair before the first step, so
that no second model stands in memory. Dropout is off throughout: a margin is a difference of two
passes, and at the start it must be 0.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from didact.errors import ConfigError
from didact.records import JSON
from didact.text.masks import IGNORED
from didact.training import checkpoint
from didact.training.arguments import arguments
from didact.training.batches import order
from didact.training.curve import Curve
from didact.training.hardware import Precision
from didact.training.lean import COLUMNS, renamed
from didact.training.pairs import Pair
from didact.training.proofs import Proof
from didact.training.resumable import clock, resumable
from didact.training.untyped import Untyped

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Objective", "Settings", "check", "start", "train"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a preference trainer goes through its pairs; documented where users set them."""

    epochs: float
    learning_rate: float
    batch: int
    warmup: float
    schedule: str
    weight_decay: float
    precision: Precision
    tokens_at_once: int
    save_seconds: float


_LN_2 = 0.01
"""How far from ln 2 a loss may begin."""


class Objective(NamedTuple):
    """What a margin is made of."""

    score: Callable[[Untyped, Mapping[str, Tensor]], Tensor]
    """Model and padded rows to one score per row, better rows first."""
    scale: float = 1.0
    """What a difference of scores is multiplied by: DPO's beta."""
    relative: bool = False
    """Whether the difference that the untouched model gives is taken off."""


def check(component: object, positive: Sequence[str]) -> None:
    """Refuses settings that make no sense, by name."""
    for name in positive:
        value = getattr(component, name)
        if value is not None and not value > 0:
            raise ConfigError(f"{name} must be more than 0, not {value}")
    lora, warmup = (float(getattr(component, name)) for name in ("lora", "warmup"))
    if lora < 0 or not 0 <= warmup < 1:
        raise ConfigError("lora must not be negative, and warmup at least 0 and below 1")


def train(
    pairs: Sequence[Pair],
    model: Untyped,
    *,
    rng: random.Random,
    seed: int,
    note: Callable[..., None],
    objective: Objective,
    settings: Settings,
    padding: int,
    out: Path,
) -> dict[str, JSON]:
    """Trains ``model`` where it stands; the summary of the training."""
    batch = min(settings.batch, len(pairs))
    lengths = [pair.tokens for pair in pairs]
    plan = order(lengths, batch=batch, epochs=settings.epochs, rng=rng)
    steps = [plan[start : start + batch] for start in range(0, len(plan), batch)]
    tokens = [sum(lengths[place] for place in step) for step in steps]
    folder = out / "checkpoints"
    newest = checkpoint.newest(folder)
    done = checkpoint.step_of(newest) if newest else 0
    curve = Curve(out / "metrics.jsonl", tokens=tokens, note=note, done=done)
    rows = _Rows(pairs, padding=padding, at_once=settings.tokens_at_once)
    with renamed():
        trainer = _trainer(
            objective,
            curve,
            resumable(import_module("transformers").Trainer, folder),
            model=model,
            args=_arguments(seed, settings, batch, out),
            train_dataset=plan,
            data_collator=rows.parts,
            callbacks=[clock(settings.save_seconds)],
        )
    if objective.relative:
        note("reference", pairs=len(pairs))
        rows.reference = trainer.differences(rows)
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    return {"pairs": len(pairs), "steps": len(steps), "tokens": sum(tokens), "loss": curve.last}


def start(
    pairs: Sequence[Pair], model: Untyped, *, objective: Objective, at_once: int, padding: int
) -> Proof:
    """Whether the loss of some pairs begins at ln 2: no margin, before anything is learned."""
    import torch

    some = sorted(pairs, key=lambda pair: pair.tokens)[:: max(1, len(pairs) // 8)][:8]
    rows = _Rows(some, padding=padding, at_once=at_once)
    model.eval()
    losses: list[float] = []
    with torch.no_grad():
        for part in rows.split(range(len(some))):
            inputs = {name: t.to(model.device) for name, t in rows.padded(part).items()}
            differences: list[Tensor] = []
            for _ in range(2 if objective.relative else 1):
                better, worse = objective.score(model, inputs).float().chunk(2)
                differences.append(better - worse)
            margin = differences[0] - (differences[1] if objective.relative else 0)
            found: Untyped = -torch.nn.functional.logsigmoid(objective.scale * margin)
            losses += found.tolist()
    loss = sum(losses) / len(losses)
    told = f"the loss of {len(some)} pairs begins at {loss:.4f}, ln 2 is {math.log(2):.4f}"
    return Proof("start", abs(loss - math.log(2)) < _LN_2, f"{told} (allowed {_LN_2})")


class _Rows:
    """The pairs as padded batches, those of like length together."""

    def __init__(self, pairs: Sequence[Pair], *, padding: int, at_once: int) -> None:
        self._pairs = pairs
        self._padding = padding
        self._at_once = at_once
        self.reference: list[float] = [0.0] * len(pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def parts(self, places: Sequence[int]) -> dict[str, list[dict[str, Tensor]]]:
        """A step in parts that go through the model at once."""
        return {"parts": [self.padded(part) for part in self.split(places)]}

    def split(self, places: Sequence[int]) -> Iterator[list[int]]:
        """The pairs at these places from short to long, by how many fit at once."""
        part: list[int] = []
        for place in sorted(places, key=self._width):
            if part and 2 * (len(part) + 1) * self._width(place) > self._at_once:
                yield part
                part = []
            part.append(place)
        yield part

    def padded(self, places: Sequence[int]) -> dict[str, Tensor]:
        """Better rows, then the worse ones, padded at the end."""
        import torch

        pairs = [self._pairs[place] for place in places]
        rows = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
        width = max(map(self._width, places))
        gaps = [width - len(row.ids) for row in rows]
        filled = list(zip(rows, gaps, strict=True))
        return {
            "input_ids": torch.tensor([row.ids + [self._padding] * gap for row, gap in filled]),
            "labels": torch.tensor([row.labels + [IGNORED] * gap for row, gap in filled]),
            "attention_mask": torch.tensor([[1] * len(row.ids) + [0] * gap for row, gap in filled]),
            "reference": torch.tensor([self.reference[place] for place in places]),
        }

    def _width(self, place: int) -> int:
        longest = max(len(row.ids) for row in self._pairs[place])
        return longest + -longest % COLUMNS


def _trainer(objective: Objective, curve: Curve, kind: Untyped, **settings: Untyped) -> Untyped:
    import torch

    class PairTrainer(kind):
        def differences(self, rows: _Rows) -> list[float]:
            """Of every pair, by the model as it is."""
            found: dict[int, float] = {}
            self.model.eval()
            with torch.no_grad():
                for part in rows.split(range(len(rows))):
                    inputs = self._prepare_inputs(rows.padded(part))
                    differences: Untyped = self._difference(self.model, inputs)
                    values: list[float] = differences.tolist()
                    found |= dict(zip(part, values, strict=True))
            return [found[place] for place in range(len(rows))]

        def _difference(self, model: Untyped, inputs: Mapping[str, Tensor]) -> Tensor:
            with self.accelerator.autocast():
                better, worse = objective.score(model, inputs).float().chunk(2)
            return better - worse

        def training_step(
            self, model: Untyped, inputs: dict[str, Untyped], num_items_in_batch: Untyped = None
        ) -> Untyped:
            del num_items_in_batch
            model.eval()
            parts: list[dict[str, Tensor]] = self._prepare_inputs(inputs)["parts"]
            pairs = sum(len(part["reference"]) for part in parts)
            margins: list[Tensor] = []
            total: Untyped = 0.0
            for part in parts:
                difference = self._difference(model, part) - part["reference"]
                margin = objective.scale * difference
                loss = -torch.nn.functional.logsigmoid(margin).sum() / pairs
                self.accelerator.backward(loss)
                total += loss.detach()
                margins.append(margin.detach())
            every = torch.cat(margins)
            self.seen = {
                "margin": float(every.mean()),
                "accuracy": float((every > 0).float().mean()),
            }
            return total

        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            del start_time
            if "loss" in logs:
                step = self.state.global_step
                curve.add(step, logs["loss"], logs["learning_rate"], **self.seen)

    return PairTrainer(**settings)


def _arguments(seed: int, settings: Settings, batch: int, out: Path) -> Untyped:
    return import_module("transformers").TrainingArguments(
        **arguments(
            out,
            seed=seed,
            learning_rate=settings.learning_rate,
            schedule=settings.schedule,
            warmup=settings.warmup,
            weight_decay=settings.weight_decay,
            precision=settings.precision,
        ),
        per_device_train_batch_size=batch,
    )
