"""The small language model that ships with the package, so that everything runs anywhere.

A base model of a few million parameters, pre-trained by this project on a small world of everyday
words and facts. It needs no key, no network and no GPU. It is asked like any local model; the
directory ``didact/embedded`` holds its weights, tokenizer and model card.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import ClassVar, Literal

from didact.inference import answering
from didact.inference.engine import Engine
from didact.records import operational

__all__ = ["Embedded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The small base model inside the package: no key, no network, no GPU."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "completion"})
    spreads: ClassVar[bool] = True

    batch: int = operational(64)
    """Most requests answered at the same time."""
    device: Literal["auto", "cpu", "cuda", "mps"] = operational("cpu")
    """The model is small: the CPU answers at once, and in the same way everywhere."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto is float32 on the CPU, for exactness, and bfloat16 elsewhere."""
    _engine: Engine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "_engine",
            Engine(
                str(self.directory()),
                name="embedded",
                batch=self.batch,
                device=self.device,
                dtype=self.dtype,
                template="auto",
            ),
        )

    @staticmethod
    def directory() -> Path:
        """Where the packaged model is, to be fine-tuned or copied."""
        return Path(str(files("didact") / "embedded"))

    @property
    def identity(self) -> str:
        """Hash of configuration, tokenizer and weights."""
        return self._engine.identity

    ask = answering.ask
    score = answering.score
    close = answering.close
