"""Any causal language model in a local directory, or by its hub name, in this process.

Requests that arrive together are answered in one batch, sorted by length. Sampling is seeded by
each request and never by the batch, so a request has the same answer whoever its neighbours are, up
to the rounding of floating point. Weights are read from safetensors only, and no code that comes
with a model is run. A request's JSON schema is not enforced. Cost: one forward pass per new token
of the longest reply in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from didact.inference import answering
from didact.inference.engine import Engine
from didact.records import operational

__all__ = ["Transformers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformers:
    """A causal model from a directory or the hub, run here with torch."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "completion"})
    spreads: ClassVar[bool] = True

    path: str
    """Directory with config.json, *.safetensors and tokenizer.json, or a name on the hub."""
    batch: int = operational(64)
    """Most requests answered at the same time."""
    device: Literal["auto", "cpu", "cuda", "mps"] = operational("auto")
    """auto is the GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto is float32 on the CPU, for exactness, and bfloat16 elsewhere."""
    template: Literal["auto", "alpaca"] = "auto"
    """How messages become text: auto is the model's own chat template, else the alpaca markers."""
    _engine: Engine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "_engine",
            Engine(
                self.path,
                name=self.path.rstrip("/").rpartition("/")[2],
                batch=self.batch,
                device=self.device,
                dtype=self.dtype,
                template=self.template,
            ),
        )

    @property
    def identity(self) -> str:
        """Hash of configuration, tokenizer and weights, wherever they are."""
        return self._engine.identity

    ask = answering.ask
    score = answering.score
    close = answering.close
