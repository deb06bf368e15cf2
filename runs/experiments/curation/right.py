"""Keeps what is right in every part, as the microworld's auditor sees it: curation without error.

No real data has such a filter; here it says how much any curation could win. Cost: no calls.
"""

from __future__ import annotations

from dataclasses import dataclass

from didact.microworld.auditor import audit
from didact.records import Example, Verdict

__all__ = ["Right"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Keep examples with a valid instruction, a suitable input and the right output."""

    def check(self, example: Example) -> Verdict:
        """The verdict of the auditor."""
        found = audit(example)
        if not found.valid_instruction:
            return Verdict(keep=False, reason="no valid task")
        if not found.input_appropriate:
            return Verdict(keep=False, reason="input does not fit")
        return Verdict(keep=found.output_correct, reason="" if found.output_correct else "wrong")
