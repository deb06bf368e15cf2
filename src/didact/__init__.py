"""Fine-tune language models on data that language models wrote, in a run you can replay.

The verbs ``generate``, ``filter``, ``train``, ``evaluate`` (and ``run``, all four) and the nouns
they work on. Names are imported on first use, so ``import didact`` itself costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from didact.calls import CallLog
    from didact.config import Evaluation, Generation, RunConfig, Scale, Suite, Training
    from didact.context import Budget, Context
    from didact.errors import (
        BudgetError,
        ConfigError,
        CredentialsError,
        DidactError,
        ModelError,
        ParseError,
        StoreError,
    )
    from didact.pipeline import check, evaluate, filter, generate, run, train
    from didact.records import (
        Answer,
        Example,
        Message,
        Origin,
        Reply,
        Request,
        Sampling,
        Score,
        Usage,
        Verdict,
    )
    from didact.runfile import load
    from didact.store import Run
    from didact.work import Summary

__all__ = [
    "Answer",
    "Budget",
    "BudgetError",
    "CallLog",
    "ConfigError",
    "Context",
    "CredentialsError",
    "DidactError",
    "Evaluation",
    "Example",
    "Generation",
    "Message",
    "ModelError",
    "Origin",
    "ParseError",
    "Reply",
    "Request",
    "Run",
    "RunConfig",
    "Sampling",
    "Scale",
    "Score",
    "StoreError",
    "Suite",
    "Summary",
    "Training",
    "Usage",
    "Verdict",
    "check",
    "evaluate",
    "filter",
    "generate",
    "load",
    "run",
    "train",
]

_MODULES = {
    "calls": ("CallLog",),
    "config": ("Evaluation", "Generation", "RunConfig", "Scale", "Suite", "Training"),
    "context": ("Budget", "Context"),
    "errors": (
        "BudgetError",
        "ConfigError",
        "CredentialsError",
        "DidactError",
        "ModelError",
        "ParseError",
        "StoreError",
    ),
    "pipeline": ("check", "evaluate", "filter", "generate", "run", "train"),
    "records": (
        "Answer",
        "Example",
        "Message",
        "Origin",
        "Reply",
        "Request",
        "Sampling",
        "Score",
        "Usage",
        "Verdict",
    ),
    "runfile": ("load",),
    "store": ("Run",),
    "work": ("Summary",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'didact' has no attribute {name!r}")
    value = getattr(import_module(f"didact.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
