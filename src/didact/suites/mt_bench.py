"""MT-bench: 80 questions of two turns, the second about the model's own first answer.

L. Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena" (2023, arXiv 2306.05685).
A row is ``{"question_id", "category", "turns": [..., ...]}``, or ``"prompt"`` for ``"turns"`` as on
the hub. Every turn is an item of its own: the first is the question alone, the second both, with
the model's own answer to the first between them when it is asked. Judge with `graded` (the mean
over all items is the published score; references are shown for mathematics, reasoning and coding)
or with `pairwise`. The two turns of a question are one thing to the intervals. Ours differs in that
the judge sees the reference of both turns in one conversation, as it sees the answers.

Cost: three calls for two turns, one of which is replayed from the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from didact.formats.reading import Data, Reading, row_of
from didact.records import JSON, Example, Message, Origin
from didact.text.rows import Row

__all__ = ["MtBench"]

_ORIGIN = Origin(recipe="mt-bench")
_TEMPERATURES = {
    "writing": 0.7,
    "roleplay": 0.7,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
    "stem": 0.1,
    "humanities": 0.1,
}
_ELSE = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class MtBench:
    """Questions of two turns, asked one after the other and judged turn by turn (MT-bench)."""

    path: Path
    """The published ``question.jsonl``, or rows like it."""
    references: Path | None = None
    """The published reference answers (``reference_answer/gpt-4.jsonl``); without it those of the
    rows themselves, if any."""
    turns: Literal["all", "first", "last"] = "all"
    """Which turns are judged; those before are asked all the same."""
    temperature: Literal["published", "run"] = "published"
    """`published`: by category, 0.7 for writing, 0 for mathematics. `run`: that of `sampling`."""

    def read(self) -> Iterator[Example]:
        """Question by question; ``meta["turn"]`` is 1 or 2, ``meta["question"]`` the question."""
        given: dict[str, list[str]] = {}
        if self.references is not None:
            for data in Reading(self.references, on_error="stop").rows():
                choices = row_of(data).parts("choices")
                given[str(data.get("question_id"))] = _texts(choices[0], "turns")
        reading = Reading(self.path, on_error="stop")
        return reading.examples(lambda data: self._items(data, given))

    def _items(self, data: Data, given: dict[str, list[str]]) -> Sequence[Example]:
        row = row_of(data)
        turns = _texts(row, "turns" if "turns" in data else "prompt")
        key = str(data.get("question_id", data.get("prompt_id")))
        own = _texts(row, "reference") if data.get("reference") else []
        references = given.get(key, own)
        if references and len(references) != len(turns):
            row.fail(f"question {key}: {len(references)} references for {len(turns)} turns")
        category = row.optional_text("category")
        items: list[Example] = []
        for number in range(1, len(turns) + 1):
            messages = [Message("user", turn) for turn in turns[:number]]
            meta: dict[str, JSON] = {
                "key": key,
                "question": key,
                "turn": number,
                "category": category,
            }
            if references and references[number - 1].strip():
                messages.append(Message("assistant", references[number - 1]))
                meta["earlier_references"] = [*references[: number - 1]]
            if self.temperature == "published":
                meta["ask_with"] = {"temperature": _TEMPERATURES.get(category, _ELSE)}
            items.append(Example(messages=tuple(messages), meta=meta, origin=_ORIGIN))
        wanted = {"all": items, "first": items[:1], "last": items[-1:]}
        return wanted[self.turns]


def _texts(row: Row, key: str) -> list[str]:
    value = row.data.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        row.fail(f"{key!r} must be a list of texts, and not empty")
    return [str(text) for text in value]
