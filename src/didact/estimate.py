"""What a recipe will ask, by arithmetic: calls and tokens, from the least to the most.

A recipe may have ``estimate(seeds) -> Estimate``, step by step, and ``pilot() -> Recipe``: itself,
smaller, making about twenty calls that the whole would make too. `Sample` is the tap of a pilot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from didact.calls import Call
from didact.errors import BudgetError
from didact.prices import Price
from didact.records import JSON, Usage

__all__ = ["Estimate", "Sample", "Span", "Step", "text_tokens"]


class Span(NamedTuple):
    """From the least to the most."""

    low: float
    high: float

    def __str__(self) -> str:
        """In whole numbers."""
        low, high = f"{self.low:,.0f}", f"{self.high:,.0f}"
        return low if low == high else f"{low} to {high}"

    def plus(self, other: Span) -> Span:
        """Both together."""
        return Span(self.low + other.low, self.high + other.high)

    def times(self, other: Span) -> Span:
        """So many of it."""
        return Span(self.low * other.low, self.high * other.high)


_NOTHING = Span(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Calls of one kind."""

    name: str
    role: str = "teacher"
    calls: Span
    prompt: Span
    """Tokens of one prompt."""
    reply: Span
    """Tokens of one reply."""
    max_tokens: tuple[int, ...] = ()
    """What its requests allow a reply: by this a pilot tells which of its calls are of this step.
    Empty: it cannot."""

    def usd(self, price: Price | None) -> Span | None:
        """Its money; None where the price is not known."""
        if price is None:
            return None
        low, high = (
            price.usd(Usage(prompt=round(prompt * calls), completion=round(reply * calls)))
            for prompt, reply, calls in zip(self.prompt, self.reply, self.calls, strict=True)
        )
        return Span(low, high)

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "name": self.name,
            "role": self.role,
            "calls": list(self.calls),
            "prompt_tokens": list(self.prompt.times(self.calls)),
            "completion_tokens": list(self.reply.times(self.calls)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """All that a recipe will ask, if it makes as much as it was told to."""

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, *rows: tuple[str, str, Span, Span, int]) -> Estimate:
        """Of steps by name, role, calls, tokens of a prompt, and the most tokens of a reply."""
        return cls(
            steps=tuple(
                Step(
                    name=name,
                    role=role,
                    calls=calls,
                    prompt=prompt,
                    reply=Span(min(1, most), most),
                    max_tokens=(most,),
                )
                for name, role, calls, prompt, most in rows
            )
        )

    @property
    def calls(self) -> Span:
        """Of all steps."""
        return _sum(step.calls for step in self.steps)

    @property
    def tokens(self) -> Span:
        """Of prompts and replies."""
        return _sum(step.prompt.plus(step.reply).times(step.calls) for step in self.steps)


def _sum(spans: Iterable[Span]) -> Span:
    total = _NOTHING
    for span in spans:
        total = total.plus(span)
    return total


def text_tokens(texts: Sequence[str]) -> Span:
    """Tokens of a text like these, on average: three to five bytes make one."""
    size = sum(len(text.encode("utf-8", "replace")) for text in texts) / max(len(texts), 1)
    return Span(size / 5, size / 3)


class Sample:
    """The calls of a pilot, made or replayed; it ends the recipe once it has enough of them."""

    def __init__(self, most: int) -> None:
        self.calls: list[Call] = []
        self._left = most

    def begin(self) -> None:
        """A call is about to be made; BudgetError when the pilot has had its calls."""
        if self._left == 0:
            raise BudgetError("the pilot has made its calls")
        self._left -= 1

    def end(self, call: Call) -> None:
        """A call was answered or has failed."""
        self.calls.append(call)
