"""How long to wait for what, in seconds: one value, so that a test can make all of it short."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["WAITS", "Waits"]


@dataclass(slots=True, kw_only=True)
class Waits:
    """The waits of every provider."""

    first: float = 0.5
    """Ceiling of the wait after the first failed attempt; it doubles with each."""
    longest: float = 60.0
    """Ceiling of any wait between two attempts, and of a pause."""
    down_after: float = 1.0
    """A provider is down when failures in a row span this long."""
    pause: float = 1.0
    """The first pause of a provider that is down; it doubles with each probe that fails."""
    quiet: float = 30.0
    """Without any answer for this long, say so; and again at every doubling."""

    def jitter(self, failures: int) -> float:
        """Full jitter: anything up to a ceiling that doubles with the failures so far.

        Spreads clients that failed together; it decides when, never what.
        """
        return random.uniform(0, min(self.longest, self.first * 2.0 ** min(failures, 20)))


WAITS = Waits()
