"""The loss on rows that are not trained, epoch by epoch; where it stops falling, training stops.

``held_out.jsonl`` has a line for every time it was measured. With ``patience`` the weights of the
best time are kept in ``checkpoints/best`` and put back at the end. A killed training measures again
what came after its last checkpoint, to the same figures.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from didact.disk import storing
from didact.errors import DidactError
from didact.records import Example, digest
from didact.text.masks import IGNORED, Row
from didact.training import checkpoint
from didact.training.lean import answer_loss, parts, plain_head
from didact.training.packing import padded
from didact.training.untyped import Untyped

__all__ = ["HeldOut", "due_at", "mean_loss", "split"]

_BATCH = 16
"""Rows that are padded together; they go through the model in parts."""


def split(
    examples: Sequence[Example], share: float, rng: random.Random
) -> tuple[Sequence[Example], Sequence[Example]]:
    """Those to train and those held out, in their order; examples of one prompt stay together."""
    if not share:
        return examples, []
    prompts = [digest([message.to_json() for message in example.prompt]) for example in examples]
    kinds = sorted(set(prompts))
    rng.shuffle(kinds)
    held = set(kinds[: max(1, round(share * len(kinds)))])
    if len(held) == len(kinds):
        raise DidactError(
            f"train: held_out leaves nothing to train: there are {len(kinds)} different prompts"
        )
    pairs = list(zip(examples, prompts, strict=True))
    return [e for e, p in pairs if p not in held], [e for e, p in pairs if p in held]


def due_at(rows: int, *, batch: int, epochs: float, steps: int) -> list[int]:
    """The steps after which an epoch is over, the last step too."""
    ends = {math.ceil(epoch * rows / batch) for epoch in range(1, int(epochs) + 1)}
    return sorted({min(max(end, 1), steps) for end in ends} | {steps})


def mean_loss(model: Untyped, rows: Sequence[Row], *, padding: int) -> float:
    """Cross-entropy per trained token, without dropout; the model is left as it was."""
    import torch

    was = model.training
    model.eval()
    total, tokens = 0.0, 0
    ordered = sorted(rows, key=lambda row: len(row.ids))
    with torch.no_grad():
        for start in range(0, len(ordered), _BATCH):
            inputs = padded(ordered[start : start + _BATCH], padding=padding)
            inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
            for part in parts(inputs):
                count = int((part["labels"][:, 1:] != IGNORED).sum())
                total += float(_loss(model, part)) * count
                tokens += count
    model.train(was)
    return total / tokens


def _loss(model: Untyped, part: dict[str, Any]) -> Untyped:
    if plain_head(model):
        return answer_loss(model, part, None)
    return model(**part, use_cache=False).loss


class HeldOut:
    """Measures at the steps ``due``, and says when to stop."""

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        due: Sequence[int],
        out: Path,
        padding: int,
        patience: int | None,
        note: Callable[..., None],
        done: int,
    ) -> None:
        self._rows = rows
        self._due = frozenset(due)
        self._path = out / "held_out.jsonl"
        self._best = out / "checkpoints" / "best"
        self._padding = padding
        self._patience = patience
        self._note = note
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        self.curve: list[dict[str, Any]] = [
            row for row in (_parsed(line) for line in lines) if row and row["step"] <= done
        ]
        self._write()

    def _write(self) -> None:
        text = "".join(json.dumps(row) + "\n" for row in self.curve)
        part = self._path.with_suffix(".part")
        with storing(self._path):
            part.write_text(text, encoding="utf-8")
            part.replace(self._path)

    def callback(self, autocast: Callable[[], Any]) -> Untyped:
        """For a trainer of transformers, which measures in the precision that it trains in."""
        kind: Untyped = import_module("transformers").TrainerCallback
        held = self

        class Measured(kind):
            def on_step_end(
                self, args: Untyped, state: Untyped, control: Untyped, **given: Untyped
            ) -> None:
                del args
                if state.global_step in held._due:
                    with autocast():
                        held.measure(given["model"], state.global_step)
                control.should_training_stop |= held.over

        return Measured()

    def measure(self, model: Untyped, step: int) -> None:
        """Adds to the curve; keeps the weights where they are the best so far."""
        loss = mean_loss(model, self._rows, padding=self._padding)
        best = min((row["loss"] for row in self.curve), default=float("inf"))
        self.curve.append({"step": step, "loss": loss, "best": loss < best})
        if self._patience is not None and loss < best:
            checkpoint.save_weights(self._best, model)
        self._write()
        self._note("held_out", step=step, loss=loss)

    @property
    def over(self) -> bool:
        """Whether it did not get better for as long as there was patience."""
        since = 0
        for row in self.curve:
            since = 0 if row["best"] else since + 1
        return self._patience is not None and since >= self._patience

    def finish(self, model: Untyped) -> None:
        """Puts the best weights back, where they were kept."""
        if self._patience is not None and self._best.is_dir():
            checkpoint.restore_weights(self._best, model)
            shutil.rmtree(self._best, ignore_errors=True)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line)
    except ValueError:
        # A kill may have torn the last line.
        return None
