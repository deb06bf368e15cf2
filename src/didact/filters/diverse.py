"""Keep a number of examples that stand for all: facility location or k-centre.

Superfiltering (Li et al. 2024, arXiv 2402.00530) goes from the top 20 in 100 by difficulty down to
2 by facility location over embeddings of all-MiniLM-L6-v2, by distances. Ours measures by the
cosine, keeps the order of the data, and without a model compares words: vectors of 512 numbers,
each word hashed to one of them and weighted by how rare it is.

Cost: no call of a model in the call log; with n examples, n squared products of vectors: some 10 s
for 20,000. Needs the extra ``embed`` where a model is named.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from didact.inference.embedding import Encoder, embed
from didact.records import Example, Verdict
from didact.stats.covering import facility_location, k_centre
from didact.stats.portions import check_portion, portion
from didact.text.cosine_index import unit_vectors
from didact.text.parts import Part, part_of
from didact.text.words import all_words

__all__ = ["Diverse"]

_SIZE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Diverse:
    """Keep examples that cover the others."""

    version: ClassVar[str] = "1"
    selects: ClassVar[bool] = True

    count: int | None = None
    """How many to keep; or give `share`."""
    share: float | None = None
    """How much of what comes in to keep, above 0 and at most 1."""
    method: Literal["facility", "centre"] = "facility"
    """`facility` keeps what is most like all others; `centre` what is least like those kept."""
    model: str | Encoder | None = None
    """A model of sentence-transformers: a name on the model hub or a directory; in Python also a
    function that gives a vector for each text. None: words."""
    part: Part = "prompt"
    """What is compared: `instruction`, `input`, `prompt`, `output`, or `example`, all of it."""

    def __post_init__(self) -> None:
        check_portion(count=self.count, share=self.share)

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order; all are read before the first."""
        held = list(examples)
        texts = [part_of(example, self.part) for example in held]
        units = embed(self.model, texts) if self.model is not None else _by_words(texts)
        number = portion(len(held), count=self.count, share=self.share)
        choose = facility_location if self.method == "facility" else k_centre
        taken = choose(units, number) if held else []
        order = {place: rank for rank, place in enumerate(taken)}
        for place in range(len(held)):
            if place in order:
                yield Verdict(keep=True, evidence={"taken": order[place] + 1})
                continue
            similar = units[taken] @ units[place]
            nearest = int(np.argmax(similar))
            yield Verdict(
                keep=False,
                reason="covered by others",
                score=float(similar[nearest]),
                evidence={
                    "nearest": texts[taken[nearest]][:500],
                    "nearest_id": held[taken[nearest]].id,
                },
            )


def _by_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """A vector of length 1 for each text, from the words it has and how rare they are."""
    words = [Counter(all_words(text)) for text in texts]
    present = Counter(word for found in words for word in found)
    vectors = np.zeros((len(texts), _SIZE), np.float32)
    for row, found in zip(vectors, words, strict=True):
        for word, times in found.items():
            # CRC-32, because Python's own hash of a text differs from process to process.
            number = zlib.crc32(word.encode("utf-8", "surrogatepass"))
            sign = 1.0 if number & 1 else -1.0
            row[(number >> 1) % _SIZE] += (
                sign * (1 + log(times)) * log((1 + len(texts)) / present[word])
            )
    return unit_vectors(vectors) if len(texts) else vectors
