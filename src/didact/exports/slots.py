"""A chat template taken apart into the strings around each turn, for programs without Jinja.

Ollama has Go templates and LLaMA-Factory has slots: both put fixed strings around system, user and
assistant turns. Which strings, a template is asked by rendering marked messages, and whether these
strings say all that it does is then tried on conversations, letter by letter. What differs is
given back, to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from didact.records import Message

__all__ = ["Render", "Slots", "take_apart"]

Render = Callable[[Sequence[Message], bool], str]
"""The template: messages, and whether the answer is to be begun."""

_SYSTEM, _USER, _ANSWER = "Qsystemq", "Quserq", "Qanswerq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The strings around the turns."""

    opening: str
    """Before everything."""
    default: str
    """In place of a system turn where there is none."""
    system: tuple[str, str]
    user: tuple[str, str]
    answer: tuple[str, str]
    has_system: bool
    """Whether the template takes a system turn at all."""

    def text(self, messages: Sequence[Message], begin: bool) -> str:
        """What these strings make of a conversation."""
        parts = [self.opening]
        if not messages or messages[0].role != "system":
            parts.append(self.default)
        around = {"system": self.system, "user": self.user, "assistant": self.answer}
        for message in messages:
            before, after = around[message.role]
            parts += [before, message.content, after]
        return "".join([*parts, self.answer[0]] if begin else parts)

    def fitted(self, messages: Sequence[Message], render: Render) -> list[Message] | None:
        """Other words in the user turns with which these strings give what the template gives."""
        found: list[Message] = []
        for place, message in enumerate(messages):
            if message.role == "user":
                before = self.text([*found, Message("user", "")], False)
                before = before[: len(before) - len(self.user[1])]
                whole = render(messages[: place + 1], False)
                if not (whole.startswith(before) and whole.endswith(self.user[1])):
                    return None
                content = whole[len(before) : len(whole) - len(self.user[1])]
                message = Message("user", content)
            found.append(message)
        begin = bool(messages) and messages[-1].role != "assistant"
        return found if self.text(found, begin) == render(messages, begin) else None

    def differing(
        self, conversations: Iterable[Sequence[Message]], render: Render
    ) -> list[Sequence[Message]]:
        """The conversations of which the template makes something else."""
        found: list[Sequence[Message]] = []
        for messages in conversations:
            begin = bool(messages) and messages[-1].role != "assistant"
            if self.text(messages, begin) != render(messages, begin):
                found.append(messages)
        return found


def take_apart(render: Render) -> Slots | None:
    """The strings of a template; None where it is not made of such strings."""
    user, answer = Message("user", _USER), Message("assistant", _ANSWER)
    once = render([user], False)
    begun = render([user], True)
    whole = render([user, answer], False)
    twice = render([user, answer, user, answer], False)
    if not (begun.startswith(once) and _ANSWER in whole and twice.startswith(whole)):
        return None
    start = begun.removeprefix(once)
    cut = whole.partition(_ANSWER)
    if not cut[0].endswith(start):
        return None
    turn = twice.removeprefix(whole)
    head, found, tail = turn.partition(_USER)
    if not found or not tail.endswith(cut[2]) or not once.endswith(head + _USER + _after(once)):
        return None
    lead = once[: len(once) - len(head + _USER + _after(once))]
    system, opening = _system_of(render, lead)
    return Slots(
        opening=opening,
        default=lead.removeprefix(opening),
        system=system or ("", ""),
        user=(head, _after(once)),
        answer=(start, cut[2]),
        has_system=system is not None,
    )


def _after(once: str) -> str:
    return once.partition(_USER)[2]


def _system_of(render: Render, lead: str) -> tuple[tuple[str, str] | None, str]:
    """What is around a system turn, and what stands before it and before its stand-in alike."""
    user = Message("user", _USER)
    try:
        text = render([Message("system", _SYSTEM), user], False)
    except Exception:
        # A template may refuse a system turn in any way it likes.
        return None, lead
    before, found, rest = text.partition(_SYSTEM)
    plain = render([user], False).removeprefix(lead)
    if not found or not rest.endswith(plain):
        return None, lead
    after = rest[: len(rest) - len(plain)]
    opening = ""
    while opening != before and lead.startswith(before[: len(opening) + 1]):
        opening = before[: len(opening) + 1]
    return (before.removeprefix(opening), after), opening
