"""The next token of every row of a batch, each row with its own settings and its own randomness.

A row's random numbers are drawn in advance from a generator seeded by its request, and a token is
found by inverting the cumulative probabilities at that number. So the choice depends on the row's
logits and its request alone: never on its neighbours, their order or a global generator.
Penalties are those of the OpenAI API: over the tokens generated so far, not over the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from didact.records import Sampling

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Chooser"]

# The nucleus of a peaked distribution is looked for among this many tokens; a row whose nucleus is
# larger is sorted whole. Which of the two happens is decided row by row: neighbours change nothing.
_FIRST_LOOK = 64


class Chooser:
    """Chooses one token per row and step; ``keep`` forgets the rows that have left."""

    def __init__(
        self, samplings: Sequence[Sampling], seeds: Sequence[int], *, steps: int, device: str
    ) -> None:
        import torch

        self._steps = 0
        draws = np.zeros((len(seeds), steps))
        for row, (sampling, seed) in enumerate(zip(samplings, seeds, strict=True)):
            if sampling.temperature > 0:
                # PCG64 by name: numpy's default generator may change, its named ones do not.
                draws[row] = np.random.Generator(np.random.PCG64(seed)).random(steps)

        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)[:, None]

        self._draws = torch.from_numpy(draws).to(device=device, dtype=torch.float32)  # pyright: ignore[reportUnknownMemberType]
        self._temperature = column([s.temperature for s in samplings])
        self._top_p = column([s.top_p for s in samplings])
        self._presence = column([s.presence_penalty for s in samplings])
        self._frequency = column([s.frequency_penalty for s in samplings])
        self._penalised = any(s.presence_penalty or s.frequency_penalty for s in samplings)
        self._counts: Tensor | None = None
        self._group()

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only, in this order."""
        self._draws = self._draws[rows]
        self._temperature = self._temperature[rows]
        self._top_p = self._top_p[rows]
        self._presence = self._presence[rows]
        self._frequency = self._frequency[rows]
        self._counts = None if self._counts is None else self._counts[rows]
        self._group()

    def choose(self, logits: Tensor) -> Tensor:
        """One token id per row of ``logits`` (rows x vocabulary)."""
        import torch

        logits = logits.float()
        if self._penalised:
            if self._counts is None:
                self._counts = torch.zeros_like(logits)
            logits = logits - self._frequency * self._counts - self._presence * (self._counts > 0)
        draw = self._draws[:, self._steps : self._steps + 1]
        self._steps += 1
        if not len(self._plain) and not len(self._nucleus):
            tokens = logits.argmax(-1)
        elif len(self._nucleus) == len(logits):
            tokens = self._from_nucleus(logits / self._temperature, draw, self._top_p)
        elif len(self._plain) == len(logits):
            tokens = _invert(torch.softmax(logits / self._temperature, -1), draw)
        else:
            tokens = logits.argmax(-1)
            for rows, nucleus in ((self._plain, False), (self._nucleus, True)):
                if len(rows):
                    scaled = logits[rows] / self._temperature[rows]
                    tokens[rows] = (
                        self._from_nucleus(scaled, draw[rows], self._top_p[rows])
                        if nucleus
                        else _invert(torch.softmax(scaled, -1), draw[rows])
                    )
        if self._counts is not None:
            self._counts.scatter_add_(1, tokens[:, None], torch.ones_like(self._frequency))
        return tokens

    def _group(self) -> None:
        """The rows that sample from everything, and those that sample from a nucleus."""
        samples = self._temperature[:, 0] > 0
        narrow = self._top_p[:, 0] < 1
        self._plain = (samples & ~narrow).nonzero()[:, 0]
        self._nucleus = (samples & narrow).nonzero()[:, 0]

    @staticmethod
    def _from_nucleus(logits: Tensor, draw: Tensor, top_p: Tensor) -> Tensor:
        import torch

        probabilities = torch.softmax(logits, -1)
        size = min(_FIRST_LOOK, logits.shape[-1])
        top, ids = probabilities.topk(size, -1)
        tokens = ids.gather(1, _invert(_nucleus(top, top_p), draw)[:, None])[:, 0]
        if size < logits.shape[-1]:
            wide = (top.sum(-1) < top_p[:, 0]).nonzero()[:, 0]
            if len(wide):
                everything, ids = probabilities[wide].sort(dim=-1, descending=True, stable=True)
                places = _invert(_nucleus(everything, top_p[wide]), draw[wide])
                tokens[wide] = ids.gather(1, places[:, None])[:, 0]
        return tokens


def _nucleus(descending: Tensor, top_p: Tensor) -> Tensor:
    """Zero outside the fewest most probable tokens whose probabilities add up to ``top_p``."""
    before = descending.cumsum(-1) - descending
    return descending * (before < top_p)


def _invert(weights: Tensor, draw: Tensor) -> Tensor:
    """Where the cumulative weights pass ``draw`` (in [0, 1)) of their sum; never a weight of 0."""
    import torch

    cumulative = weights.cumsum(-1)
    # Rounding may put draw * total at total itself: the last token with any weight is the answer.
    # The cumulative weight reaches total there first, so a strict search from the left finds it.
    total = cumulative[:, -1:]
    point = draw * total
    beyond = torch.searchsorted(cumulative, point, right=True)
    last = torch.searchsorted(cumulative, total.contiguous())
    return torch.minimum(beyond, last)[:, 0]
