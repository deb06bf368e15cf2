"""How many requests to one model are under way: as many as the server bears, up to a cap.

Additive increase, multiplicative decrease, as TCP does it: the width doubles every round until the
server first says that it is full (429, 503, 529, a time-out), is halved then, once for all the
requests that were under way, and grows by one every round after that. A wait that the server asks
for holds the whole lane, since the others would be told the same. Requests go in the order in
which they came, those that are tried again first. Without asyncio's semaphore: a free lane costs a
comparison and no task, no lock, no future.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from didact.errors import DidactError, ModelError
from didact.http.notices import say
from didact.http.troubles import Trouble

if TYPE_CHECKING:
    from didact.http.provider import Provider

__all__ = ["PROBE", "Lane"]

PROBE = -1
"""The ticket of a request that finds out whether a paused provider is back."""

_START = 64
"""Requests under way at first, where the cap allows; it doubles with every round of answers."""

_WORTH_TELLING = 5.0
"""Seconds of a hold that the user is told of at once."""


class Lane:
    """The requests to one model of one provider."""

    def __init__(self, provider: Provider, cap: int, patience: float) -> None:
        self.provider = provider
        self.patience = patience
        self.flying = 0
        """Requests under way."""
        self.width = min(cap, _START)
        """How many may be."""
        self._cap = cap
        self._grown = 0.0
        self._until = float(cap)
        self._cuts = 0
        self._hold: float = 0.0
        self._denied: DidactError | None = None
        self._queue: deque[asyncio.Future[int]] = deque()

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    @property
    def held(self) -> float:
        """Seconds for which the server asked not to be asked."""
        return max(0.0, self._hold - time.monotonic()) if self._hold else 0.0

    async def enter(self, *, again: bool = False) -> int:
        """Wait for one's turn; the ticket to hand back with ``leave`` or ``abandon``."""
        if self._denied is not None:
            raise self._denied
        if self._open() and not self._queue and self.flying < self.width:
            self.flying += 1
            return self._cuts
        if self.provider.take_probe():
            self.flying += 1
            return PROBE
        if (held := self.held) > self.patience:
            raise self._too_far(held)
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if again:
            self._queue.appendleft(turn)
        else:
            self._queue.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.abandon(turn.result())
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def leave(self, ticket: int, trouble: Trouble | None) -> None:
        """An attempt is over: None where it was answered."""
        self.flying -= 1
        if trouble is None:
            self.provider.answered()
            # A width that is not used up says nothing about what the server bears.
            if self._queue and self.width < self._cap:
                self._grow()
        else:
            if trouble.crowded and ticket in (self._cuts, PROBE):
                self._cut()
            if trouble.after > 0:
                self._begin_hold(trouble)
            self.provider.failed(trouble, probe=ticket == PROBE)
        if self._queue:
            self._wake()

    def abandon(self, ticket: int) -> None:
        """An attempt was cancelled."""
        self.flying -= 1
        self.provider.abandoned(probe=ticket == PROBE)
        self._wake()

    def deny(self, error: DidactError) -> None:
        """Nobody is to be sent until all that ask now have heard why."""
        self._denied = error
        self.fail_waiting(error)

    def forgive(self) -> None:
        """All have heard: who asks from now on may have a better key."""
        self._denied = None

    def fail_waiting(self, error: DidactError) -> None:
        """End the wait of everybody in the queue."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_exception(error)

    def send_probe(self) -> bool:
        """Send the first in the queue, if there is one, to see whether the provider is back."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done() and self.provider.take_probe():
                self.flying += 1
                turn.set_result(PROBE)
                return True
        return False

    def reopen(self) -> None:
        """The provider is back: begin gently, and grow as at first."""
        self._until = max(self._until, float(self.width))
        self.width = min(self._cap, max(4, self.width // 2))
        self._cuts += 1
        self._wake()

    def _open(self) -> bool:
        return self.provider.state == "up" and not self._hold

    def _grow(self) -> None:
        self._grown += 1.0 if self.width < self._until else 1.0 / self.width
        if self._grown >= 1.0:
            self.width += 1
            self._grown = 0.0

    def _cut(self) -> None:
        self._cuts += 1
        self._until = max(1.0, self.width / 2)
        self.width = max(1, self.width // 2)
        self._grown = 0.0

    def _begin_hold(self, trouble: Trouble) -> None:
        until = time.monotonic() + trouble.after
        if until <= self._hold:
            return
        self._hold = until
        asyncio.get_running_loop().call_later(trouble.after, self._end_hold)
        if trouble.after >= _WORTH_TELLING:
            say(
                self.provider.name,
                "limited",
                f"asks to wait {trouble.after:.0f} s ({trouble.status}: {trouble.message});"
                f" {self.waiting + 1} requests wait",
                seconds=trouble.after,
            )
        if trouble.after > self.patience:
            self.fail_waiting(self._too_far(trouble.after))

    def _end_hold(self) -> None:
        if self._hold and time.monotonic() >= self._hold - 0.001:
            self._hold = 0.0
            self._wake()

    def _too_far(self, held: float) -> ModelError:
        return ModelError(
            f"{self.provider.name}: asks to wait {held:.0f} s more, beyond the deadline of"
            f" {self.patience:g} s",
            retryable=True,
            fault="transient",
        )

    def _wake(self) -> None:
        while self._queue and self.flying < self.width and self._open():
            turn = self._queue.popleft()
            if not turn.done():
                self.flying += 1
                turn.set_result(self._cuts)
