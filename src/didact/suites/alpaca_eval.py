"""The 805 instructions of AlpacaEval, with the outputs of a reference model to compare with.

X. Li et al., "AlpacaEval: An Automatic Evaluator of Instruction-following Models" (2023). A row is
``{"instruction", "dataset", "output"}``; a file of outputs of a model holds all three, so any of
the published ones serves: text_davinci_003 is the reference of version 1, GPT-4 Turbo of version 2.
The evaluators `win-rate` and `length-controlled` compare with it. Outputs of the reference that are
empty, two of text_davinci_003, stay empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.formats.reading import Data, Reading, row_of
from didact.records import JSON, Example, Message, Origin

__all__ = ["AlpacaEval"]

_ORIGIN = Origin(recipe="alpaca-eval")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaEval:
    """The instructions of AlpacaEval, alone or with a reference's outputs."""

    path: Path
    """Instructions, or the outputs of a model: JSON Lines or a JSON array."""
    reference: Path | None = None
    """Outputs to compare with, joined by instruction; without it, those of ``path``, if any."""

    def read(self) -> Iterator[Example]:
        """The items in order, ``meta["category"]`` telling the set they are from."""
        given: dict[str, str] | None = None
        if self.reference is not None:
            given = {
                str(data.get("instruction")): str(data.get("output") or "")
                for data in Reading(self.reference, on_error="stop").rows()
            }
        reading = Reading(self.path, on_error="stop")
        return reading.examples(lambda data: self._item(data, given))

    def _item(self, data: Data, given: dict[str, str] | None) -> Sequence[Example]:
        row = row_of(data)
        instruction = row.text("instruction")
        meta: dict[str, JSON] = {"category": row.optional_text("dataset")}
        output: str | None = None
        if given is not None:
            if instruction not in given:
                row.fail(f"no output for it in {self.reference}: {instruction!r:.60}")
            output = given[instruction]
        elif data.get("output") is not None:
            output = row.optional_text("output")
            if generator := row.optional_text("generator"):
                meta["generator"] = generator
        messages = [Message("user", instruction)]
        if output is not None:
            messages.append(Message("assistant", output))
        return (Example(messages=tuple(messages), meta=meta, origin=_ORIGIN),)
