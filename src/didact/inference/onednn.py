"""Products with weights by oneDNN instead of MKL: on a CPU in float32, where nothing is trained.

Torch gives them to MKL, which takes the widest instructions on Intel's processors only. oneDNN,
which torch carries too and uses for bfloat16, takes them on any: 150 GFLOP/s against 75 on one core
of an EPYC. Products of few rows gain little, so it is for whoever has many tokens at once.

The numbers differ as those of two libraries do, in the last digits of float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    _Product: TypeAlias = Callable[[Tensor, Tensor, Tensor | None], Tensor]

__all__ = ["through_onednn"]


def through_onednn(device: str) -> AbstractContextManager[object]:
    """While it is open, this thread's linear layers go through oneDNN, where it is to be had."""
    product = _product() if device == "cpu" else None
    return nullcontext() if product is None else _taking(product)


@cache
def _product() -> _Product | None:
    """Inputs, weights and bias to outputs; None where torch cannot, or does it in another way."""
    import torch

    def product(states: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(states, weight, bias, "none", [], "")

    # Tried, not looked up: it is what torch's compiler calls, and no promise to anybody else.
    draw = torch.Generator().manual_seed(0)
    states, weight, bias = (
        torch.randn(*size, generator=draw) for size in ((2, 3, 4), (5, 4), (5,))
    )
    try:
        with torch.inference_mode():
            same = [
                torch.allclose(product(states, weight, more), _linear()(states, weight, more), 1e-4)
                for more in (None, bias)
            ]
    except (AttributeError, RuntimeError, TypeError):
        return None
    return product if all(same) else None


def _linear() -> Callable[..., Tensor]:
    import torch

    return torch.nn.functional.linear


def _taking(product: _Product) -> AbstractContextManager[object]:
    import torch
    from torch.overrides import TorchFunctionMode

    class OneDnn(TorchFunctionMode):
        """Takes linear layers in float32 out of what torch is asked for."""

        def __torch_function__(
            self,
            func: Callable[..., object],
            types: Sequence[type],
            args: Sequence[Tensor | None] = (),
            kwargs: Mapping[str, object] | None = None,
        ) -> object:
            if func is linear and not kwargs and all(map(plain, args)):
                states, weight, bias = (*args, None)[:3]
                assert states is not None
                assert weight is not None
                return product(states, weight, bias)
            return func(*args, **(kwargs or {}))

    def plain(given: Tensor | None) -> bool:
        return given is None or given.dtype == torch.float32

    linear = _linear()
    return OneDnn()
