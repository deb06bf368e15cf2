"""What a reader or a writer left out, counted by reason: nothing is dropped silently.

A source whose ``on_error`` is ``stop`` ends at the first row that cannot be read. One that skips,
and every rule that chooses among good rows (a language, a rank), counts what it leaves out here.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Literal, TypeAlias

from didact.records import JSON

__all__ = ["OnError", "Refusals"]

OnError: TypeAlias = Literal["stop", "skip"]

_SHOWN = 5
"""Messages kept for each reason."""
_log = logging.getLogger("didact.sources")


class Refusals:
    """How many records were left out, by reason, and where the first of each stand."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Records left out, by reason."""
        self.first: dict[str, list[str]] = {}
        """Of each reason, the first messages: file, line, what is wrong."""
        self.trimmed: Counter[str] = Counter()
        """Parts of records left out where the rest was given (the turns of a conversation)."""
        self.read = 0
        """Records read: those given and those left out."""

    def add(self, reason: str, message: str) -> None:
        """One record left out; ``reason`` is short and countable, the message says where."""
        self.counts[reason] += 1
        shown = self.first.setdefault(reason, [])
        if len(shown) < _SHOWN:
            shown.append(message)

    @property
    def total(self) -> int:
        """Records left out."""
        return sum(self.counts.values())

    def to_json(self) -> dict[str, JSON]:
        """Plain JSON: how many were read, how many left out by reason, the first of each."""
        return {
            "read": self.read,
            "refused": dict(self.counts.most_common()),
            "trimmed": dict(self.trimmed.most_common()),
            "first": {reason: list(messages) for reason, messages in self.first.items()},
        }

    def log(self, name: str) -> None:
        """Say it in the log of the run."""
        for reason, count in self.counts.most_common():
            _log.warning("%s: %d left out, %s: %s", name, count, reason, self.first[reason][0])
        for part, count in self.trimmed.most_common():
            _log.warning("%s: %d %s left out of records that were kept", name, count, part)
