"""Multiple choice of any file: a question, its options and which of them is right.

For the evaluator `choice`, which ranks the options by log-likelihood as V. Sanh et al., "Multitask
Prompted Training Enables Zero-Shot Task Generalization" (T0; 2021, arXiv 2110.08207). The shapes
that public sets have are told apart row by row: options as a list of texts, as a list of ``{label,
text}``, or as ``{"label": [...], "text": [...]}`` (ARC, CommonsenseQA); the right one as its text,
its label or letter, or its number from 0 (MMLU, HellaSwag). A mapping with braces is a template
over columns, and a dot goes inside one: ``question.stem``.

`show: letters` writes the options under the question and asks for the letter, as MMLU does; `none`,
as T0, asks for the text of the option. A row whose right answer is none of its options is an error
that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from didact.formats.reading import Data, Reading, row_of
from didact.records import JSON, Example, Message, Origin
from didact.text.rows import Row

__all__ = ["MultipleChoice"]

_ORIGIN = Origin(recipe="multiple-choice")
_PLACE = re.compile(r"\{([^{}]+)\}")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleChoice:
    """Questions with options of any file, for the evaluator `choice`."""

    path: Path
    """JSON Lines, a JSON array, Parquet, CSV or TSV."""
    question: str = "question"
    """The column of the question, or a template over columns: ``{passage}\\n\\n{question}``."""
    options: str = "choices"
    """The column of the options; several columns are separated by commas."""
    answer: str = "answer"
    """The column of the right one: its text, its label or letter, or its number."""
    category: str = ""
    """The column to report apart by, such as a subject."""
    first: Literal[0, 1] = 0
    """What the number of the first option is, where the answer is a number."""
    show: Literal["none", "letters"] = "none"
    """`letters`: the options stand under the question, and the answer is a letter."""

    def read(self) -> Iterator[Example]:
        """The questions in order."""
        return Reading(self.path, on_error="stop").examples(self._item)

    def _item(self, data: Data) -> Sequence[Example]:
        row = row_of(data, renamed=True)
        question = self._question(row)
        options, labels = self._options(row)
        right = self._right(row, options, labels)
        if self.show == "letters":
            listed = [f"{letter}. {text}" for letter, text in zip(_LETTERS, options, strict=False)]
            question = "\n".join([question, *listed])
            options, right = list(_LETTERS[: len(options)]), _LETTERS[options.index(right)]
        # A few public rows hold an option twice: it is one.
        meta: dict[str, JSON] = {"options": [*dict.fromkeys(options)]}
        if self.category:
            meta["category"] = str(_inside(data, self.category))
        messages = (Message("user", question), Message("assistant", right))
        return (Example(messages=messages, meta=meta, origin=_ORIGIN),)

    def _question(self, row: Row) -> str:
        def text(column: str) -> str:
            value = _inside(row.data, column)
            if not isinstance(value, str) or not value.strip():
                row.fail(f"{column!r} must be a text that is not empty (setting `question`)")
            return value

        if "{" not in self.question:
            return text(self.question)
        return _PLACE.sub(lambda found: text(found[1]), self.question)

    def _options(self, row: Row) -> tuple[list[str], list[str]]:
        """The texts of the options and their labels."""
        names = [name.strip() for name in self.options.split(",")]
        if len(names) > 1:
            value: Any = [_inside(row.data, name) for name in names]
        else:
            value = _inside(row.data, names[0])
        labels = list(_LETTERS)
        if isinstance(value, dict):
            parts = cast("dict[str, Any]", value)
            labels, value = parts.get("label") or labels, parts.get("text")
        found = cast("list[Any]", value) if isinstance(value, list) else []
        if found and all(isinstance(part, dict) for part in found):
            entries = cast("list[dict[str, Any]]", found)
            labels = [str(part.get("label", "")) for part in entries]
            found = [part.get("text") for part in entries]
        texts = found
        if len(texts) < 2 or not all(isinstance(t, str) and t.strip() for t in texts):
            row.fail(f"{self.options!r} must hold two texts or more (setting `options`)")
        return [str(text).strip() for text in texts], [str(label) for label in labels]

    def _right(self, row: Row, options: Sequence[str], labels: Sequence[str]) -> str:
        value = _inside(row.data, self.answer)
        told = str(value).strip()
        if not isinstance(value, int):
            # What is written as text may be an option that is a number.
            if told in options:
                return told
            if told in labels[: len(options)]:
                return options[labels.index(told)]
        if told.isdecimal():
            place = int(told) - self.first
            if 0 <= place < len(options):
                return options[place]
        row.fail(
            f"{self.answer!r} is {told!r:.60}, which is no option, label or number of an option"
            " (setting `answer`)"
        )


def _inside(data: Any, column: str) -> Any:  # noqa: ANN401  (values of a file)
    """The value of a column; a dot goes inside an object."""
    for key in [column] if column in data else column.split("."):
        data = cast("dict[str, Any]", data).get(key) if isinstance(data, dict) else None
    return data
