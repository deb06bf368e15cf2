"""One question to a judge and what became of it: a verdict, or the reason why there is none.

A judge is any model, asked through the context like every other. A reply that does not say what was
asked for is no verdict: it abstains, is counted by reason, and is never given a score. A call that
failed also counts among the failures of the stage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from didact.context import Context
from didact.errors import ModelError
from didact.records import JSON, Example, Message, Reply, Request, Sampling

__all__ = ["CHAT", "Question", "Ruling", "Rulings", "asked_of", "chat", "rulings", "text_reader"]

Verdict = TypeVar("Verdict")

CHAT = frozenset({"chat"})
"""What every judge must be able to do."""


@dataclass(frozen=True, slots=True)
class Question(Generic[Verdict]):
    """What a judge is asked, and how the answer is read."""

    example: Example
    request: Request
    read: Callable[[Reply], Verdict | None]
    """The verdict; None where the reply holds none."""


@dataclass(frozen=True, slots=True)
class Ruling(Generic[Verdict]):
    """What became of a question."""

    verdict: Verdict | None
    reason: str = ""
    """Why there is no verdict: unreadable, cut off, refused, no reply."""
    error: ModelError | None = None


@dataclass(slots=True)
class Rulings:
    """How many questions came to what."""

    asked: int = 0
    unread: Counter[str] = field(default_factory=Counter[str])
    """By reason."""

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {"asked": self.asked, "unread": dict(self.unread)}


async def rulings(
    ctx: Context, role: str, questions: Sequence[Question[Verdict]], counts: Rulings
) -> AsyncGenerator[Ruling[Verdict], None]:
    """What became of each question, in order, and ``counts`` kept up to date."""

    async def ask(question: Question[Verdict]) -> Ruling[Verdict]:
        try:
            reply = await ctx.ask(question.request, model=role)
        except ModelError as error:
            return Ruling(None, "no reply", error)
        if reply.finish == "refused":
            return Ruling(None, "refused")
        verdict = question.read(reply)
        if verdict is not None:
            return Ruling(verdict)
        return Ruling(None, "unreadable" if reply.finish == "stop" else "cut off")

    async with aclosing(ctx.map(ask, questions)) as results:
        number = 0
        async for ruling in results:
            if ruling.error is not None:
                # Here and not in `ask`, so that failures are counted in the order of the questions.
                ctx.fail(questions[number].example, ruling.error)
            number += 1
            counts.asked += 1
            if ruling.verdict is None:
                counts.unread[ruling.reason] += 1
            yield ruling


def text_reader(read: Callable[[str], Verdict | None]) -> Callable[[Reply], Verdict | None]:
    """Reads the text of a complete reply; one that was cut off says nothing."""
    return lambda reply: read(reply.text) if reply.finish == "stop" else None


def chat(prompt: str, sampling: Sampling, *, draw: int = 0) -> Request:
    """One message from the user."""
    return Request(messages=(Message("user", prompt),), sampling=sampling, draw=draw)


def asked_of(example: Example) -> str:
    """What the models were asked, as a judge is shown it: one turn as it is, more with names."""
    turns = example.prompt
    if len(turns) == 1:
        return turns[0].content
    names = {"system": "System", "user": "User", "assistant": "Assistant"}
    return "\n\n".join(f"{names[turn.role]}: {turn.content}" for turn in turns)
