"""How a component answers that holds an engine: written once, and given to each by its name.

A component is frozen and has slots, and all there is to it is one file: so it inherits nothing, and
says ``ask = answering.ask`` instead.
"""

from __future__ import annotations

from typing import Protocol

from didact.records import Reply, Request

__all__ = ["Answering", "Holding", "ask", "close", "score"]


class Answering(Protocol):
    """An engine: one model in this process."""

    async def ask(self, request: Request) -> Reply:
        """Continues a prompt or answers messages."""
        ...

    async def score(self, prompt: str, completion: str) -> tuple[float, ...]:
        """Natural log-probabilities of the completion's tokens after the prompt."""
        ...

    async def close(self) -> None:
        """Frees the weights."""
        ...


class Holding(Protocol):
    """A component with an engine."""

    @property
    def _engine(self) -> Answering: ...


async def ask(model: Holding, request: Request) -> Reply:
    """Continues a prompt or answers messages."""
    return await model._engine.ask(request)  # pyright: ignore[reportPrivateUsage]


async def score(model: Holding, prompt: str, completion: str) -> tuple[float, ...]:
    """Natural log-probabilities of the completion's tokens after the prompt."""
    return await model._engine.score(prompt, completion)  # pyright: ignore[reportPrivateUsage]


async def close(model: Holding) -> None:
    """Frees the weights; the next request would load them again."""
    await model._engine.close()  # pyright: ignore[reportPrivateUsage]
