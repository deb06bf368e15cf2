"""Which tokens of a proved row are trained: every answer, the last one, or as a paper did it.

The usual masks of the literature agree (answers and the token that closes each); two do not, and
are here to reproduce them. alpaca-lora trained the prompts as well and no end token, so its models
learn to write instructions and never to stop. Guanaco (QLoRA) cut the source after 16 tokens and
trained all that followed, the user's later turns too, and only the last end token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias, get_args

from didact.text.masks import IGNORED, Row, stretches

__all__ = ["MASKS", "LossMask", "MaskName", "applied"]

MaskName: TypeAlias = Literal[
    "answers", "last", "self-instruct", "alpaca", "alpaca-lora", "vicuna", "dolly", "humpback",
    "lima", "guanaco", "false-promise", "flan", "t0", "tk-instruct", "orca",
]  # fmt: skip


class LossMask(NamedTuple):
    """A rule for labels; the default is every answer and the stop token of each."""

    answers: Literal["every", "last"] = "every"
    prompts: bool = False
    """Whether what is read (system and user turns, markers) is trained too."""
    skipped: int = 0
    """How many tokens at the start of a row are never trained."""
    stops: Literal["every", "last", "none"] = "every"
    """Which of the tokens that close an answer are trained."""

    @property
    def own(self) -> bool:
        """Whether it trains answers and their stop tokens and nothing else."""
        return not self.prompts and self.stops == "every"


MASKS: Mapping[str, LossMask] = {
    **dict.fromkeys(get_args(MaskName), LossMask()),
    "last": LossMask(answers="last"),
    "alpaca-lora": LossMask(prompts=True, stops="none"),
    "guanaco": LossMask(prompts=True, skipped=16, stops="last"),
}
"""The rule of every name."""


def applied(mask: LossMask, row: Row) -> Row:
    """The row, whose labels are those of every answer and its stop token, under another rule."""
    spans = stretches(row.labels)
    if mask.answers == "last":
        spans = spans[-1:]
    labels = list(row.ids) if mask.prompts else [IGNORED] * len(row.ids)
    for start, end in spans:
        labels[start:end] = row.ids[start:end]
    kept = {"every": 0, "last": 1, "none": 0}[mask.stops]
    if mask.stops != "every":
        for _, end in spans[: len(spans) - kept]:
            labels[end - 1] = IGNORED
    labels[: mask.skipped] = [IGNORED] * min(mask.skipped, len(labels))
    return Row(row.ids, labels)
