"""Unnatural Instructions as a test, bucketed by the length of the reference.

O. Honovich et al., "Unnatural Instructions" (2022, arXiv 2212.09689), as B. Peng et al.,
"Instruction Tuning with GPT-4" (2023, arXiv 2304.03277) measure: ROUGE-L on 9,000 items, apart by
the words of the reference (0-2, 3-5, 6-10, more), since short references punish whoever chats: the
order of two models turns round between the first bucket and the last. A row is ``{"instruction",
"instances": [{"instruction_with_input", "output"}]}``. Evaluate with `rouge`; ``meta["category"]``
is the bucket. Which 9,000 of the core items were taken is not published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.formats.reading import Data, Reading, row_of
from didact.records import Example, Message, Origin

__all__ = ["Unnatural"]

_ORIGIN = Origin(recipe="unnatural")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnatural:
    """Unnatural Instructions, apart by the length of the reference."""

    path: Path
    """The published ``core_data.jsonl``, or rows like it."""
    most: int | None = None
    """Items read from the beginning; all there are by default."""

    def read(self) -> Iterator[Example]:
        """The items in order."""
        items = Reading(self.path, on_error="stop").examples(_items)
        for number, item in enumerate(items):
            if self.most is not None and number >= self.most:
                return
            yield item


def _items(data: Data) -> Sequence[Example]:
    found: list[Example] = []
    for part in row_of(data).parts("instances"):
        # It holds the input already: joining the two again would say it twice.
        asked, output = part.text("instruction_with_input"), part.text("output")
        found.append(
            Example(
                messages=(Message("user", asked), Message("assistant", output)),
                meta={"category": _bucket(len(output.split()))},
                origin=_ORIGIN,
            )
        )
    return found


def _bucket(words: int) -> str:
    return next((name for most, name in _BUCKETS if words <= most), "over 10")


_BUCKETS = ((2, "0-2"), (5, "3-5"), (10, "6-10"))
