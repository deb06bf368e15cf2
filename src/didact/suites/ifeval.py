"""IFEval: prompts with instructions that a program can check, for the evaluator `verifiable`.

J. Zhou et al., "Instruction-Following Evaluation for Large Language Models" (2023, arXiv
2311.07911): 541 prompts. A row is ``{"key", "prompt", "instruction_id_list", "kwargs"}``; the
arguments that are null are left out. No reference: nothing is right but its form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from didact.formats.reading import Data, Reading, row_of
from didact.records import JSON, Example, Message, Origin
from didact.text.verifiable import CHECKS

__all__ = ["Ifeval"]

_ORIGIN = Origin(recipe="ifeval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ifeval:
    """Prompts whose instructions about the form of the answer a program checks (IFEval)."""

    path: Path
    """The published ``input_data.jsonl``, or rows like it."""

    def read(self) -> Iterator[Example]:
        """The prompts in order; ``meta["instructions"]`` holds what to check."""
        return Reading(self.path, on_error="stop").examples(_item)


def _item(data: Data) -> Sequence[Example]:
    row = row_of(data)
    prompt = row.text("prompt")
    kinds, arguments = data.get("instruction_id_list"), data.get("kwargs")
    if not isinstance(kinds, list) or not kinds:
        row.fail("'instruction_id_list' must be a list of types of instruction, and not empty")
    if not isinstance(arguments, list) or len(arguments) != len(kinds):
        row.fail("'kwargs' must be a list of objects, one for each instruction")
    instructions: list[JSON] = []
    for kind, given in zip(kinds, arguments, strict=True):
        if kind not in CHECKS:
            row.fail(f"no check for the instruction {kind!r}")
        if not isinstance(given, dict):
            row.fail("'kwargs' must be a list of objects, one for each instruction")
        stated = {key: value for key, value in given.items() if value is not None}
        instructions.append({"kind": kind, **stated})
    meta: dict[str, JSON] = {
        "key": data.get("key"),
        "category": cast("str", kinds[0]).partition(":")[0],
        "instructions": instructions,
    }
    return (Example(messages=(Message("user", prompt),), meta=meta, origin=_ORIGIN),)
