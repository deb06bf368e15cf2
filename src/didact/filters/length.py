"""Keep examples whose instruction, input and output have a reasonable number of words.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560) keeps instructions of 4 to 150 words; the paper
sets no limit to inputs and outputs. Words are what spaces separate, as there; in a script written
without spaces each character counts as one, where the original counts a whole sentence as one word.

Cost: no call of a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from didact.errors import ConfigError
from didact.records import Example, Verdict
from didact.text.words import count_words

__all__ = ["Length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Drop examples with too few or too many words."""

    version: ClassVar[str] = "1"

    instruction_min: int = 4
    """Fewest words of an instruction."""
    instruction_max: int | None = 150
    """Most words of an instruction; none: no limit."""
    input_max: int | None = None
    """Most words of an input; none: no limit."""
    output_min: int = 0
    """Fewest words of an output."""
    output_max: int | None = None
    """Most words of an output; none: no limit."""

    def __post_init__(self) -> None:
        for part in ("instruction", "output"):
            least, most = getattr(self, f"{part}_min"), getattr(self, f"{part}_max")
            if most is not None and most < least:
                raise ConfigError(f"{part}_max ({most}) is below {part}_min ({least})")

    def check(self, example: Example) -> Verdict:
        """Keep it, or name the first limit it passes."""
        parts = (
            ("instruction", example.instruction, self.instruction_min, self.instruction_max),
            ("input", example.input, 0, self.input_max),
            ("output", example.output, self.output_min, self.output_max),
        )
        for part, text, least, most in parts:
            words = count_words(text)
            if words < least:
                return _drop(f"{part} too short", words, least)
            if most is not None and words > most:
                return _drop(f"{part} too long", words, most)
        return Verdict(keep=True)


def _drop(reason: str, words: int, limit: int) -> Verdict:
    return Verdict(keep=False, reason=reason, score=float(words), evidence={"limit": limit})
