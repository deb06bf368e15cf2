"""Drop training examples that touch a test item: by runs of words, by ROUGE-L, by embeddings.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560) reports such overlap and Tulu 3 (Lambert et al.
2024, arXiv 2411.15124) removes it. A run knows its own test items, and holds its examples against
them without being told; further ones are named under ``against``. The three tests are told in
``stats/contamination.py``; each drop shows the item and the words in common.

Cost: no call of a model; a second for 20,000 examples and 1,000 items, without embeddings. Needs
the extra ``embed`` where a model is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

from didact.components import find
from didact.context import Source
from didact.errors import ConfigError
from didact.formats.detection import source_of
from didact.inference.embedding import Encoder, embed
from didact.records import Example, Verdict
from didact.stats.contamination import Limits, Probe, Touch

__all__ = ["Contamination"]

_AT_ONCE = 256
_REASONS = {
    "words": "words of a test item",
    "rouge": "like a test item",
    "embedding": "means the same as a test item",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """Drop what touches a test item of the run, or of files named."""

    version: ClassVar[str] = "1"

    against: tuple[Path, ...] = ()
    """Files of further test items, in any format that is read."""
    part: Literal["prompt", "instruction"] = "prompt"
    """What of an item is compared: its instruction with its input, or without: then a task counts
    as seen with any input."""
    run: int = 8
    """Words of a run that item and example have in common; 0: runs are not looked for."""
    coverage: float = 0.5
    """The share of the item's words that must stand in such runs."""
    rouge: float | None = 0.7
    """The ROUGE-L F of the two prompts at which they touch; none: it is not measured."""
    model: str | Encoder | None = None
    """A model of sentence-transformers: a name on the model hub or a directory; in Python also a
    function that gives a vector for each text. None: embeddings are not compared."""
    cosine: float = 0.9
    """The cosine of the embeddings of the two prompts at which they touch."""

    _items: list[Example] = field(
        init=False, repr=False, compare=False, default_factory=list[Example]
    )

    def __post_init__(self) -> None:
        if self.run < 0:
            raise ConfigError(f"run must be at least 0, not {self.run}")
        limits = {"coverage": self.coverage, "rouge": self.rouge, "cosine": self.cosine}
        for name, limit in limits.items():
            if limit is not None and not 0 < limit <= 1:
                raise ConfigError(f"{name} must be above 0 and at most 1, not {limit}")

    def protect(self, items: Sequence[Example]) -> None:
        """Hold examples against these test items; they take the place of earlier ones."""
        self._items[:] = items

    def sift(self, examples: Iterable[Example]) -> Iterator[Verdict]:
        """One verdict per example, in order; no example has a say in another's."""
        items = [*self._items, *(item for path in self.against for item in _read(path))]
        limits = Limits(
            part=self.part,
            run=self.run,
            coverage=self.coverage,
            rouge=self.rouge,
            cosine=self.cosine,
        )
        vectors = partial(embed, self.model) if self.model is not None else None
        probe = Probe(items, limits, embed=vectors)
        remaining = iter(examples)
        while batch := list(islice(remaining, _AT_ONCE)):
            for touches in probe.touches(batch):
                yield _verdict(touches)


def _verdict(touches: Sequence[Touch]) -> Verdict:
    if not touches:
        return Verdict(keep=True)
    worst = touches[0]
    return Verdict(
        keep=False,
        reason=_REASONS[worst.by],
        score=worst.score,
        evidence={
            "item_id": worst.item,
            "span": worst.span,
            "items": len({touch.item for touch in touches}),
        },
    )


def _read(path: Path) -> Iterator[Example]:
    source: Source = find("sources", source_of(path))(path=path)
    return source.read()
