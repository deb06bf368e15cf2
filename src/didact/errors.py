"""What can go wrong, and whose fault it is.

    DidactError
    ├── ConfigError   the run file or the command is wrong: shown without a traceback, exit code 2
    ├── ModelError    a model did not answer: retryable or not, with the server's status
    ├── ParseError    a model answered, but not in the form asked for; carries the reply
    ├── BudgetError   the next call would pass the budget: exit code 3
    └── StoreError    a run directory cannot be read or written

A message says what happened, where (file, line, key or record id) and what to do. A bad record is
data (it gets a verdict with a reason); a bad config is an error before any call; anything else that
escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

__all__ = ["BudgetError", "ConfigError", "DidactError", "ModelError", "ParseError", "StoreError"]


class DidactError(Exception):
    """Everything didact raises on purpose."""


class ConfigError(DidactError):
    """The run file, a component's settings or a command line is wrong."""


class ModelError(DidactError):
    """A model did not give a reply."""

    def __init__(self, message: str, *, retryable: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.status = status


class ParseError(DidactError):
    """A reply is not in the form that was asked for."""

    def __init__(self, message: str, *, reply: str) -> None:
        super().__init__(message)
        self.reply = reply


class BudgetError(DidactError):
    """The next call would pass the run's budget."""


class StoreError(DidactError):
    """A run directory cannot be read or written."""
