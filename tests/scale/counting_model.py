"""A model of a user's own that any worker can run: it notes every request that it answers.

``die`` requests end the process that is asked them, as many times as ``deaths`` says.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from didact.errors import ModelError
from didact.records import Reply, Request, Usage

__all__ = ["CountingModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingModel:
    """Answers with the length of what it is asked."""

    spreads: ClassVar[bool] = True
    capabilities: ClassVar[frozenset[str]] = frozenset({"chat", "completion"})

    notes: str
    """The folder to note in."""
    deaths: int = 0
    """How many processes the request for `7` ends."""
    seconds: float = 0.0
    """How long an answer takes."""

    @property
    def identity(self) -> str:
        """What answers."""
        return "counting"

    async def ask(self, request: Request) -> Reply:
        """The reply."""
        asked = request.messages[-1].content
        folder = Path(self.notes)
        if asked == "7" and len(list(folder.glob("dead-*"))) < self.deaths:
            (folder / f"dead-{os.getpid()}").touch()
            os._exit(9)
        if self.seconds:
            time.sleep(self.seconds)
        # The network namespace stands for the host.
        (folder / f"host-{os.getpid()}").write_text(os.readlink("/proc/self/ns/net"))
        with (folder / f"asked-{os.getpid()}").open("a") as file:
            file.write(f"{asked}\n")
        if asked == "13":
            raise ModelError("unlucky", fault="refused")
        text = f"{asked} has {len(asked)} digits"
        return Reply(text=text, usage=Usage(prompt=1, completion=3))

    async def close(self) -> None:
        """Nothing to close."""
