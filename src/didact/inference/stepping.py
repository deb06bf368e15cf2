"""Forward passes over a batch whose texts grow, and the keys and values that they leave behind.

Whoever computes them, decoding sees ``Steps``: here with torch, in ``openvino`` with OpenVINO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from didact.inference.slabs import repeat_rows, slab_cache, slabs_fit

if TYPE_CHECKING:
    from torch import Tensor, dtype
    from transformers import PreTrainedModel

__all__ = ["Steps", "TorchSteps"]


class Steps(Protocol):
    """One batch on its way through a model."""

    @property
    def dtype(self) -> dtype | None:
        """Of masks, which are added to the scores, rows x 1 x queries x columns.

        None where they say which columns are no padding, rows x columns.
        """
        ...

    @property
    def pieces(self) -> bool:
        """Whether prompts may be read in pieces, and what they have in common once."""
        ...

    def __call__(
        self, ids: Tensor, *, positions: Tensor, mask: Tensor | None, last: int = 1
    ) -> Tensor:
        """Logits at the last columns of the next ones; no mask is one without padding."""
        ...

    def repeat(self, rows: int) -> None:
        """Goes on with so many copies of the only row."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only, in this order."""
        ...


class TorchSteps:
    """Steps of a model of transformers; ``columns`` are the least there will be."""

    def __init__(self, model: PreTrainedModel, *, columns: int) -> None:
        from transformers import DynamicCache

        self._model: Any = model
        config: Any = model.config
        # Ready-made masks need attention that adds them; slabs need plain full attention.
        self.pieces = config._attn_implementation in ("sdpa", "eager") and slabs_fit(config)
        self.dtype: dtype | None = self._model.dtype if self.pieces else None
        self._cache: Any = (
            slab_cache(config.get_text_config().num_hidden_layers, columns=columns)
            if self.pieces
            else DynamicCache(config=config)
        )

    def __call__(
        self, ids: Tensor, *, positions: Tensor, mask: Tensor | None, last: int = 1
    ) -> Tensor:
        """One forward pass."""
        output = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=last,
        )
        return output.logits[:, -last:]

    def repeat(self, rows: int) -> None:
        """Copies that share memory until they are written."""
        repeat_rows(self._cache, rows)

    def keep(self, rows: Tensor) -> None:
        """Forgets the others."""
        self._cache.batch_select_indices(rows)
