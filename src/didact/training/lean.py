"""TRL's SFTTrainer without what it does per token and does not need.

On a CPU, TRL scores every position of a padded batch, entropies and accuracies included. Here the
head runs over the trained positions only, in pieces, so that the logits of a large vocabulary never
stand in memory at once; on a GPU TRL's own tiled head does that, and is left alone. A step of many
tokens goes through a CPU in parts, short rows apart from long ones: the same gradient, less memory
and less padding. Checkpoints are ours (no pickle), the loss curve is ours, and TRL's report of
every training to the hub is not sent.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from didact.errors import DidactError
from didact.text.masks import IGNORED
from didact.training.curve import Curve
from didact.training.resumable import clock, resumable
from didact.training.untyped import Untyped

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["COLUMNS", "answer_loss", "lean_trainer", "parts", "plain_head", "renamed"]

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

_NAMED = 5
"""Examples that a message about a loss names."""


def answer_loss(
    model: Untyped, inputs: Mapping[str, Tensor], tokens: Tensor | int | None
) -> Tensor:
    """Cross-entropy summed over the trained positions, over ``tokens`` (default: their number).

    No attention mask: padding is on the right, and nothing looks to its right in a causal model.
    Packed rows carry their positions, which keep examples apart.
    """
    import torch

    recomputed: Untyped = import_module("torch.utils.checkpoint").checkpoint

    labels = inputs["labels"][:, 1:]
    trained = labels != IGNORED
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    read = {name: inputs[name] for name in ("input_ids", "position_ids") if name in inputs}
    states = causal.base_model(**read, use_cache=False).last_hidden_state
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
    names = [name for name in ("input_ids", "labels", "position_ids") if name in inputs]
    width = inputs["input_ids"].shape[1]
    if "position_ids" in inputs:
        # Packed rows are full: there is nothing to sort.
        rows = max(1, _AT_ONCE // width)
        for start in range(0, len(inputs["input_ids"]), rows):
            yield {name: inputs[name][start : start + rows] for name in names}
        return
    lengths = inputs["attention_mask"].sum(1)

    def halved(rows: Tensor) -> Iterator[dict[str, Tensor]]:
        longest = int(lengths[rows[-1]])
        wide = min(width, longest + -longest % COLUMNS)
        if len(rows) == 1 or len(rows) * wide <= _AT_ONCE:
            yield {name: inputs[name][rows, :wide] for name in names}
        else:
            yield from halved(rows[: len(rows) // 2])
            yield from halved(rows[len(rows) // 2 :])

    yield from halved(lengths.argsort(stable=True))


@contextmanager
def renamed() -> Generator[None]:
    """Without the warnings that TRL and PEFT still call what transformers 5 has renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "`(is_)?gradient_checkpointing(_kwargs)?` is", FutureWarning
        )
        yield


def lean_trainer(
    *,
    curve: Curve,
    folder: Path,
    seconds: float,
    names: Sequence[str],
    started: Callable[[float], None] | None = None,
    callbacks: Sequence[Untyped] = (),
    **settings: Untyped,
) -> Untyped:
    """A trainer that writes ``curve``, and a checkpoint to ``folder`` every ``seconds``.

    ``names`` are those of the rows; ``started`` is given the loss of the first step.
    """
    sft_trainer: Untyped = import_module("trl.trainer.sft_trainer").SFTTrainer

    kept: Untyped = resumable(sft_trainer, folder)

    class LeanTrainer(kept):
        def training_step(
            self, model: Untyped, inputs: dict[str, Untyped], num_items_in_batch: Untyped = None
        ) -> Untyped:
            places: list[int] = inputs.pop("rows").tolist()
            rows = [names[place] for place in places]
            if num_items_in_batch is None or not _plain(self):
                loss: Untyped = kept.training_step(self, model, inputs, num_items_in_batch)
                _finite(loss, rows, self.state)
                return loss
            model.train()
            total: Untyped = 0.0
            for part in parts(self._prepare_inputs(inputs)):
                # accelerate computes in bfloat16 inside the model's own forward, which is not used.
                with self.accelerator.autocast():
                    loss = answer_loss(model, part, num_items_in_batch)
                _finite(loss, rows, self.state)
                self.accelerator.backward(loss)
                total += loss.detach()
            return total

        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            del start_time
            self._metrics["train"].clear()
            if "loss" not in logs:
                return
            if started is not None and self.state.global_step == 1:
                started(logs["loss"])
            curve.add(self.state.global_step, logs["loss"], logs["learning_rate"])

        def _send_telemetry(self) -> None:
            pass

    return LeanTrainer(callbacks=[clock(seconds), *callbacks], **settings)


def _finite(loss: Untyped, rows: Sequence[str], state: Untyped) -> None:
    """Stops before the step is taken: the weights are still those of the step before."""
    value = float(loss.detach())
    if math.isfinite(value):
        return
    named = ", ".join(row[:12] for row in rows[:_NAMED])
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    raise DidactError(
        f"train: the loss is {value} at step {state.global_step + 1} of {state.max_steps}, on"
        f" the examples {named}{more}. `didact show RUN --tokens ID` shows one. A lower"
        " learning_rate, or a longer warmup, usually helps; so does dtype: float32."
    )


def plain_head(model: Untyped) -> bool:
    """Whether the logits of a model are a linear head and nothing is done to them after it."""
    text = model.config.get_text_config()
    return all(getattr(text, name, None) in (None, 1, 1.0) for name in _SCALES)


def _plain(trainer: Untyped) -> bool:
    """Whether the loss is a linear head on this one process's CPU, and nothing is added to it."""
    return (
        trainer.args.device.type != "cuda"
        and trainer.accelerator.num_processes == 1
        and not trainer.aux_loss_enabled
        and plain_head(trainer.model)
    )
