"""A trainer of transformers whose checkpoints hold no pickle, and that a kill costs nothing."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

from didact.training import checkpoint
from didact.training.untyped import Untyped

__all__ = ["clock", "resumable"]


def resumable(kind: Untyped, folder: Path) -> Untyped:
    """The class ``kind`` of trainer, with checkpoints by ``didact.training.checkpoint``."""

    class Resumable(kind):
        def _save_checkpoint(self, model: Untyped, trial: Untyped) -> None:
            del model, trial
            if self.args.should_save:
                checkpoint.save(
                    folder,
                    model=self.model,
                    optimizer=self.optimizer,
                    scheduler=self.lr_scheduler,
                    state=self.state,
                )

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Untyped = None) -> None:
            checkpoint.restore_weights(Path(resume_from_checkpoint), model or self.model)

        def _load_optimizer_and_scheduler(self, path: str | None) -> None:
            if path is not None:
                checkpoint.restore(
                    Path(path), optimizer=self.optimizer, scheduler=self.lr_scheduler
                )

        def _load_rng_state(self, path: str | None) -> None:
            if path is not None:
                checkpoint.restore_random_state(Path(path))

    return Resumable


def clock(seconds: float) -> Untyped:
    """Asks for a checkpoint every ``seconds``; saving takes at most a twentieth of the time."""
    callback: Untyped = import_module("transformers").TrainerCallback

    class Clock(callback):
        def __init__(self) -> None:
            self.due = time.monotonic() + seconds
            self.asked = 0.0

        def on_step_end(
            self, args: Untyped, state: Untyped, control: Untyped, **_: Untyped
        ) -> None:
            del args
            self.asked = time.monotonic()
            control.should_save = self.asked >= self.due and state.global_step < state.max_steps

        def on_save(self, args: Untyped, state: Untyped, control: Untyped, **_: Untyped) -> None:
            del args, state, control
            now = time.monotonic()
            self.due = now + max(seconds, 20 * (now - self.asked) if seconds else 0)

    return Clock()
