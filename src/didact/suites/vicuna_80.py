"""The 80 questions of Vicuna in nine categories, to be judged by a model.

W. Chiang et al., "Vicuna: An Open-Source Chatbot Impressing GPT-4 with 90% ChatGPT Quality" (2023).
A row is ``{"question_id", "text", "category"}``, or has its question as the only one of ``turns``,
as in FastChat. Nothing is right or wrong: the evaluators `scored-pair`, `pairwise` and `win-rate`
compare two answers, of two models or of one and the recorded answers of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.formats.reading import Data, Reading, row_of
from didact.records import Example, Message, Origin

__all__ = ["Vicuna80"]

_ORIGIN = Origin(recipe="vicuna-80")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vicuna80:
    """The 80 questions of Vicuna, alone or with the recorded answers of a model."""

    path: Path
    """The published ``question.jsonl``, or rows like it."""
    answers: Path | None = None
    """Answers to compare with, rows of ``{"question_id", "text"}``; they become the outputs."""

    def read(self) -> Iterator[Example]:
        """The questions in order, ``meta["category"]`` telling the category."""
        given: dict[str, str] = {}
        if self.answers is not None:
            for data in Reading(self.answers, on_error="stop").rows():
                given[str(data.get("question_id"))] = str(data.get("text") or "")
        reading = Reading(self.path, on_error="stop")
        return reading.examples(lambda data: self._item(data, given))

    def _item(self, data: Data, given: dict[str, str]) -> Sequence[Example]:
        row = row_of(data)
        turns = data.get("turns")
        if isinstance(turns, list) and len(turns) == 1:
            row = row_of({**data, "text": turns[0]})
        elif turns is not None:
            row.fail("a question of more than one turn, where one is asked")
        key = str(data.get("question_id"))
        messages = [Message("user", row.text("text"))]
        if self.answers is not None:
            if not given.get(key, "").strip():
                row.fail(f"question {key}: no answer to it in {self.answers}")
            messages.append(Message("assistant", given[key]))
        meta = {"key": data.get("question_id"), "category": row.optional_text("category")}
        return (Example(messages=tuple(messages), meta=meta, origin=_ORIGIN),)
