"""A model that says what it is told to, to test recipes and evaluators without a model.

From YAML it answers from a list; from Python also from a function of the request. Which reply of a
list a request gets follows from the request alone, so the order in which concurrent calls arrive
changes nothing; ``order="sequence"`` gives the replies out one after the other instead.

Cost: no calls to anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from didact.errors import ModelError
from didact.records import JSON, Reply, Request, Usage, digest, operational

__all__ = ["Scripted"]

Answering: TypeAlias = Callable[[Request], "str | Reply | Awaitable[str | Reply]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """Replies from a list or a function."""

    replies: tuple[str, ...] | Answering = ()
    """The replies; or in Python a function, async or not, of the request."""
    order: Literal["request", "sequence"] = "request"
    """``request``: the same request gets the same reply. ``sequence``: one after the other."""
    name: str = "scripted"
    """What the model is called: two of different names share no calls."""
    can: tuple[Literal["chat", "completion", "logprobs", "schema"], ...] = operational(
        ("chat", "completion")
    )
    """What it says it can do: to try a component with a model that can do more, or less."""
    _asked: list[Request] = field(
        init=False, repr=False, compare=False, default_factory=list[Request]
    )

    @property
    def identity(self) -> str:
        """Its name and replies; a function counts by its name."""
        replies: JSON = (
            getattr(self.replies, "__qualname__", type(self.replies).__name__)
            if callable(self.replies)
            else list(self.replies)
        )
        return f"{self.name}-{digest([replies, self.order])}"

    @property
    def capabilities(self) -> frozenset[str]:
        """What it was told to say."""
        return frozenset(self.can)

    @property
    def asked(self) -> tuple[Request, ...]:
        """Every request that reached the model, in order of arrival."""
        return tuple(self._asked)

    async def ask(self, request: Request) -> Reply:
        """The reply the script has for this request; ModelError when it has none."""
        self._asked.append(request)
        if callable(self.replies):
            answer = self.replies(request)
            if isinstance(answer, Awaitable):
                answer = await answer
        else:
            answer = self._listed(self.replies, request)
        if isinstance(answer, Reply):
            return answer
        prompt = request.prompt or " ".join(message.content for message in request.messages)
        # Words stand in for tokens.
        usage = Usage(prompt=len(prompt.split()), completion=len(answer.split()))
        return Reply(text=answer, usage=usage, model=self.name)

    def _listed(self, replies: tuple[str, ...], request: Request) -> str:
        if not replies:
            raise ModelError("the scripted model has no replies")
        if self.order == "request":
            return replies[int(digest(request.to_json()), 16) % len(replies)]
        if len(self._asked) > len(replies):
            raise ModelError(f"the scripted model has only {len(replies)} replies")
        return replies[len(self._asked) - 1]

    async def close(self) -> None:
        """Nothing to let go of."""
