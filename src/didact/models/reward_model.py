"""A reward model: a sequence classifier that gives a conversation one number, run here with torch.

What it is asked is a conversation that ends with the answer to be rewarded; what it replies is that
number in digits, so that the call log keeps and replays it like any other reply. A classifier of
several classes is no reward model. Weights are read from safetensors only, and no code that comes
with a model is run. Cost: one forward pass over each conversation, many at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from didact.inference.rewarding import Rewarder
from didact.records import Reply, Request, operational

__all__ = ["RewardModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardModel:
    """A sequence classifier with one output, which rewards the last turn of a conversation."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat"})
    spreads: ClassVar[bool] = True

    path: str
    """Directory with config.json, *.safetensors and tokenizer.json, or a name on the hub."""
    longest: int | None = None
    """Tokens of a conversation that are read, the first ones cut off; none: as many as the model
    has room for."""
    device: Literal["auto", "cpu", "cuda", "mps"] = operational("auto")
    """auto is the GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto is float32 on the CPU, for exactness, and bfloat16 elsewhere."""
    _rewarders: list[Rewarder] = field(
        init=False, repr=False, compare=False, default_factory=list[Rewarder]
    )

    @property
    def model(self) -> str:
        """What the model is called."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def _rewarder(self) -> Rewarder:
        if not self._rewarders:
            self._rewarders.append(
                Rewarder(
                    self.path,
                    name=self.model,
                    device=self.device,
                    dtype=self.dtype,
                    longest=self.longest,
                )
            )
        return self._rewarders[0]

    @property
    def identity(self) -> str:
        """Hash of configuration, tokenizer and weights, wherever they are."""
        return self._rewarder.identity

    async def ask(self, request: Request) -> Reply:
        """The reward of a conversation, in digits."""
        return await self._rewarder.ask(request)

    async def close(self) -> None:
        """Free the weights."""
        for held in self._rewarders:
            await held.close()
