"""Keep an example only when nothing kept so far means the same, by the vectors of a model.

Magpie (Xu et al. 2024, arXiv 2406.08464) removes instructions whose squared distance to another is
below 0.05, a cosine of 0.975; DEITA (Liu et al. 2023, arXiv 2312.15685) stops at a cosine of 0.9.
Ours compares exactly, one after another: no approximate index, and no block in which what was
already dropped still counts against others. With ``held: all`` an example is also held against
those that were dropped before it, as Magpie's groups are made.

Cost: no call of a model in the call log; an embedding an example (about 3 ms for a small model on a
CPU) and 0.2 ms a comparison with 20,000. Needs the extra ``embed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Literal

from didact.errors import ConfigError
from didact.inference.embedding import Encoder, embed
from didact.records import Example, Verdict
from didact.text.cosine_index import CosineIndex
from didact.text.parts import Part, part_of

__all__ = ["Semantic"]

_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantic:
    """Drop what means the same as an example kept before (cosine of embeddings)."""

    version: ClassVar[str] = "1"

    model: str | Encoder
    """A model of sentence-transformers: a name on the model hub or a directory; in Python also a
    function that gives a vector for each text."""
    below: float = 0.9
    """Keep what is less similar than this to everything held; above 0, at most 1."""
    part: Part = "prompt"
    """What is compared: `instruction`, `input`, `prompt` (instruction and input), `output`, or
    `example`, all of it. A part that is empty is near to nothing."""
    held: Literal["kept", "all"] = "kept"
    """What an example is compared with: those kept before it, or all before it."""

    def __post_init__(self) -> None:
        if not 0 < self.below <= 1:
            raise ConfigError(f"below must be above 0 and at most 1, not {self.below}")

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order."""
        index = CosineIndex(self.below)
        held: list[tuple[str, str]] = []
        remaining = iter(examples)
        while batch := list(islice(remaining, _AT_ONCE)):
            texts = [part_of(example, self.part) for example in batch]
            vectors = embed(self.model, texts)
            for number, text in enumerate(texts):
                if not text.strip():
                    vectors[number] = 0
            near = index.offer_all(vectors, hold=self.held == "all")
            for example, text, neighbour in zip(batch, texts, near, strict=True):
                if neighbour is None or self.held == "all":
                    held.append((example.id, text))
                if neighbour is None:
                    yield Verdict(keep=True)
                    continue
                nearest_id, nearest = held[neighbour.position]
                yield Verdict(
                    keep=False,
                    reason="means the same",
                    score=neighbour.score,
                    evidence={
                        "nearest": nearest[:500],
                        "nearest_id": nearest_id,
                        "below": self.below,
                    },
                )
