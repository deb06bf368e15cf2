"""A local causal model computed by OpenVINO: two to four times as fast on a CPU, the same replies.

For LLaMA, Mistral, Qwen 2 and 3 and models built like them; when one is loaded, its logits are held
against those of torch, and a model that is not computed alike is refused, as is one whose sliding
window is shorter than its context. Batches, seeds, stop strings and templates are those of
`transformers`, and so are greedy replies, up to the rounding of floating point. Needs
`pip install openvino`. Cost: one forward pass per new token of the longest
reply in the batch, and some seconds to compile the model at the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from didact.inference import answering, openvino
from didact.inference.engine import Engine
from didact.records import operational

__all__ = ["OpenVINO"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenVINO:
    """A causal model from a directory or the hub, run on this CPU with OpenVINO."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "completion"})
    spreads: ClassVar[bool] = True

    path: str
    """Directory with config.json, *.safetensors and tokenizer.json, or a name on the hub."""
    batch: int = operational(64)
    """Most requests answered at the same time."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the arithmetic: float32 is exact, bfloat16 faster where the processor has it."""
    template: Literal["auto", "alpaca"] = "auto"
    """How messages become text: auto is the model's own chat template, else the alpaca markers."""
    _engine: Engine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        engine = Engine(
            self.path,
            name=self.path.rstrip("/").rpartition("/")[2],
            batch=self.batch,
            device="cpu",
            dtype=self.dtype,
            template=self.template,
            load=openvino.load,
            kind="openvino",
        )
        object.__setattr__(self, "_engine", engine)

    @property
    def identity(self) -> str:
        """Hash of configuration, tokenizer and weights, wherever they are."""
        return self._engine.identity

    ask = answering.ask
    score = answering.score
    close = answering.close
