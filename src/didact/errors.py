"""What can go wrong, and whose fault it is.

    DidactError
    ├── ConfigError        the run file or the command is wrong: no traceback, exit code 2
    ├── ModelError         a model did not answer one request: why, and whether it may pass
    ├── CredentialsError   a key is missing, wrong or exhausted: nothing more is asked, exit code 4
    ├── ParseError         a model answered, but not in the form asked for; carries the reply
    ├── BudgetError        the next call would pass the budget: exit code 3
    └── StoreError         a run directory cannot be read or written

A message says what happened, where (file, line, key or record id) and what to do. A bad record is
data (it gets a verdict with a reason); a bad config is an error before any call; anything else that
escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = [
    "BudgetError",
    "ConfigError",
    "CredentialsError",
    "DidactError",
    "Fault",
    "ModelError",
    "ParseError",
    "StoreError",
]

Fault: TypeAlias = Literal["transient", "request", "too_long", "refused", "down", "unknown"]
"""Why a model did not answer.

``transient``: trouble that may pass, met at every attempt. ``down``: the same, and nobody else got
an answer either. ``request``: the server will never accept it as it is. ``too_long``: it does not
fit the model's context. ``refused``: its content was declined. ``unknown``: the model does not say.
"""


class DidactError(Exception):
    """Everything didact raises on purpose."""


class ConfigError(DidactError):
    """The run file, a component's settings or a command line is wrong."""


class ModelError(DidactError):
    """A model did not give a reply."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        fault: Fault = "unknown",
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        """Whether the same request may be answered another time."""
        self.status = status
        """The server's HTTP status, where there was one."""
        self.fault: Fault = fault
        """Why, in one word that can be counted."""


class CredentialsError(DidactError):
    """A key is missing or wrong, or its account is exhausted.

    It concerns every request alike, so it is never logged as a call: what was answered is in the
    call log, and the rest is asked once the key is right.
    """


class ParseError(DidactError):
    """A reply is not in the form that was asked for."""

    def __init__(self, message: str, *, reply: str, call: str = "") -> None:
        super().__init__(message)
        self.reply = reply
        self.call = call
        """Key of the call in the call log, where it is known."""


class BudgetError(DidactError):
    """The next call would pass the run's budget."""


class StoreError(DidactError):
    """A run directory cannot be read or written."""
