"""One line that tells how far a stage is, rewritten in place; nothing where no one watches.

On a terminal: how many are done, the rate, the time left, kept and dropped, calls made against
calls replayed, shards that workers did, tokens a second, money so far. Elsewhere (a pipe, CI) only
the line at the end of each stage is written. Within a ``with`` block warnings (a provider that is
down, and for how long; a worker that is lost) are written as they come, terminal or not: a run that
stands still says why.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping
from typing import Any, TextIO, cast

from didact.prices import money
from didact.records import JSON

__all__ = ["Progress", "summary_line"]

_REFRESH = 0.1
"""Seconds between two drawings of the line."""


class Progress(logging.Handler):
    """Listens to a run's events and warnings, and writes them for a person."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        super().__init__(logging.WARNING)
        self._stream = stream
        self._live = stream.isatty() and not quiet
        self._quiet = quiet
        self._drawn = 0.0
        self._width = 0
        self._start = time.monotonic()
        self._state: dict[str, Any] = {}
        self._made = 0
        self._replayed = 0
        self._tokens = 0
        self._usd = 0.0

    def __enter__(self) -> Progress:
        logging.getLogger("didact").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("didact").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """A warning, on a line of its own."""
        if not self._quiet:
            self._clear()
            self._stream.write(f"didact: {record.getMessage()}\n")
            self._stream.flush()
            self._drawn = 0.0

    def __call__(self, event: str, fields: Mapping[str, JSON]) -> None:
        """One event of the run."""
        if event == "stage":
            self._stage(fields)
        elif event == "call":
            if fields["made"]:
                self._made += 1
                self._tokens += cast("int", fields.get("tokens", 0))
                self._usd += cast("float", fields.get("usd", 0.0))
            else:
                self._replayed += 1
        elif event == "touched" and not self._quiet:
            self._clear()
            self._stream.write(f"touched   {fields['text']}\n")
        elif event in ("progress", "pool", "train", "shards"):
            self._state.update(fields)
        self._draw()

    def _stage(self, fields: Mapping[str, JSON]) -> None:
        if fields["state"] == "start":
            self._start, self._made, self._replayed = time.monotonic(), 0, 0
            self._tokens, self._usd = 0, 0.0
            self._state = {"stage": fields["stage"]}
            return
        self._clear()
        self._state = {}
        if not self._quiet:
            self._stream.write(summary_line(cast("Mapping[str, Any]", fields["summary"])) + "\n")
            self._stream.flush()

    def _draw(self) -> None:
        now = time.monotonic()
        if not self._live or not self._state or now - self._drawn < _REFRESH:
            return
        self._drawn = now
        columns = shutil.get_terminal_size().columns
        text = self._line(now - self._start, columns - 1)
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def _line(self, seconds: float, columns: int) -> str:
        """As much as fits: what matters least is left out first."""
        parts = self._parts(seconds)
        while len(line := "  ".join(text for _, text in parts)) > columns and len(parts) > 1:
            parts.remove(max(parts))
        return line[:columns]

    def _parts(self, seconds: float) -> list[tuple[int, str]]:
        """What there is to tell, in order; the number is 0 for what matters most."""
        state = self._state
        stage = str(state["stage"]).partition("/")[0]
        done, total = state.get("done"), state.get("total")
        if "steps" in state:
            done, total = state["step"], state["steps"]
        elif not done and "target" in state:
            done, total = state["kept"], state["target"]
        parts = [(0, f"{stage:<9}"), (0, str(done or 0) + (f"/{total}" if total else ""))]
        if done and seconds > 1:
            parts.append((5, f"{done / seconds:.1f}/s"))
            if total:
                left = state.get("left", (total - done) * seconds / done)
                parts.append((1, f"{_duration(left)} left"))
        if state.get("loss") is not None:
            parts.append((2, f"loss {state['loss']:.3f}"))
            if state.get("tokens_per_second"):
                parts.append((4, f"{state['tokens_per_second']:,.0f} tokens/s"))
        if "dropped" in state:
            parts.append((3, f"kept {state.get('kept', 0)}, dropped {state['dropped']}"))
        if self._made or self._replayed:
            parts.append((2, f"calls {self._made} made, {self._replayed} replayed"))
        if "finished" in state:
            lost = f", {state['lost']} sent again" if state["lost"] else ""
            parts.append((4, f"shards {state['finished']}/{state['sent']}{lost}"))
        if self._tokens and seconds > 1:
            parts.append((4, f"{self._tokens / seconds:,.0f} tokens/s"))
        if self._usd:
            parts.append((1, money(self._usd)))
        return parts

    def _clear(self) -> None:
        if self._live and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._width = 0


def summary_line(summary: Mapping[str, Any]) -> str:
    """What a stage did, in one line (two where something was dropped)."""
    if summary["skipped"]:
        return f"{summary['stage']:<9} {summary['kept']} there already, nothing changed"
    calls = summary["calls"]
    tokens = calls["prompt_tokens"] + calls["completion_tokens"]
    text = f"{summary['stage']:<9} {summary['read']} in, {summary['kept']} out"
    if calls["made"] or calls["replayed"]:
        text += f"; {calls['made']} calls made, {calls['replayed']} replayed, {tokens:,} tokens"
        if calls.get("usd"):
            text += f", {money(calls['usd'])}"
    text += f"; {_duration(summary['seconds'])}"
    if summary["failures"]:
        text += f"; {summary['failures']} failed"
        if first := summary.get("first_failure"):
            text += f"\n{'':<9} the first failure: {first}"
    if summary["dropped"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in summary["dropped"].items())
        text += f"\n{'':<9} dropped: {reasons}"
    return text


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
