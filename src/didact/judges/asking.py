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
from didact.records import JSON, Answer, Example, Message, Reply, Request, Sampling

__all__ = [
    "CHAT",
    "Question",
    "Ruling",
    "Rulings",
    "asked_of",
    "chat",
    "reference_of",
    "rulings",
    "shown_of",
    "text_reader",
]

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
    """What the models were asked, as a judge is shown it: one turn as it is, more with names.

    Of an item whose turns the models answer one by one, all questions, and the word that an answer
    is a whole conversation.
    """
    turns = example.prompt
    if len(turns) == 1:
        return turns[0].content
    told = _transcript(turns)
    return f"{told}\n\n({_WHOLE})" if example.answers_asked > 1 else told


def shown_of(answer: Answer) -> str:
    """An answer as a judge is shown it: of an item of several turns the whole conversation."""
    if not answer.before:
        return answer.text
    return _transcript((*answer.before, Message("assistant", answer.text)))


def reference_of(example: Example) -> str:
    """The output of an item, in the form of the answers that it is compared with."""
    earlier = example.meta.get("earlier_references")
    if not example.output.strip() or not isinstance(earlier, list):
        return example.output
    turns: list[Message] = []
    given = iter(map(str, earlier))
    for turn in example.prompt:
        if turn.role == "user" and turns and turns[-1].role == "user":
            turns.append(Message("assistant", next(given, "")))
        turns.append(turn)
    return _transcript((*turns, Message("assistant", example.output)))


_WHOLE = (
    "The user wrote these turns one after the other. What you are shown as an answer is a whole"
    " conversation: judge its last answer, in the light of what came before."
)
_NAMES = {"system": "System", "user": "User", "assistant": "Assistant"}


def _transcript(turns: Sequence[Message]) -> str:
    return "\n\n".join(f"{_NAMES[turn.role]}: {turn.content}" for turn in turns)
