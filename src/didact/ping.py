"""Whether the models behind servers answer: one request for one token each, at the same time.

The requests are of no use to the run, so they are not in its call log; they cost a few tokens. A
model in this process has nobody to call and is left out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from didact.capabilities import capabilities_of
from didact.context import Model
from didact.errors import DidactError
from didact.prices import in_process
from didact.records import JSON, Message, Request, Sampling
from didact.work import run_async

__all__ = ["Pong", "ping"]

_LONGEST = 30.0
"""Seconds to wait for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """What came of asking."""

    role: str
    seconds: float
    model: str = ""
    """The server's own name for what answered."""
    error: str = ""

    def __str__(self) -> str:
        """One line."""
        if self.error:
            return f"does not answer: {self.error}"
        return f"answers within {self.seconds:.1f} s{f' as {self.model}' if self.model else ''}"

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON."""
        return {
            "role": self.role,
            "seconds": self.seconds,
            "model": self.model,
            "error": self.error,
        }


def ping(models: Mapping[str, Model]) -> list[Pong]:
    """Ask every model behind a server for one token."""
    served = {role: model for role, model in models.items() if not in_process(model)}

    async def all_of_them() -> list[Pong]:
        return list(await asyncio.gather(*(_ping(role, model) for role, model in served.items())))

    return run_async(all_of_them)


async def _ping(role: str, model: Model) -> Pong:
    chat = "chat" in capabilities_of(model)
    request = Request(
        messages=(Message("user", "Hello"),) if chat else (),
        prompt=None if chat else "Hello",
        sampling=Sampling(max_tokens=1),
    )
    start = time.monotonic()
    try:
        reply = await asyncio.wait_for(model.ask(request), _LONGEST)
    except (DidactError, TimeoutError) as error:
        told = str(error) or f"nothing within {_LONGEST:g} s"
        return Pong(role=role, seconds=time.monotonic() - start, error=told)
    finally:
        await model.close()
    return Pong(role=role, seconds=time.monotonic() - start, model=reply.model)
