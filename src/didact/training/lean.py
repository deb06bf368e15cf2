"""TRL's SFTTrainer without what it does per token and does not need.

On a CPU, TRL scores every position of a padded batch, entropies and accuracies included. Here the
head runs over the trained positions only, in pieces, so that the logits of a large vocabulary never
stand in memory at once; on a GPU TRL's own tiled head does that, and is left alone. A step of many
tokens goes through a CPU in parts, short rows apart from long ones: the same gradient, less memory
and less padding. Checkpoints are ours (no pickle), the loss curve is ours, and TRL's report of
every training to the hub is not sent.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from didact.text.masks import IGNORED
from didact.training import checkpoint
from didact.training.curve import Curve

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["COLUMNS", "Untyped", "answer_loss", "lean_trainer", "parts", "renamed"]

Untyped: TypeAlias = Any
"""What trl and transformers hand over; checking it takes minutes and finds little."""

_PIECE = 1 << 24
"""Logits in memory at once: 64 MB of float32."""

_AT_ONCE = 2048
"""Tokens that go through a CPU at once, padding included: more is no faster, and takes memory."""

COLUMNS = 8
"""Batches are padded to a multiple of this: fewer shapes, and for every shape and layer the CPU's
kernels are compiled once and kept."""

_POSITIONS = 64
"""The same for the trained positions of a batch."""

_SCALES = (
    "final_logit_softcapping",
    "logit_scale",
    "output_multiplier",
    "lm_head_multiplier",
    "logits_scaling",
)
"""Settings of models that do more to their logits than a linear head; TRL knows them all."""


def answer_loss(
    model: Untyped, inputs: Mapping[str, Tensor], tokens: Tensor | int | None
) -> Tensor:
    """Cross-entropy summed over the trained positions, over ``tokens`` (default: their number).

    No attention mask: padding is on the right, and nothing looks to its right in a causal model.
    """
    import torch

    recomputed: Untyped = import_module("torch.utils.checkpoint").checkpoint

    labels = inputs["labels"][:, 1:]
    trained = labels != IGNORED
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    states = causal.base_model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
    head = causal.get_output_embeddings()

    def loss_of(states: Untyped, targets: Untyped) -> Tensor:
        return torch.nn.functional.cross_entropy(
            head(states).float(), targets, reduction="sum", ignore_index=IGNORED
        )

    pad = torch.nn.functional.pad
    gap = -int(trained.sum()) % _POSITIONS
    states: Untyped = pad(states[:, :-1][trained], (0, 0, 0, gap))
    targets: Untyped = pad(labels[trained], (0, gap), value=IGNORED)
    piece = max(1, _PIECE // int(head.weight.shape[0]))
    if len(targets) <= piece:
        total = loss_of(states, targets)
    else:
        pieces = zip(states.split(piece), targets.split(piece), strict=True)
        total = torch.stack(
            [recomputed(loss_of, *pair, use_reentrant=False) for pair in pieces]
        ).sum()
    return total / (trained.sum() if tokens is None else tokens)


def parts(inputs: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The rows of a batch padded on the right, in halves, until each goes through a CPU at once."""
    lengths = inputs["attention_mask"].sum(1)
    width = inputs["input_ids"].shape[1]

    def halved(rows: Tensor) -> Iterator[dict[str, Tensor]]:
        longest = int(lengths[rows[-1]])
        wide = min(width, longest + -longest % COLUMNS)
        if len(rows) == 1 or len(rows) * wide <= _AT_ONCE:
            yield {name: inputs[name][rows, :wide] for name in ("input_ids", "labels")}
        else:
            yield from halved(rows[: len(rows) // 2])
            yield from halved(rows[len(rows) // 2 :])

    yield from halved(lengths.argsort(stable=True))


@contextmanager
def renamed() -> Generator[None]:
    """Without the warnings that TRL and PEFT still call what transformers 5 has renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing` is", FutureWarning)
        yield


def lean_trainer(*, curve: Curve, folder: Path, seconds: float, **settings: Untyped) -> Untyped:
    """A trainer that writes ``curve``, and a checkpoint to ``folder`` every ``seconds``."""
    sft_trainer: Untyped = import_module("trl.trainer.sft_trainer").SFTTrainer
    callback: Untyped = import_module("transformers").TrainerCallback

    class LeanTrainer(sft_trainer):
        def training_step(
            self, model: Untyped, inputs: dict[str, Untyped], num_items_in_batch: Untyped = None
        ) -> Untyped:
            if num_items_in_batch is None or not _plain(self):
                return sft_trainer.training_step(self, model, inputs, num_items_in_batch)
            model.train()
            total: Untyped = 0.0
            for part in parts(self._prepare_inputs(inputs)):
                # accelerate computes in bfloat16 inside the model's own forward, which is not used.
                with self.accelerator.autocast():
                    loss = answer_loss(model, part, num_items_in_batch)
                self.accelerator.backward(loss)
                total += loss.detach()
            return total

        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            del start_time
            self._metrics["train"].clear()
            if "loss" in logs:
                curve.add(self.state.global_step, logs["loss"], logs["learning_rate"])

        def _send_telemetry(self) -> None:
            pass

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

    class Clock(callback):
        """Asks for a checkpoint when one is due; saving takes at most a twentieth of the time."""

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

    return LeanTrainer(callbacks=[Clock()], **settings)


def _plain(trainer: Untyped) -> bool:
    """Whether the loss is a linear head on this one process's CPU, and nothing is added to it."""
    text = trainer.model.config.get_text_config()
    return (
        trainer.args.device.type != "cuda"
        and trainer.accelerator.num_processes == 1
        and not trainer.aux_loss_enabled
        and all(getattr(text, name, None) in (None, 1, 1.0) for name in _SCALES)
    )
