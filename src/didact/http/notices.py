"""Telling the user what a provider does: that it is slow, full, down, or back.

A notice is a warning of the ``didact`` logger, so it is seen even where nothing was set up. It
carries ``provider``, ``state`` and ``seconds`` as attributes; ``Forwarded`` hands them to a
listener, so that the line of progress can show why nothing moves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from didact.records import JSON

__all__ = ["Forwarded", "say"]

_log = logging.getLogger("didact")


def say(provider: str, state: str, message: str, *, seconds: float = 0.0) -> None:
    """Warn; ``state`` is one of slow, limited, paused, back, changed; ``seconds`` how long."""
    notice = {"provider": provider, "state": state, "seconds": round(seconds, 3)}
    _log.warning("%s: %s", provider, message, extra={"notice": notice})


class Forwarded(logging.Handler):
    """Hands every notice to a listener as the event ``provider``, within a ``with`` block."""

    def __init__(self, listener: Callable[[str, Mapping[str, JSON]], None]) -> None:
        super().__init__(logging.WARNING)
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a notice on; other records are none of its business."""
        notice: dict[str, JSON] | None = getattr(record, "notice", None)
        if notice is not None:
            self._listener("provider", {**notice, "message": record.getMessage()})

    def __enter__(self) -> Forwarded:
        _log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        _log.removeHandler(self)
