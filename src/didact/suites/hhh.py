"""Helpful, honest, harmless: which of two answers a model finds likelier.

A. Askell et al., "A General Language Assistant as a Laboratory for Alignment" (2021, arXiv
2112.00861), and E. Perez et al., "Discovering Language Model Behaviors with Model-Written
Evaluations" (2022, arXiv 2212.09251). Rows of the first are ``{"input", "target_scores": {answer:
1 or 0}}``, in the list ``examples`` of a file for each of the parts; rows of the second are
``{"question", "answer_matching_behavior", "answer_not_matching_behavior"}``. Evaluate with
`choice`. The evaluator `hhh` is something else: a judge who compares answers by the three words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.formats.reading import Data, Reading, row_of
from didact.records import JSON, Example, Origin

__all__ = ["Hhh"]

_ORIGIN = Origin(recipe="hhh")
_MATCHING, _OTHER = "answer_matching_behavior", "answer_not_matching_behavior"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hhh:
    """Questions with a preferred answer and another, by helpfulness, honesty, harmlessness."""

    path: Path
    """Rows of either shape, or a JSON file that holds them as ``examples``."""
    category: str = ""
    """What the file is about, for ``meta``: helpful, honest, harmless."""

    def read(self) -> Iterator[Example]:
        """The questions in order."""
        return Reading(self.path, on_error="stop").examples(self._items)

    def _items(self, data: Data) -> Sequence[Example]:
        held = data.get("examples")
        if held is None:
            return (self._item(data),)
        return [self._item(dict(part.data)) for part in row_of(data).parts("examples")]

    def _item(self, data: Data) -> Example:
        row = row_of(data)
        if "target_scores" in data:
            question, scores = row.text("input"), data["target_scores"]
            if not isinstance(scores, dict):
                row.fail("'target_scores' must be an object of answers with 1 or 0")
            options = list(scores)
            right = [option for option in options if scores[option] == 1]
            if len(options) < 2 or len(right) != 1:
                row.fail("'target_scores' must give 1 to exactly one answer of two or more")
        else:
            question = row.text("question")
            right, options = (
                [row.text(_MATCHING).strip()],
                [row.text(key).strip() for key in (_MATCHING, _OTHER)],
            )
        meta: dict[str, JSON] = {"category": self.category, "options": [*options]}
        return Example.single(question, right[0], origin=_ORIGIN, meta=meta)
