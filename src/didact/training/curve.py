"""The loss curve of a training run: a JSON line per step, the same after a kill as without one."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from didact.disk import storing
from didact.errors import DidactError

__all__ = ["Curve"]

_OFTEN = 2.0
"""Seconds after which a step is told, however many there are."""


class Curve:
    """Writes ``metrics.jsonl`` and stops the training where the loss is no number any more."""

    def __init__(
        self, path: Path, *, tokens: Sequence[int], note: Callable[..., None], done: int = 0
    ) -> None:
        """``tokens`` of every step, padding excluded; ``done`` steps are kept, later ones cut."""
        kept = _lines(path)[:done]
        part = path.with_suffix(".part")
        with storing(path):
            part.write_text("".join(kept), encoding="utf-8")
            part.replace(path)
        self.last = float(json.loads(kept[-1])["loss"]) if kept else math.nan
        self._path = path
        self._tokens = tokens
        self._note = note
        self._every = max(1, len(tokens) // 100)
        self._begun = self._time = self._noted = time.perf_counter()
        self._seen = 0

    def add(self, step: int, loss: float, learning_rate: float, **further: float) -> None:
        """Record one step, counted from 1, with what else is measured of it."""
        if not math.isfinite(loss):
            raise DidactError(
                f"train: the loss is {loss} at step {step} of {len(self._tokens)}. A lower"
                " learning_rate, or a longer warmup, usually helps; so does dtype: float32."
            )
        now = time.perf_counter()
        tokens = self._tokens[step - 1]
        speed = round(tokens / (now - self._time), 1)
        self._time, self.last = now, loss
        self._seen += tokens
        row = {
            "step": step,
            "loss": loss,
            **further,
            "learning_rate": learning_rate,
            "tokens": tokens,
            "tokens_per_second": speed,
        }
        with storing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        steps = len(self._tokens)
        if step % self._every == 0 or step == steps or now - self._noted >= _OFTEN:
            self._noted = now
            # By what this process did: a training that was resumed did not do the rest.
            left = sum(self._tokens[step:]) * (now - self._begun) / self._seen
            self._note(
                "train", step=step, steps=steps, loss=loss, tokens_per_second=speed, left=left
            )


def _lines(path: Path) -> list[str]:
    """Whole lines only: a kill may have torn the last one."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]
