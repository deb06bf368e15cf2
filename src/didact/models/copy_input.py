"""The baseline that answers with its own input.

The copy baseline of instruction-following evaluations (among them Super-NaturalInstructions, 2022,
arXiv 2204.07705): tasks whose answer looks like their input give it points for nothing, and a tuned
model must be well above it. No weights, no calls to anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from didact.records import INPUT_MARK, Reply, Request, Usage

__all__ = ["CopyInput"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyInput:
    """Answers with the input of the last user turn, or its instruction where there is no input."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "completion"})

    @property
    def identity(self) -> str:
        """It has no settings."""
        return "copy-input"

    async def ask(self, request: Request) -> Reply:
        """The input; of a plain prompt, the prompt."""
        users = [message.content for message in request.messages if message.role == "user"]
        asked = users[-1] if users else request.prompt or ""
        instruction, _, input = asked.partition(INPUT_MARK)
        text = input or instruction
        words = len(text.split())
        return Reply(text=text, usage=Usage(prompt=words, completion=words), model="copy-input")

    async def close(self) -> None:
        """Nothing is held."""
