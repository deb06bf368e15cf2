"""The table that describes a set of instruction data, row for row as in the Self-Instruct paper.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560), Table 1: 52,445 instructions, of them 11,584
classification; 82,439 instances, of them 35,878 with an empty input; on average 15.9 words of
instruction, 12.7 of input where there is one, 18.9 of output. In figure 2: 26,559 instructions with
a verb and an object. Words are counted by spaces, as there, and in scripts without spaces by
characters.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from didact.records import JSON, Example
from didact.text.verbs import verb_noun_counts
from didact.text.words import count_words

__all__ = ["InstructionData", "describe_instructions", "unheard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionData:
    """The rows of the table."""

    instructions: int
    """Different instructions."""
    classification: int
    """Those whose examples say ``is_classification`` in ``meta``."""
    generation: int
    """All others."""
    instances: int
    """Examples."""
    empty_input: int
    """Examples without an input."""
    instruction_words: float
    """Mean over the instructions."""
    input_words: float
    """Mean over the inputs that are not empty."""
    output_words: float
    """Mean over the outputs."""
    verb_noun: int | None
    """Instructions with a verb and its object; None without the extra ``text``."""

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return asdict(self)


def describe_instructions(examples: Iterable[Example]) -> InstructionData:
    """The table of these examples."""
    kinds: dict[str, bool] = {}
    inputs: list[int] = []
    outputs: list[int] = []
    for example in examples:
        kinds.setdefault(example.instruction, bool(example.meta.get("is_classification")))
        inputs.append(count_words(example.input))
        outputs.append(count_words(example.output))
    parsed = importlib.util.find_spec("textblob") is not None
    return InstructionData(
        instructions=len(kinds),
        classification=sum(kinds.values()),
        generation=len(kinds) - sum(kinds.values()),
        instances=len(outputs),
        empty_input=inputs.count(0),
        instruction_words=_mean([count_words(instruction) for instruction in kinds]),
        input_words=_mean([words for words in inputs if words]),
        output_words=_mean(outputs),
        verb_noun=verb_noun_counts(kinds).total() if parsed else None,
    )


def _mean(values: Sequence[int]) -> float:
    return fmean(values) if values else 0.0


def unheard(asked: int, *, heard: int, failed: int) -> dict[str, int]:
    """Items that nothing came of, by reason: their call failed, or a ``cap`` ended the work."""
    reasons = {"no reply": failed, "after the cap": asked - heard - failed}
    return {reason: count for reason, count in reasons.items() if count > 0}
