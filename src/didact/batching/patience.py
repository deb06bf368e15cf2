"""Waiting for a batch, for hours, without leaving anybody in doubt."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from didact.batching.service import Batch, Look, Service
from didact.errors import ConfigError, ModelError
from didact.http.notices import say

__all__ = ["Manner", "duration", "ended"]

_FIRST_LOOK = 1.0
"""Seconds before the second look at a batch; each wait is half as long again, up to ``poll``."""
_FIRST_WORD = 60.0
"""Seconds of waiting before it is told, and again at every doubling, at least hourly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a desk goes about it."""

    kind: str
    """The component's name, for messages."""
    place: str
    """The provider's address: batches of another are not its business."""
    model: str
    journal: Path | None
    size: int
    most_bytes: int
    quiet: float
    poll: float
    retries: int
    deadline: float

    def __post_init__(self) -> None:
        if self.size < 1 or self.retries < 0 or min(self.quiet, self.poll, self.deadline) <= 0:
            raise ConfigError(
                f"{self.kind}: size must be at least 1, retries at least 0, quiet, poll and"
                " deadline above 0"
            )


async def ended(service: Service, batch: Batch, manner: Manner) -> Look:
    """Wait until a batch is no longer at work, and say so; ModelError past the deadline.

    A provider that cannot be reached is waited for too: the batch goes on without us.
    """
    wait, told = _FIRST_LOOK, _FIRST_WORD
    while True:
        waited = max(0.0, time.time() - batch.made)
        try:
            look = await service.look(batch)
        except ModelError as error:
            if not error.retryable or waited > manner.deadline:
                raise
            said = f"not reachable ({error})"
        else:
            said = f"{look.said}, {look.done} of {batch.rows} done"
            if look.state != "working":
                return look
        if waited > manner.deadline:
            raise ModelError(
                f"{manner.kind}: batch {batch.id} is {said} after {duration(waited)}; it stays in"
                " the journal, and the same command with --retry joins it",
                retryable=True,
                fault="down",
            )
        if waited >= told:
            message = f"batch {batch.id}: {said}, for {duration(waited)}"
            safe = "; to stop is safe, the same command joins it"
            say(manner.kind, "slow", message + safe, seconds=waited)
            told = min(2 * waited, waited + 3600)
        await asyncio.sleep(min(wait, manner.poll))
        wait = min(wait * 1.5, manner.poll)


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 100:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
