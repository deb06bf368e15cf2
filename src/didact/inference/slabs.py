"""A key-value cache that is written in place.

The cache of transformers grows by concatenation: every step copies everything seen so far, in every
layer. A slab has room to grow into and hands out views, so a step writes one column. Rows can leave
it (when their text is finished) and one prefilled row can be repeated for a whole batch (when the
prompts begin alike).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Cache, PreTrainedConfig
    from transformers.cache_utils import DynamicLayer

__all__ = ["repeat_rows", "slab_cache", "slabs_fit"]

_ROOM = 64


def slabs_fit(config: PreTrainedConfig) -> bool:
    """Whether every layer keeps plain full attention, so that slabs and ready masks are exact."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    layers = DynamicCache(config=config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def slab_cache(layers: int, *, columns: int) -> Cache:
    """An empty cache for a model of so many layers, which will hold this many columns or more."""
    from transformers import Cache

    slab: Any = _slab()
    return Cache(layers=[slab(columns) for _ in range(layers)])


def repeat_rows(cache: Cache, rows: int) -> None:
    """Makes ``rows`` rows of a cache that holds one."""
    for layer in cast("list[Any]", cache.layers):
        layer.batch_repeat_interleave(rows)


@cache
def _slab() -> type[DynamicLayer]:
    from torch import nn
    from transformers.cache_utils import DynamicLayer

    class Slab(DynamicLayer):
        """One layer's keys and values, with free columns behind the used ones."""

        def __init__(self, columns: int) -> None:
            super().__init__()  # pyright: ignore[reportUnknownMemberType]
            self.used = 0
            self.columns = columns
            # Tensors from the first update on, and never asked for before.
            self.keys: Any
            self.values: Any

        def update(
            self, key_states: Tensor, value_states: Tensor, *_: object, **__: object
        ) -> tuple[Tensor, Tensor]:
            end = self.used + key_states.shape[-2]
            if not self.is_initialized:
                self.dtype, self.device = key_states.dtype, key_states.device
                self.keys, self.values = key_states, value_states
                self.is_initialized = True
            else:
                if end > self.keys.shape[-2]:
                    wanted = max(end + max(_ROOM, end // 4), self.columns)
                    free = wanted - self.keys.shape[-2]
                    self.keys = nn.functional.pad(self.keys, (0, 0, 0, free))
                    self.values = nn.functional.pad(self.values, (0, 0, 0, free))
                self.keys[:, :, self.used : end] = key_states
                self.values[:, :, self.used : end] = value_states
            self.used = end
            return self.keys[:, :, :end], self.values[:, :, :end]

        def get_seq_length(self) -> int:
            return self.used

        def batch_repeat_interleave(self, repeats: int) -> None:
            # A view: the first write makes the copy, with room to grow.
            self.keys = self.keys[:, :, : self.used].expand(repeats, -1, -1, -1)
            self.values = self.values[:, :, : self.used].expand(repeats, -1, -1, -1)

        def batch_select_indices(self, indices: Tensor) -> None:
            self.keys = self.keys[indices]
            self.values = self.values[indices]

    return Slab
