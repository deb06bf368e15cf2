"""A judge that looks at length alone: of two answers it prefers the shorter one.

Among small models that is nearly right: an untuned one goes on and on. So it is the judge to be
warned of, one that finds the tuned model much better whatever it was tuned on. No weights, no calls
to anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from didact.records import Reply, Request

__all__ = ["JudgeByLooks"]

_START, _END = "[The start of assistant {}'s answer]\n", "\n[The end of assistant {}'s answer]"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeByLooks:
    """Prefers the shorter answer."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat"})

    @property
    def identity(self) -> str:
        """It has no settings."""
        return "judge-by-looks"

    async def ask(self, request: Request) -> Reply:
        """A verdict on the two answers of the evaluator `pairwise`."""
        text = request.messages[-1].content
        first, second = (
            len(text.partition(_START.format(name))[2].partition(_END.format(name))[0])
            for name in "AB"
        )
        verdict = "C" if first == second else "A" if first < second else "B"
        return Reply(text=f"By its looks. [[{verdict}]]", model="judge-by-looks")

    async def close(self) -> None:
        """Nothing is held."""
