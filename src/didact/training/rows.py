"""Examples become rows whose mask is proved; what cannot be one is refused, listed and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from didact.disk import storing
from didact.errors import DidactError
from didact.records import Example
from didact.text.loss_masks import LossMask, applied
from didact.text.masks import IGNORED, Refused, Row, Tokenizer, masked_row

__all__ = ["Rows", "rows_of", "write_refused"]


@dataclass(slots=True)
class Rows:
    """What is trained, and what is not."""

    ids: list[str] = field(default_factory=list[str])
    """Of the examples, beside ``rows``."""
    rows: list[Row] = field(default_factory=list[Row])
    stops: set[int] = field(default_factory=set[int])
    """Tokens that close answers."""
    refused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Id and reason."""

    @property
    def reasons(self) -> Counter[str]:
        """How often each; what follows a colon is about one row, and would make each its own."""
        return Counter(reason.partition(":")[0] for _, reason in self.refused)

    @property
    def tokens(self) -> int:
        """Of all rows."""
        return sum(len(row.ids) for row in self.rows)

    @property
    def trained(self) -> int:
        """Tokens that the loss is taken over."""
        return sum(label != IGNORED for row in self.rows for label in row.labels)

    def told(self) -> str:
        """The reasons and their numbers, in words."""
        return ", ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())


def rows_of(
    examples: Sequence[Example], tokenizer: Tokenizer, *, mask: LossMask, limit: int | None
) -> Rows:
    """The rows of the examples, whatever they are."""
    found = Rows()
    for example in examples:
        row = masked_row(example.messages, tokenizer, max_length=limit)
        if isinstance(row, Refused):
            found.refused.append((example.id, row.reason))
            continue
        found.stops.add(row.labels[-1])
        row = applied(mask, row)
        if all(label == IGNORED for label in row.labels[1:]):
            found.refused.append((example.id, "the mask leaves nothing to train"))
            continue
        found.ids.append(example.id)
        found.rows.append(row)
    return found


def write_refused(found: Rows, out: Path, *, of: int, note: Callable[..., None]) -> None:
    """Lists what was refused in ``refused.jsonl``; a DidactError where nothing is left."""
    lines = [json.dumps({"id": id, "reason": reason}) + "\n" for id, reason in found.refused]
    with storing(out):
        (out / "refused.jsonl").write_text("".join(lines), encoding="utf-8")
    kept, refused = len(found.rows), len(found.refused)
    note("rows", kept=kept, refused=refused, reasons=dict(found.reasons), trained=found.trained)
    if not found.rows:
        raise DidactError(
            f"train: none of {of} examples can be trained on ({found.told() or 'none given'});"
            f" {out / 'refused.jsonl'} lists them"
        )
