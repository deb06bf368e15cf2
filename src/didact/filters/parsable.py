"""Drop what cannot be a training example: parts missing, repeated, cut off or left over.

The validity rules of Self-Instruct (Wang et al. 2022, arXiv 2212.10560; published code, instance
filtering): an output that is empty or repeats the input, an input or output that ends with a colon.
Ours adds an instruction that is missing, an output that repeats the instruction, characters that no
text contains, and markers of a prompt format that were left in the answer, which there only the
parser sees to. Each has its own reason.

Cost: no call of a model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from didact.records import Example, Verdict

__all__ = ["Parsable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsable:
    """Drop examples with parts that are missing, repeated, cut off or left over."""

    version: ClassVar[str] = "1"

    colon: bool = True
    """Drop an input or output that ends with a colon: something was to follow."""
    markers: bool = True
    """Drop an output with markers of a prompt format in it, such as a line that starts with
    `Input:` or `Class label:`, or an end-of-text token."""

    def check(self, example: Example) -> Verdict:
        """Keep it, or name the first thing wrong with it."""
        instruction, given, output = (
            text.strip() for text in (example.instruction, example.input, example.output)
        )
        if not instruction:
            return _drop("no instruction")
        if not output:
            return _drop("no output")
        if output == given:
            return _drop("output repeats input")
        if output == instruction:
            return _drop("output repeats instruction")
        if self.colon and given.endswith(":"):
            return _drop("input ends with a colon")
        if self.colon and output.endswith(":"):
            return _drop("output ends with a colon")
        for message in example.messages:
            if broken := _BROKEN.search(message.content):
                return _drop("broken characters", f"U+{ord(broken.group()):04X}")
        if self.markers and (left := _MARKERS.search(output)):
            return _drop("leftover marker", left.group().strip())
        return Verdict(keep=True)


def _drop(reason: str, found: str = "") -> Verdict:
    return Verdict(keep=False, reason=reason, evidence={"found": found} if found else {})


_BROKEN = re.compile("[\x00\ud800-\udfff\ufffd]")
"""What a wrong or cut-off decoding leaves behind: NUL, half a surrogate pair, the replacement."""

_MARKERS = re.compile(
    r"^\s*(?:(?:Input|Output|Class label|Task)\s*\d*\s*:|Example\s+\d+\s*[.:]?\s*$"
    r"|###\s*(?:Instruction|Input|Response|Output|Human|Assistant)\b)"
    r"|<\|[a-z_]{2,30}\|>|\[/?INST\]|</s>",
    re.MULTILINE,
)
