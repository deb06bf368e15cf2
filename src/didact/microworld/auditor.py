"""Says of an example whether it is a valid task, with a suitable input and the right answer.

This is the audit of the Self-Instruct paper (Wang et al. 2022, arXiv 2212.10560, table 2) computed
instead of sampled: an instruction is valid when some family could have worded it; its input is
appropriate when it is of the kind the family works on (or empty where nothing is missing); its
output is correct when the family's own program gives it. What no family recognises is ``unknown``
and counts as not valid, so every share is a lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from didact.microworld.family import Family, Reading, read_instruction
from didact.microworld.kinds import KINDS
from didact.microworld.world import FAMILIES
from didact.records import Example

__all__ = ["Audit", "audit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the auditor says of one example."""

    family: str
    """The family recognised; "" when none."""
    held_out: bool
    valid_instruction: bool
    input_appropriate: bool
    output_correct: bool

    @property
    def all_valid(self) -> bool:
        """Everything right at once."""
        return self.valid_instruction and self.input_appropriate and self.output_correct


def audit(example: Example, families: Sequence[Family] = FAMILIES) -> Audit:
    """The best reading of an example: the one under which most of it is right."""
    readings = read_instruction(example.instruction, families)
    audits = [_judge(reading, example.input, example.output) for reading in readings]
    audits = [found for found in audits if found.valid_instruction]
    if not audits:
        return Audit(
            family="",
            held_out=False,
            valid_instruction=False,
            input_appropriate=False,
            output_correct=False,
        )
    return max(audits, key=lambda found: (found.output_correct, found.input_appropriate))


def _judge(reading: Reading, given: str, output: str) -> Audit:
    fam = reading.family
    valid, fits, right = True, True, False
    content = None
    if fam.kind is not None:
        kind = KINDS[fam.kind]
        inside = reading.content
        content = kind.parse(_bare(inside if inside is not None else given, kind.fields))
        valid = inside is None or content is not None
        fits = content is not None and (inside is None or not given)
    else:
        fits = not given
    if content is not None or fam.kind is None:
        answers = fam.solve(content, reading.params)
        if not answers:
            # Without content the parameters alone are at fault: "the first item" read as "the nth".
            valid = valid and fam.kind is not None and reading.content is None
            fits = False
        else:
            right = fam.right(content, reading.params, output) is True
            right = right or _plain(output) in {_plain(reading.change(a)) for a in answers}
            if reading.change is not str:
                right = _plain(output) in {_plain(reading.change(a)) for a in answers}
    return Audit(
        family=fam.name,
        held_out=fam.held_out,
        valid_instruction=valid,
        input_appropriate=valid and fits,
        output_correct=valid and fits and right,
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _bare(text: str, fields: Sequence[str]) -> str:
    """The content without quotes and without its field name."""
    text = text.strip()
    for field in (*fields, "Input"):
        if text.startswith(f"{field}:"):
            text = text[len(field) + 1 :].strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return text
