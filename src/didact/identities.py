"""What the roles of a run stand for, remembered in its call log.

The identity of a model in this process is the hash of its weights. Where they are gone (a published
run, another machine), a role that the run file describes as it did before is what it was before:
the calls it made replay. A call that is not in the log then ends the stage with what is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from didact.calls import CallLog
from didact.errors import ConfigError

__all__ = ["Identified", "Identities"]

_log = logging.getLogger("didact")


class Identified(Protocol):
    """A model, as far as the key of a call is concerned."""

    @property
    def identity(self) -> str:
        """What answers; a ConfigError where its files are not here."""
        ...


class Identities:
    """Computed once for each role, since it may mean reading gigabytes."""

    def __init__(self, log: CallLog, settings: Mapping[str, str] | None = None) -> None:
        """``settings``: role to how the run file describes it; without, nothing is remembered."""
        self._log = log
        self._settings = settings or {}
        self._found: dict[str, str] = {}

    def of(self, role: str, model: Identified) -> str:
        """The identity of the model; ConfigError where it is not here and was never asked."""
        if role not in self._found:
            self._found[role] = self._find(role, model)
        return self._found[role]

    def _find(self, role: str, model: Identified) -> str:
        settings = self._settings.get(role)
        try:
            identity = model.identity
        except ConfigError as error:
            known = self._log.remembered(role, settings=settings) if settings else None
            if known is None:
                raise
            _log.warning("%s is not here (%s): replaying what %s answered", role, error, known)
            return known
        if settings:
            self._log.remember(role, identity, settings=settings)
        return identity
