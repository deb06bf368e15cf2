"""A local model computed by OpenVINO: the same weights and requests, faster on a CPU.

The model is loaded as always, written out as a graph, compiled for this processor and held against
the model: where the two differ by more than rounding, it is refused. Keys and values stay within
OpenVINO, in the precision of the arithmetic (its own default stores them as 8-bit numbers).
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from didact.errors import ConfigError
from didact.inference import weights
from didact.inference.openvino_graph import write_graph
from didact.inference.weights import Device, Loaded, Precision

if TYPE_CHECKING:
    from torch import Tensor, dtype

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
    columns = torch.arange(_CHECKED)
    mask = torch.zeros(2, 1, _CHECKED - half, _CHECKED)
    mask.masked_fill_(columns > columns[half:, None], torch.finfo(torch.float32).min)
    rest = steps(
        ids[:, half:].repeat(2, 1),
        positions=positions[:, half:].repeat(2, 1),
        mask=mask,
        last=_CHECKED - half,
    )
    apart = max(
        (first - wanted[:, :half]).abs().max().item(),
        (rest - wanted[:, half:]).abs().max().item(),
    )
    return apart / max(1.0, wanted.abs().max().item())


class OpenVINOSteps:
    """Steps of a compiled graph; one batch at a time."""

    plain = True

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401
        import torch

        self.dtype: dtype = torch.float32
        self._request: Any = compiled.create_infer_request()
        self._rows: NDArray[np.int32] | None = None

    def start(self, *, columns: int) -> OpenVINOSteps:
        """These steps, for another batch."""
        del columns
        self._request.reset_state()
        self._rows = None
        return self

    def __call__(
        self, ids: Tensor, *, positions: Tensor, mask: Tensor | None, last: int = 1
    ) -> Tensor:
        """One forward pass."""
        import torch

        rows, columns = ids.shape
        if mask is None:
            least = torch.finfo(torch.float32).min
            mask = torch.full((rows, 1, columns, columns), least).triu_(1)
        if self._rows is None or len(self._rows) != rows:
            self._rows = np.arange(rows, dtype=np.int32)
        made = self._request.infer(
            {
                "ids": ids.numpy(),
                "mask": mask.contiguous().numpy(),
                "positions": positions.contiguous().numpy(),
                "rows": self._rows,
                "last": np.array([last]),
            },
            share_inputs=True,
        )
        self._rows = None
        return torch.from_numpy(made[0])  # pyright: ignore[reportUnknownMemberType]

    def repeat(self, rows: int) -> None:
        """The only row, so many times."""
        self._rows = np.zeros(rows, np.int32)

    def keep(self, rows: Tensor) -> None:
        """Forgets the others."""
        self._rows = rows.numpy().astype(np.int32)
