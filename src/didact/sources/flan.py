"""FLAN tables: three tab-separated columns without a header, and the rows of its public dumps.

The Flan Collection (Longpre et al. 2023, arXiv 2301.13688) keeps its chain-of-thought sets as
tables of question, answer and chain of thought, a line break in a text written as backslash and n.
Dumps of its sub-mixtures are rows of ``{"inputs", "targets", "task"...}``. The rationale goes to
``meta.rationale``; a recipe decides what of it becomes a target. The task is the file's name
(``gsm8k_train.tsv`` is ``gsm8k``) unless a row names one.

Differences: a line with another number of columns is refused; the original reader dies on it.

Cost: no calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import Data, Reading, is_text, provenance, row_of
from didact.formats.refusals import Refusals
from didact.records import JSON, Example, Message, Origin

__all__ = ["Flan"]

_ORIGIN = Origin(recipe="flan-table")
_COLUMNS = ("question", "answer", "rationale")
_ROWS = ("inputs", "targets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flan:
    """Questions of FLAN with their answers, and the rationale where there is one."""

    path: Path
    """A .tsv of question, answer and rationale, or JSON Lines or Parquet of inputs and targets;
    .gz is decompressed."""
    licence: str = "Apache-2.0; the data sets underneath keep their own terms"
    """Whose terms the data is under."""
    generator: str = "human"
    """Who wrote it."""
    on_error: Literal["stop", "skip"] = "stop"
    """What a row that cannot be read does: end the reading, or be left out and counted."""

    def read(self, refusals: Refusals | None = None) -> Iterator[Example]:
        """Every example, in the order of the file."""
        task = self.path.name.partition(".")[0].removesuffix("_train")
        stated = {**provenance(self.licence, self.generator), "task": task}
        reading = Reading(self.path, on_error=self.on_error, refusals=refusals)
        return reading.examples(lambda data: _example(data, stated), columns=_COLUMNS)


def _example(data: Data, stated: Mapping[str, JSON]) -> Sequence[Example]:
    meta: dict[str, JSON] = {**stated}
    if "inputs" in data:
        question, answer = (_plain(data, key) for key in _ROWS)
        used = _ROWS
    else:
        question, answer, rationale = (_decoded(data, key) for key in _COLUMNS)
        meta["rationale"] = rationale
        used = _COLUMNS
    for key, value in data.items():
        if key not in used:
            meta[key] = value
    messages = (Message("user", question), Message("assistant", answer))
    return (Example(messages=messages, meta=meta, origin=_ORIGIN),)


def _decoded(data: Data, key: str) -> str:
    value = _plain(data, key)
    return value.replace("\\n", "\n") if "\\" in value else value


def _plain(data: Data, key: str) -> str:
    value = data.get(key)
    return value if is_text(value) else row_of(data).text(key)
