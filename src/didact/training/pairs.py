"""Preference pairs as token rows: a better and a worse answer each, nothing cut, nothing dropped.

Every example gives a pair for each of its rejected answers, or for the worst only. What cannot be
a pair is refused, listed and counted: no rejected answer, two answers alike, and every reason for
which a row is refused (``didact.text.masks``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from didact.disk import storing
from didact.errors import DidactError
from didact.records import JSON, Example, Message, digest
from didact.text.masks import IGNORED, Refused, Row, stretches

__all__ = [
    "Against",
    "Encode",
    "Pair",
    "content_of",
    "found_pairs",
    "only_what_differs",
    "pairs_of",
]

Against = Literal["every", "worst"]
Encode: TypeAlias = Callable[[Sequence[Message]], Row | Refused]


class Pair(NamedTuple):
    """The better row and the worse one."""

    chosen: Row
    rejected: Row

    @property
    def tokens(self) -> int:
        """Of both rows."""
        return len(self.chosen.ids) + len(self.rejected.ids)


def content_of(examples: Sequence[Example]) -> str:
    """Hash of the examples and their rejected answers, which an example's id leaves out."""
    content: list[JSON] = [[example.id, example.meta.get("rejected")] for example in examples]
    return digest(content)


def found_pairs(
    examples: Sequence[Example], *, against: Against, encode: Encode
) -> tuple[list[Pair], list[tuple[str, str]]]:
    """The pairs of the examples, and of what is none the id and the reason."""
    pairs: list[Pair] = []
    refused: list[tuple[str, str]] = []
    for example in examples:
        for found in _pairs(example, against, encode):
            if isinstance(found, Pair):
                pairs.append(found)
            else:
                refused.append((example.id, found.reason))
    return pairs, refused


def pairs_of(
    examples: Sequence[Example],
    *,
    against: Against,
    encode: Encode,
    note: Callable[..., None],
    out: Path,
) -> list[Pair]:
    """The pairs; what was refused is in ``refused.jsonl``. A DidactError where there is none."""
    pairs, refused = found_pairs(examples, against=against, encode=encode)
    lines = [json.dumps({"id": id, "reason": reason}) + "\n" for id, reason in refused]
    with storing(out):
        (out / "refused.jsonl").write_text("".join(lines), encoding="utf-8")
    reasons = Counter(reason.partition(":")[0] for _, reason in refused)
    note("rows", kept=len(pairs), refused=len(refused), reasons=dict(reasons))
    if not pairs:
        counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        raise DidactError(
            f"train: none of {len(examples)} examples is a preference pair"
            f" ({counted or 'none given'}); {out / 'refused.jsonl'} lists them. A pair is an"
            ' example with a list of worse answers in meta["rejected"]'
        )
    return pairs


def _pairs(example: Example, against: Against, encode: Encode) -> list[Pair | Refused]:
    if not example.rejected:
        return [Refused("no rejected answer")]
    if not example.messages or example.messages[-1].role != "assistant":
        return [Refused("no answer at the end")]
    chosen = encode(example.messages)
    if isinstance(chosen, Refused):
        return [chosen]
    found: list[Pair | Refused] = []
    for messages in example.rejected if against == "every" else example.rejected[-1:]:
        rejected = encode(messages)
        if isinstance(rejected, Refused):
            found.append(Refused(f"rejected answer, {rejected.reason}"))
        elif rejected.ids == chosen.ids:
            found.append(Refused("the rejected answer is the chosen one"))
        elif messages[-1].role != "assistant":
            found.append(Refused("rejected answer, no answer at the end"))
        else:
            found.append(only_what_differs(Pair(chosen, rejected)))
    return found


def only_what_differs(pair: Pair) -> Pair:
    """The pair with earlier answers that both conversations share taken out of the mask.

    In a sum of log-probabilities they cancel; in a mean over tokens they would not.
    """
    spans = [stretches(row.labels) for row in pair]
    shared = 0
    for (_, a), (_, b) in zip(spans[0][:-1], spans[1][:-1], strict=False):
        if pair.chosen.ids[:a] != pair.rejected.ids[:b]:
            break
        shared = a
    masked = [Row(row.ids, [IGNORED] * shared + row.labels[shared:]) for row in pair]
    return Pair(*masked)
