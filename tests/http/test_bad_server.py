"""A run against a server that does everything wrong, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import storm_client
from bad_server import CALM, BadServer, storm
from didact.calls import CallLog
from didact.http.notices import Forwarded
from didact.http.waits import WAITS
from storm_client import ask_all

CLIENT = Path(storm_client.__file__)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "longest", "pause", "down_after", "quiet"):
        monkeypatch.setattr(WAITS, name, getattr(WAITS, name))
    storm_client.quicken()


@pytest.fixture(scope="module")
def server() -> Iterator[BadServer]:
    """The process; a test begins with a weather of its own."""
    with BadServer() as running:
        yield running


def asked(server: BadServer, questions: int, log: CallLog | None = None, **settings: Any) -> Any:
    log = log or CallLog.in_memory()
    return asyncio.run(ask_all(server.url, log, questions, **settings))


def states(result: Any) -> list[str]:
    return [notice["state"] for notice in result["notices"]]


def test_in_a_storm_no_row_is_lost_or_doubled_and_the_log_counts_exactly(
    server: BadServer, tmp_path: Path
) -> None:
    log = CallLog.open(tmp_path / "calls.db", write=True)
    server.begin(storm(seed=3))
    result = asked(server, 100, log, timeout=0.4)
    counts = server.counts()
    log.close()
    assert result["texts"] == [f"answer to question {number}" for number in range(100)]
    assert result["failures"] == []
    assert (result["made"], result["replayed"], result["failed"]) == (100, 0, 0)
    with_log = CallLog.open(tmp_path / "calls.db")
    totals = with_log.totals()
    assert (totals.made, totals.failed) == (100, 0)
    assert (totals.prompt_tokens, totals.completion_tokens) == (100 * 7, 100 * 3)
    assert len({call.key for call in with_log}) == 100
    with_log.close()
    # The server wrote one answer to each, but for those that the client gave up waiting for.
    assert set(counts["answered"].values()) == {1}
    assert len([what for what in counts["shown"] if what != "answers"]) >= 12
    # A stall is told: nothing and nobody was silent for longer than it takes to tell.
    assert result["longest_silence"] < 10 * WAITS.quiet


def test_a_server_that_bears_few_at_once_is_asked_few_at_once(server: BadServer) -> None:
    server.begin({**CALM, "bears": 6, "delay": 0.02})
    result = asked(server, 300, concurrency=64)
    counts = server.counts()
    assert result["texts"] == [f"answer to question {number}" for number in range(300)]
    # Without a pace, 64 at once would be refused again and again.
    assert counts["shown"]["429"] < 300


@pytest.mark.parametrize("first", [0.02, 0.0001])
def test_a_server_that_is_gone_for_a_while_is_waited_for_and_the_pause_is_told(
    server: BadServer, monkeypatch: pytest.MonkeyPatch, first: float
) -> None:
    # Even a request that spends all its attempts before the server is known to be gone waits.
    monkeypatch.setattr(WAITS, "first", first)
    told: list[Any] = []

    async def outage() -> Any:
        server.begin({"503": 1.0})
        asking = asyncio.create_task(ask_all(server.url, CallLog.in_memory(), 40, concurrency=8))
        while "paused" not in told and not asking.done():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        found_out = (await asyncio.to_thread(server.counts))["shown"]["503"]
        await asyncio.sleep(1.0)
        probes = (await asyncio.to_thread(server.counts))["shown"]["503"] - found_out
        server.change(CALM)
        return await asking, probes

    with Forwarded(lambda _, fields: told.append(fields["state"])):
        result, probes = asyncio.run(outage())
    assert result["failures"] == []
    assert len(result["texts"]) == 40
    assert "paused" in states(result)
    assert states(result)[-1] == "back"
    # Some failures find out that it is down, then only probes are sent.
    assert probes <= 8


def test_a_server_that_only_hangs_is_told_of(server: BadServer) -> None:
    server.begin({"hang": 1.0})
    result = asked(server, 2, timeout=5.0, deadline=1.0, retries=0)
    assert len(result["failures"]) == 2
    assert "slow" in states(result)
    assert "under way" in next(n["message"] for n in result["notices"] if n["state"] == "slow")


def test_a_wait_that_the_server_asks_for_is_told_when_it_is_long(
    server: BadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("didact.http.lane._WORTH_TELLING", 0.04)
    server.begin({"429 with Retry-After": 0.5, "answers": 0.5, "seed": 1})
    result = asked(server, 10)
    assert "limited" in states(result)
    assert result["failures"] == []


def test_a_key_refused_halfway_stops_at_once_and_what_was_paid_is_in_the_log(
    server: BadServer,
) -> None:
    log = CallLog.in_memory()
    server.begin({**CALM, "denies after": 20})
    result = asked(server, 200, log, concurrency=4)
    counts = server.counts()
    assert "run the same command" in result["error"]
    assert counts["shown"]["401"] <= 8
    assert log.totals().made == sum(counts["answered"].values()) <= 24
    assert log.totals().failed == 0
    server.change(CALM)
    again = asked(server, 200, log, concurrency=4)
    assert set(server.counts()["answered"].values()) == {1}
    assert again["replayed"] == log.totals().made - again["made"]
    assert again["texts"] == [f"answer to question {number}" for number in range(200)]


def test_a_model_that_is_another_one_halfway_is_told_of(server: BadServer) -> None:
    server.begin({**CALM, "renames after": 5})
    result = asked(server, 20, concurrency=2)
    (notice,) = [n for n in result["notices"] if n["state"] == "changed"]
    assert "'new'" in notice["message"]
    assert "'old'" in notice["message"]


@pytest.mark.slow
def test_a_client_killed_in_the_storm_asks_again_only_what_was_under_way(
    server: BadServer, tmp_path: Path
) -> None:
    kills, wide = int(os.environ.get("DIDACT_KILLS", "3")), 16
    rng = random.Random(0)
    server.begin(storm(seed=5, hang=0.005))
    seen: list[tuple[set[str], dict[str, int]]] = []

    def command(questions: int) -> list[str]:
        return [sys.executable, str(CLIENT), server.url, str(tmp_path), str(questions), str(wide)]

    for _ in range(kills):
        had = len(_logged(tmp_path))
        process = subprocess.Popen(command(had + 100), stdout=subprocess.DEVNULL)
        _wait_for_more(tmp_path, had, process)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        assert process.wait() == -9
        seen.append((_logged(tmp_path), server.counts()["answered"]))
    questions = len(_logged(tmp_path)) + 30
    last = json.loads(subprocess.run(command(questions), capture_output=True, check=True).stdout)
    assert last["texts"] == [f"answer to question {number}" for number in range(questions)]
    answered = server.counts()["answered"]
    again = sum(answered[text] - then[text] for logged, then in seen for text in logged)
    assert again == 0, "calls that were in the log at a kill were made again"
    # Beyond the log, only what was under way at a kill can have been answered twice.
    assert sum(count - 1 for count in answered.values()) <= kills * wide


def _wait_for_more(run: Path, had: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and len(_logged(run)) <= had:
        assert process.poll() is None, "the client ended by itself"
        time.sleep(0.05)


def _logged(run: Path) -> set[str]:
    if not (run / "calls.db").exists():
        return set()
    log = CallLog.open(run / "calls.db")
    try:
        return {call.request.messages[0].content for call in log}
    finally:
        log.close()
