"""A local model computed by OpenVINO: the same weights and requests, faster on a CPU.

The model is loaded as always, written out as a graph, compiled for this processor and held against
the model: where the two differ by more than rounding, it is refused. Keys and values lie in blocks,
in the precision of the arithmetic (OpenVINO's own default stores them as 8-bit numbers).
"""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from didact.errors import ConfigError
from didact.inference import weights
from didact.inference.blocks import Blocks
from didact.inference.openvino_graph import KEPT, write_graph
from didact.inference.weights import Device, Loaded, Precision

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["OpenVINOSteps", "load"]

_CHECKED = 24
"""Tokens with which the graph is held against the model."""
_ROUNDING = 1e-3
"""The most that float32 logits may differ, for logits as large as 1."""


def load(directory: Path, *, device: Device, dtype: Precision) -> Loaded:
    """Loads tokenizer and weights and compiles the model; always for the CPU."""
    del device
    try:
        core = import_module("openvino").Core()
    except ImportError as error:
        raise ConfigError(
            "the model openvino needs OpenVINO: pip install openvino (or use: transformers)"
        ) from error
    loaded = weights.load(directory, device="cpu", dtype="float32")
    try:
        graph = write_graph(loaded.model)
    except (ConfigError, AttributeError) as error:
        raise ConfigError(
            f"model {directory}: OpenVINO is given LLaMA, Mistral, Qwen 2 or 3 and what is built"
            f" like them, and {error}. Use: transformers answers with any model."
        ) from error
    exact = OpenVINOSteps(_compiled(core, graph, "f32"))
    difference = _difference(loaded.model, exact)
    if not difference < _ROUNDING:
        raise ConfigError(
            f"model {directory}: its logits differ by {difference:.2g} when OpenVINO computes them:"
            " it is no plain LLaMA. Use: transformers answers with any model."
        )
    steps = exact if dtype != "bfloat16" else OpenVINOSteps(_compiled(core, graph, "bf16"))
    # All that is left to torch is to choose the tokens.
    return replace(loaded, model=None, start=steps.start, threads=1)


def _compiled(core: Any, graph: Any, precision: str) -> Any:  # noqa: ANN401
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "KV_CACHE_PRECISION": precision,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
    }
    return core.compile_model(graph, "CPU", settings)


def _difference(model: Any, steps: OpenVINOSteps) -> float:  # noqa: ANN401
    """The largest difference of two passes, of one row and then of two, relative to the logits."""
    import torch

    draw = torch.Generator().manual_seed(0)
    size = model.config.get_text_config().vocab_size
    ids = torch.randint(size, (1, _CHECKED), generator=draw)
    positions = torch.arange(_CHECKED)[None]
    half = _CHECKED // 2
    with torch.inference_mode():
        wanted = model(input_ids=ids, use_cache=False).logits
    steps.start(columns=_CHECKED)
    first = steps(ids[:, :half], positions=positions[:, :half], mask=None, last=half)
    steps.repeat(2)
    rest = steps(
        ids[:, half:].repeat(2, 1),
        positions=positions[:, half:].repeat(2, 1),
        mask=None,
        last=_CHECKED - half,
    )
    apart = max(
        (first - wanted[:, :half]).abs().max().item(),
        (rest - wanted[:, half:]).abs().max().item(),
    )
    return apart / max(1.0, wanted.abs().max().item())


class OpenVINOSteps:
    """Steps of a compiled graph; one batch at a time."""

    dtype = None
    pieces = True

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401
        self._request: Any = compiled.create_infer_request()
        self._kept: list[Any] = [each for each in compiled.inputs if each.any_name.startswith(KEPT)]
        self._blocks = Blocks(self._kept[0].get_partial_shape()[2].get_length())
        self._room = 0
        self._many = os.cpu_count() or 1

    def start(self, *, columns: int) -> OpenVINOSteps:
        """These steps, for another batch."""
        del columns
        self._blocks.clear()
        return self

    def __call__(
        self, ids: Tensor, *, positions: Tensor, mask: Tensor | None, last: int = 1
    ) -> Tensor:
        """One forward pass."""
        import torch

        rows, columns = ids.shape
        new = np.ones((rows, columns), np.bool_) if mask is None else mask[:, -columns:].numpy()
        counts = new.sum(1, dtype=np.int32)
        past = self._blocks.add(counts)
        self._grow()
        going = np.flatnonzero(counts)
        ends = counts.cumsum(dtype=np.int32)
        # Where a row has fewer new tokens than are asked for, what is told of them is another's.
        wanted = np.maximum(ends[:, None] - np.arange(last, 0, -1), 0)
        blocks, block_begins = self._blocks.of(going)
        given = {
            "ids": ids.numpy()[new],
            "positions": positions.numpy()[new],
            "begins": np.append(np.int32(0), ends[going]),
            "past": past[going],
            "blocks": blocks,
            "block_begins": block_begins,
            "longest": self._blocks.lengths.max(),
            "wanted": wanted.ravel(),
        }
        if counts.max() == 1 and len(going) < self._many:
            _accompany(given)
        made = self._request.infer(given, share_inputs=True)
        logits = torch.from_numpy(made[0])  # pyright: ignore[reportUnknownMemberType]
        return logits.view(rows, last, -1)

    def repeat(self, rows: int) -> None:
        """Copies that share the blocks that are full."""
        block, copies = self._blocks.repeat(rows)
        self._grow()
        if len(copies):
            for each in self._kept:
                data = self._request.get_tensor(each).data
                data[copies] = data[block]

    def keep(self, rows: Tensor) -> None:
        """Forgets the others."""
        self._blocks.keep(rows.numpy())

    def _grow(self) -> None:
        """Makes the memory as large as there are blocks."""
        if self._room == self._blocks.total:
            return
        tensor = import_module("openvino").Tensor
        for each in self._kept:
            _, *shape = each.get_partial_shape()
            kind = each.get_element_type()
            larger = tensor(kind, [self._blocks.total, *[size.get_length() for size in shape]])
            # Zeros, for what lies behind a row's last token is multiplied by zero.
            larger.data[self._room :] = 0
            if self._room:
                larger.data[: self._room] = self._request.get_tensor(each).data
            self._request.set_tensor(each, larger)
        self._room = self._blocks.total


def _accompany(given: dict[str, Any]) -> None:
    """Adds a row of two tokens in the block that is nobody's.

    Rows of one token each, fewer than there are threads, OpenVINO adds up in another order than it
    does in a large batch. Beside a longer row it does not, so a reply is the same in any company.
    """
    for name, more in (("ids", 2), ("positions", 2), ("past", 1), ("blocks", 1)):
        given[name] = np.pad(given[name], (0, more))
    for name, more in (("begins", 2), ("block_begins", 1)):
        given[name] = np.append(given[name], given[name][-1:] + np.int32(more))
    given["longest"] = np.maximum(given["longest"], np.int32(2))
