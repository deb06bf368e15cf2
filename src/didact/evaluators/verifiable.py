"""Whether an answer does what its instruction says of its form, as IFEval measures.

J. Zhou et al., "Instruction-Following Evaluation for Large Language Models" (2023, arXiv
2311.07911): 25 types of instruction that a program can check, such as a number of words or no
comma. ``strict`` and ``loose`` are 100 where all instructions of the item are followed, else 0, and
their means the published prompt-level accuracies; ``loose`` reads the answer in eight ways, without
its first or last line and without asterisks. ``followed`` is the percentage of the item's
instructions that are, strictly; the published instruction-level accuracy counts every instruction
once over all items, and is in the statistics of the run with its counts, also type by type. What
differs from the published program is told in ``didact.text.verifiable``. No calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, cast

from didact.components import nearest
from didact.context import Context
from didact.errors import ConfigError
from didact.records import JSON, Answer, Example, Score
from didact.text.verifiable import CHECKS, follows, loosened

__all__ = ["Verifiable"]


class _Checked(NamedTuple):
    kind: str
    strict: bool
    loose: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifiable:
    """Instructions about the form of the answer that are followed, checked by program."""

    version: ClassVar[str] = "1"

    async def score(self, ctx: Context, answers: Sequence[Answer]) -> AsyncIterator[Score]:
        """Three scores per answer."""
        counts: dict[str, Counter[str]] = {}
        for answer in answers:
            checked = _check(answer)
            of_role = counts.setdefault(answer.model, Counter())
            for kind, strict, loose in checked:
                for name in ("all", kind):
                    of_role.update({name: 1, f"{name} strict": strict, f"{name} loose": loose})
            values: dict[str, float | None] = dict.fromkeys(("strict", "loose", "followed"))
            if checked:
                values["strict"] = 100.0 * all(one.strict for one in checked)
                values["loose"] = 100.0 * all(one.loose for one in checked)
                values["followed"] = 100 * sum(one.strict for one in checked) / len(checked)
            for metric, value in values.items():
                yield Score(
                    example_id=answer.example.id,
                    model=answer.model,
                    metric=metric,
                    value=value,
                    reason="" if checked else "no instruction to check",
                )
        ctx.note("statistics", instructions={role: _told(of) for role, of in counts.items()})


def _check(answer: Answer) -> list[_Checked]:
    readings = loosened(answer.text)
    found: list[_Checked] = []
    for kind, arguments in _instructions(answer.example):
        try:
            strict = follows(kind, answer.text, arguments)
            loose = strict or any(follows(kind, text, arguments) for text in readings)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"item {answer.example.id}: {kind}: {error}") from error
        found.append(_Checked(kind, strict, loose))
    return found


def _instructions(item: Example) -> list[tuple[str, Mapping[str, object]]]:
    """``meta["instructions"]``: a list of ``{"kind": ..., its arguments}``."""
    found: list[tuple[str, Mapping[str, object]]] = []
    for entry in cast("list[dict[str, JSON]]", item.meta.get("instructions") or []):
        kind = str(entry.get("kind"))
        if kind not in CHECKS:
            raise ConfigError(f"item {item.id}: no check {kind!r}{nearest(kind, list(CHECKS))}")
        found.append((kind, {key: value for key, value in entry.items() if key != "kind"}))
    return found


def _told(counts: Mapping[str, int]) -> JSON:
    """Of all instructions and of each type: how many, followed strictly, followed loosely."""
    kinds = [name for name in counts if not name.endswith((" strict", " loose"))]
    return {
        kind: {
            "checked": counts[kind],
            "strict": counts[f"{kind} strict"],
            "loose": counts[f"{kind} loose"],
        }
        for kind in sorted(kinds)
    }
