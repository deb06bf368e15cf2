"""One server as all requests to it see it: is it up, and since when has nobody heard from it.

A provider that fails several times in a row is paused: nothing is sent but one probe after each
pause, the pauses double, and the first answer opens it again. Rows wait meanwhile, they are not
dropped. Every change is told to the user, and so is a silence, whatever its cause.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from typing import Literal
from weakref import WeakKeyDictionary

from didact.errors import ModelError
from didact.http.lane import Lane
from didact.http.notices import say
from didact.http.troubles import Trouble
from didact.http.waits import WAITS

__all__ = ["Provider"]

_IN_A_ROW = 5
"""Failures in a row, of any requests, that make a provider suspect."""

_known: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Provider]] = WeakKeyDictionary()


class Provider:
    """The state of one server in one event loop. Get it with ``at``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: Literal["up", "paused", "ready", "probing"] = "up"
        """ready: the pause is over and the next request is the probe."""
        self._lanes: dict[Hashable, Lane] = {}
        self._asking = 0
        self._heard = 0.0
        self._told_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._streak = 0
        self._streak_since = 0.0
        self._pause = 0.0
        self._down_since = 0.0

    @classmethod
    def at(cls, name: str) -> Provider:
        """The provider of this name (host and port) in the running loop."""
        providers = _known.setdefault(asyncio.get_running_loop(), {})
        return providers.setdefault(name, cls(name))

    def lane(self, key: Hashable, *, cap: int, patience: float) -> Lane:
        """The lane of one model on this provider: its own pace and queue."""
        return self._lanes.setdefault((key, cap, patience), Lane(self, cap, patience))

    def begin(self) -> None:
        """A request begins its life."""
        self._asking += 1
        if self._asking == 1:
            self._heard = time.monotonic()
            self._told_at = 0.0
            if self._watch is None:
                self._look_in(WAITS.quiet)

    def end(self) -> None:
        """A request is over, one way or the other."""
        self._asking -= 1
        if self._asking == 0:
            for lane in self._lanes.values():
                lane.forgive()

    def answered(self) -> None:
        """Somebody got an answer."""
        self._heard = time.monotonic()
        self._streak = 0
        if self.state != "up":
            self._resume()
        elif self._told_at:
            say(self.name, "back", "answers again")
        self._told_at = 0.0

    def failed(self, trouble: Trouble, *, probe: bool) -> None:
        """An attempt came to nothing."""
        if not trouble.dead:
            # It talks to us, if only to say no.
            self._streak = 0
            if trouble.kind != "transient":
                self._heard = time.monotonic()
            if self.state != "up" and probe:
                self._resume()
            return
        now = time.monotonic()
        self._streak += 1
        if self._streak == 1:
            self._streak_since = now
        if probe:
            self._begin_pause(self._pause * 2, trouble)
        elif (
            self.state == "up"
            and self._streak >= _IN_A_ROW
            and now - self._streak_since >= WAITS.down_after
        ):
            self._down_since = self._streak_since
            self._begin_pause(WAITS.pause, trouble)

    def fails(self, trouble: Trouble) -> bool:
        """Whether this trouble is the provider's own: it is down, or about to be found so."""
        return self.state != "up" or (trouble.dead and self._streak >= _IN_A_ROW)

    def abandoned(self, *, probe: bool) -> None:
        """An attempt was cancelled."""
        if probe:
            self._probe()

    def _begin_pause(self, seconds: float, trouble: Trouble) -> None:
        self.state = "paused"
        self._pause = min(max(seconds, trouble.after), max(WAITS.longest, trouble.after))
        waiting = sum(lane.waiting for lane in self._lanes.values())
        say(
            self.name,
            "paused",
            f"down for {time.monotonic() - self._down_since:.2g} s ({trouble.message});"
            f" trying again in {self._pause:.2g} s, {waiting} requests wait and none is lost",
            seconds=self._pause,
        )
        asyncio.get_running_loop().call_later(self._pause, self._probe)

    def _probe(self) -> None:
        if self.state == "up":
            return
        self.state = "ready"
        for lane in self._lanes.values():
            if lane.send_probe():
                return

    def take_probe(self) -> bool:
        """Whether whoever asks now is the probe."""
        if self.state != "ready":
            return False
        self.state = "probing"
        return True

    def _resume(self) -> None:
        seconds = time.monotonic() - self._down_since
        self.state = "up"
        self._streak = 0
        say(self.name, "back", f"answers again after {seconds:.2g} s, going on", seconds=seconds)
        for lane in self._lanes.values():
            lane.reopen()

    def _look_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(max(seconds, 0.01), self._look)

    def _look(self) -> None:
        """Tell of a silence, first after ``quiet`` seconds and then whenever it has doubled."""
        self._watch = None
        if self._asking == 0:
            return
        silence = time.monotonic() - self._heard
        due = max(WAITS.quiet, 2 * self._told_at)
        if silence >= due:
            self._told_at = silence
            if self.state != "paused":  # told at every pause
                self._tell(silence)
            due = 2 * silence
            for lane in self._lanes.values():
                if silence >= lane.patience:
                    lane.fail_waiting(self._gone(silence))
        self._look_in(due - silence)

    def _tell(self, silence: float) -> None:
        lanes = self._lanes.values()
        flying = sum(lane.flying for lane in lanes)
        waiting = self._asking - flying
        doing = f"{flying} requests under way, {waiting} waiting"
        held = max((lane.held for lane in lanes), default=0.0)
        why = f"; it asked to wait {held:.0f} s more" if held > 0 else ""
        say(self.name, "slow", f"no answer for {silence:.2g} s: {doing}{why}", seconds=silence)

    def _gone(self, silence: float) -> ModelError:
        return ModelError(
            f"{self.name}: no answer to anything for {silence:.0f} s",
            retryable=True,
            fault="down",
        )
