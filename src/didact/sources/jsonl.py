"""Examples in JSON files of any columns: JSON Lines or one array, plain or gzipped; CSV and TSV.

Four shapes of rows, that may be mixed:

- a row of texts, ``{"instruction", "input", "output"}``, its keys renamed by the fields below; no
  input, or null, is an empty one; a list of outputs is an output and further right answers;
- a conversation, ``{"messages": [{"role", "content"}, ...]}``;
- a task, ``{"instruction", "instances": [{"input", "output"}, ...]}``: an example per instance;
- our own examples, as ``Example.to_json`` writes them: these come back as they were.

Other keys of a row go to ``meta``. Reading is strict: the first row that does not fit is an error
with file, line, key, and the setting that may be missing.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.mapped import Columns
from didact.formats.reading import Reading, provenance
from didact.formats.refusals import Refusals
from didact.records import Example, Origin

__all__ = ["Jsonl"]

_ORIGIN = Origin(recipe="jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jsonl:
    """Examples from a JSON Lines, JSON, CSV or TSV file of any columns."""

    path: Path
    """The file; one whose name ends in .gz is decompressed."""
    instruction: str = "instruction"
    """The key of the instruction, or a template over keys: ``"Summarise: {text}"``."""
    input: str = "input"
    """The key of the input, or a template; a row without it has none."""
    output: str = "output"
    """The key of the output, or a template."""
    system: str = ""
    """The key of a system message; none where it is empty."""
    rejected: str = ""
    """The key of a worse answer, or of a list of them, for preference pairs."""
    licence: str = ""
    """Whose terms the data is under, for ``meta``; a row's own ``licence`` goes before it."""
    generator: str = ""
    """Who wrote the answers: a model's name or ``human``; a row's own goes before it."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, in the order of the file."""
        columns = Columns(
            origin=_ORIGIN,
            instruction=self.instruction,
            input=self.input,
            output=self.output,
            system=self.system,
            rejected=self.rejected,
            stated=provenance(self.licence, self.generator),
        )
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(columns.parse)
