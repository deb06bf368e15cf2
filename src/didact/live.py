"""``live.json``: how far a stage is, for whoever looks at a run from outside while it goes on.

Written beside the stages at most twice a second, in one piece, and taken away when the stage ends.
Nothing reads it but the page: a run that is killed leaves an old one, which the page takes for
nothing when no process works on the run. It changes no result and no fingerprint.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from didact.records import JSON

__all__ = ["FILE", "Live", "State", "read"]

FILE = "live.json"
_EVERY = 0.5
"""Seconds between two writings."""


@dataclass(slots=True, kw_only=True)
class State:
    """A stage under way."""

    stage: str
    part: str = ""
    """The recipe, filter or evaluator at work."""
    started: float = 0.0
    """Seconds since 1970."""
    now: float = 0.0
    done: int = 0
    total: int | None = None
    """None where it cannot be known."""
    kept: int | None = None
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    """By reason."""
    made: int = 0
    replayed: int = 0
    failed: int = 0
    tokens: int = 0
    """Of the calls made."""
    usd: float = 0.0
    loss: float | None = None

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return max(self.now - self.started, 0.0)

    @property
    def rate(self) -> float | None:
        """Tokens a second."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None

    @property
    def left(self) -> float | None:
        """Seconds to the end at the pace so far; None while that cannot be told."""
        if not self.total or not self.done or self.done > self.total:
            return None
        return (self.total - self.done) * self.seconds / self.done


class Live:
    """Listens to the events of one stage and keeps its file."""

    def __init__(
        self,
        run: Path,
        stage: str,
        dropped: Callable[[], Mapping[str, int]],
        failed: Callable[[], int],
    ) -> None:
        self._path = run / FILE
        self._state = State(stage=stage, started=time.time())
        self._dropped = dropped
        self._failed = failed
        self._refused: Counter[str] = Counter()
        self._written = 0.0
        self._aimed = False

    def __call__(self, event: str, fields: Mapping[str, JSON]) -> None:
        """One event of the run."""
        state = self._state
        told = cast("Mapping[str, Any]", fields)
        part = str(told.get("stage", "")).partition("/")[2]
        state.part = part or state.part
        if event == "call":
            if told.get("made"):
                state.made += 1
                state.tokens += int(told.get("tokens") or 0)
                state.usd += float(told.get("usd") or 0.0)
            else:
                state.replayed += 1
        elif event == "dropped":
            self._refused[f"{part}: {told['reason']}" if part else str(told["reason"])] += 1
        elif event == "stage" and told.get("state") != "start":
            self.end()
            return
        else:
            self._moved(event, told)
        now = time.monotonic()
        if now - self._written >= _EVERY:
            self._written = now
            self._write()

    def end(self) -> None:
        """Take the file away."""
        with suppress(OSError):
            self._path.unlink()

    def _moved(self, event: str, told: Mapping[str, Any]) -> None:
        """Recipes, filters and trainers name what they count each in their way."""
        state = self._state
        self._aimed = self._aimed or isinstance(told.get("target"), int)
        if self._aimed and event == "progress":
            # How many came out of a recipe says less than how far it is from its target.
            return
        for ours, theirs in (("done", ("done", "step")), ("total", ("total", "of", "steps"))):
            for name in theirs:
                if isinstance(told.get(name), int):
                    setattr(state, ours, told[name])
        kept = told.get("kept", told.get("examples"))
        if isinstance(kept, int):
            state.kept = kept
        if isinstance(told.get("target"), int):
            state.done, state.total = state.kept or 0, told["target"]
        if isinstance(told.get("loss"), float):
            state.loss = told["loss"]

    def _write(self) -> None:
        state = self._state
        state.now = time.time()
        state.failed = self._failed()
        # What a recipe refuses is counted by the stage too, but only when the recipe ends.
        state.dropped = {**self._refused, **self._dropped()}
        aside = self._path.with_name(f"{FILE}.new")
        # Looking on must not end a run: on a full disk the data says so, once, and clearly.
        with suppress(OSError):
            aside.write_text(json.dumps(asdict(state)), encoding="utf-8", errors="replace")
            os.replace(aside, self._path)


def read(run: Path) -> State | None:
    """What the file says; None where there is none that can be read."""
    try:
        found = json.loads((run / FILE).read_text(encoding="utf-8"))
        state = State(**found)
        _ = state.left, state.rate, [number + 0 for number in state.dropped.values()]
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return state
