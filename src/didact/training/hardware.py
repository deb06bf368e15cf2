"""Where training runs and in what precision it computes; what it needs and is not there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias

from didact.errors import ConfigError

__all__ = ["DType", "Precision", "device", "needs_four_bit", "precision", "processes"]

DType: TypeAlias = Literal["auto", "bfloat16", "float32"]
Precision: TypeAlias = Literal["bfloat16", "float32"]


def device() -> str:
    """Where training runs."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision(wanted: DType) -> Precision:
    """Of the arithmetic; for ``auto`` bfloat16 where the processor has it."""
    import torch

    if wanted != "auto":
        return wanted
    if device() == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    # Where a processor only emulates bfloat16, it is several times slower than float32.
    known: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict[str, Any])()
    native = any("bf16" in name and has for name, has in known.items())
    return "bfloat16" if native and device() == "cpu" else "float32"


def processes() -> int:
    """How many processes train together, as torch's launchers say."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def needs_four_bit() -> None:
    """A ConfigError where weights cannot be held in 4 bits."""
    if device() != "cuda":
        raise ConfigError(
            "four_bit (QLoRA) needs a GPU with CUDA, and there is none here: leave four_bit out to"
            " train the same adapter on the weights as they are"
        )
    if find_spec("bitsandbytes") is None:
        raise ConfigError("four_bit (QLoRA) needs bitsandbytes: pip install bitsandbytes")
