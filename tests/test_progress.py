from __future__ import annotations

import io
import logging
from typing import Any

import pytest

from didact import progress as module
from didact.http.notices import say
from didact.progress import Progress, summary_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module.time, "monotonic", found.monotonic)
    return found


def call(*, made: bool, tokens: int = 0, usd: float = 0.0) -> dict[str, Any]:
    return {"stage": "generate", "role": "teacher", "made": made, "tokens": tokens, "usd": usd}


def test_the_line_tells_rate_time_left_calls_tokens_and_money(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    progress = Progress(stream)
    progress("stage", {"stage": "generate", "state": "start"})
    for _ in range(3):
        progress("call", call(made=True, tokens=100, usd=0.25))
    progress("call", call(made=False))
    clock.now += 10
    progress("progress", {"stage": "generate", "done": 20, "total": 60, "kept": 19, "dropped": 1})
    line = stream.getvalue().rpartition("\r")[2]
    for words in ("20/60", "2.0/s", "20 s left", "3 made, 1 replayed", "30 tokens/s", "$0.7500"):
        assert words in line
    progress("stage", {"stage": "filter", "state": "start"})
    clock.now += 10
    progress("progress", {"stage": "filter", "done": 1})
    assert "$" not in stream.getvalue().rpartition("\r")[2]


def test_a_narrow_terminal_is_told_what_matters_most(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "45")
    stream = Terminal()
    progress = Progress(stream)
    progress("stage", {"stage": "generate", "state": "start"})
    progress("call", call(made=True, tokens=100, usd=0.25))
    clock.now += 10
    progress("progress", {"stage": "generate", "done": 20, "total": 60, "kept": 19, "dropped": 1})
    line = stream.getvalue().rpartition("\r")[2]
    assert line.split() == ["generate", "20/60", "20", "s", "left", "$0.2500"]


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "pipe"])
def test_a_provider_that_is_down_is_told_on_a_line_of_its_own(stream: io.StringIO) -> None:
    with Progress(stream) as progress:
        progress("stage", {"stage": "generate", "state": "start"})
        progress("progress", {"stage": "generate", "done": 1})
        say("example.com", "paused", "it is down; pausing for 30 s", seconds=30)
        logging.getLogger("didact").info("nobody needs this now")
    say("example.com", "back", "it is back")
    assert "didact: example.com: it is down; pausing for 30 s\n" in stream.getvalue()
    assert "nobody" not in stream.getvalue()
    assert "it is back" not in stream.getvalue()


def test_quiet_is_quiet() -> None:
    stream = Terminal()
    with Progress(stream, quiet=True):
        say("example.com", "paused", "it is down", seconds=30)
    assert stream.getvalue() == ""


def test_the_summary_of_a_stage_tells_the_money_where_there_was_any() -> None:
    calls = {"made": 2, "replayed": 1, "prompt_tokens": 5, "completion_tokens": 5, "usd": 0.5}
    summary = {"stage": "generate", "skipped": False, "read": 3, "kept": 2, "dropped": {},
               "failures": 0, "seconds": 1.0, "calls": calls}  # fmt: skip
    assert "10 tokens, $0.5000; 1.0 s" in summary_line(summary)
    assert "$" not in summary_line({**summary, "calls": {**calls, "usd": 0.0}})
    failed = summary_line({**summary, "failures": 2, "first_failure": "the server is down"})
    assert "2 failed\n          the first failure: the server is down" in failed


def test_shards_that_workers_did_are_told_in_the_line_and_a_lost_worker_beside_it(
    clock: Clock,
) -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress("stage", {"stage": "filter", "state": "start"})
    clock.now += 10
    progress("shards", {"stage": "filter", "finished": 3, "sent": 9, "lost": 0})
    assert "shards 3/9" in stream.getvalue()
    assert "again" not in stream.getvalue()
    clock.now += 10
    progress("shards", {"stage": "filter", "finished": 4, "sent": 9, "lost": 2})
    assert "shards 4/9, 2 sent again" in stream.getvalue()
