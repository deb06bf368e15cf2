"""Any file as test items: a question and, where there is one, its right answer.

The columns are mapped as the source `jsonl` maps them. A row with ``messages`` is a conversation:
its last assistant turn is the reference, and where a user turn follows another the model's own
answer comes between. ``turns`` names a column of questions that are asked one after the other.
Without an answer the item has no reference: judges and `verifiable` need none. What else the row
has goes to ``meta``: ``category``, ``family``, ``references``, ``options`` mean what they mean
everywhere. JSON Lines, a JSON array, CSV, TSV or Parquet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.formats.mapped import Columns, conversation
from didact.formats.reading import Data, Reading, row_of
from didact.records import JSON, Example, Message, Origin

__all__ = ["Jsonl"]

_ORIGIN = Origin(recipe="jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jsonl:
    """Any file of questions, with or without right answers, of one turn or several."""

    path: Path
    """JSON Lines, a JSON array, Parquet, CSV or TSV; .gz is decompressed."""
    instruction: str = "instruction"
    """The column of the question, or a template over columns: ``"Translate: {text}"``."""
    input: str = "input"
    """The column of its input, where it has one."""
    output: str = "output"
    """The column of the right answer, or of a list of them; a row without it has none."""
    turns: str = ""
    """The column of a list of questions asked one after the other, instead of ``instruction``."""
    category: str = ""
    """The column to report apart by."""

    def read(self) -> Iterator[Example]:
        """The items in the order of the file."""
        return Reading(self.path, on_error="stop").examples(self._items)

    def _items(self, data: Data) -> Sequence[Example]:
        stated: dict[str, JSON] = {}
        if self.category:
            stated["category"] = str(data.get(self.category, ""))
        if "messages" in data and "origin" not in data:
            return (conversation(data, _ORIGIN, stated),)
        if self.turns:
            return (self._conversation(data, stated),)
        columns = Columns(
            origin=_ORIGIN,
            instruction=self.instruction,
            input=self.input,
            output=self.output,
            stated=stated,
        )
        if data.get(self.output) is not None or "messages" in data or "instances" in data:
            return columns.parse(data)
        # Any text will do where the parser wants one; it is taken off again.
        found = columns.parse({**data, self.output: "."})
        return [Example(messages=one.prompt, meta=one.meta, origin=one.origin) for one in found]

    def _conversation(self, data: Data, stated: dict[str, JSON]) -> Example:
        row = row_of(data, renamed=True)
        asked = data.get(self.turns)
        if not isinstance(asked, list) or not asked or not all(isinstance(t, str) for t in asked):
            row.fail(f"{self.turns!r} must be a list of texts, and not empty (setting `turns`)")
        messages = [Message("user", str(turn)) for turn in asked]
        if answer := row.optional_text(self.output):
            messages.append(Message("assistant", answer))
        rest = row.rest(self.turns, self.output)
        return Example(messages=tuple(messages), meta={**rest, **stated}, origin=_ORIGIN)
