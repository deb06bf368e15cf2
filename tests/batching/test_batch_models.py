"""Batch APIs as models, against a batch server in a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from batch_server import Running, started
from didact.batching import desk, patience
from didact.calls import call_key
from didact.errors import ConfigError, CredentialsError, ModelError, StoreError
from didact.http.waits import WAITS
from didact.models.anthropic import Anthropic
from didact.models.anthropic_batch import AnthropicBatch
from didact.models.openai import OpenAI
from didact.models.openai_batch import OpenAIBatch
from didact.records import Message, Reply, Request, Sampling

KINDS = [OpenAIBatch, AnthropicBatch]
QUICK: dict[str, Any] = {"model": "m", "key_env": None, "quiet": 0.05, "poll": 0.05, "timeout": 5.0}


@pytest.fixture(scope="module")
def process() -> Iterator[Running]:
    with started() as server:
        yield server


@pytest.fixture
def server(process: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(patience, "_FIRST_LOOK", 0.02)
    monkeypatch.setattr(desk, "_SETTLING", 0.02)
    monkeypatch.setattr(WAITS, "first", 0.02)
    yield process
    process.set(hold=False, hang=False, cancel=False, most=0, busy=0, unauthorized=0, drop=[])


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return request.param


def chat(text: str, **sampling: Any) -> Request:
    return Request(messages=(Message("user", text),), sampling=Sampling(**sampling))


async def outcomes(model: Any, requests: Sequence[Request]) -> list[Reply | Exception]:
    found = await asyncio.gather(*map(model.ask, requests), return_exceptions=True)
    return list(found)  # type: ignore[arg-type]


def asked(model: Any, *requests: Request) -> list[Any]:
    async def within() -> list[Any]:
        try:
            return await outcomes(model, requests)
        finally:
            await model.close()

    return asyncio.run(within())


def texts(found: Sequence[Any]) -> list[str]:
    return [reply.text for reply in found]


def paid(server: Running, model: Any, requests: Sequence[Request]) -> list[int]:
    answered = server.ledger()["answered"]
    return [answered.get(call_key(model.identity, request), 0) for request in requests]


def test_asks_that_arrive_together_become_one_batch(
    server: Running, kind: type[Any], tmp_path: Path
) -> None:
    before = len(server.ledger()["batches"])
    model = kind(url=server.url, journal=tmp_path, **QUICK)
    requests = [chat(f"{kind.__name__} together {n}") for n in range(20)]
    found = asked(model, *requests)
    assert texts(found) == [f"re: {r.messages[0].content}" for r in requests]
    assert found[0].usage.prompt == 7
    assert found[0].model == "fake@main"
    assert [b["size"] for b in server.ledger()["batches"][before:]] == [20]
    assert paid(server, model, requests) == [1] * 20


def test_a_full_batch_is_closed_at_once_and_two_endpoints_make_two_batches(
    server: Running, tmp_path: Path
) -> None:
    before = len(server.ledger()["batches"])
    model = OpenAIBatch(url=server.url, journal=tmp_path, size=4, **QUICK)
    requests = [chat(f"full {n}") for n in range(6)]
    found = asked(model, *requests, Request(prompt="Once"), Request(prompt="Twice"))
    assert texts(found)[-2:] == ["re: Once", "re: Twice"]
    assert sorted(b["size"] for b in server.ledger()["batches"][before:]) == [2, 2, 4]


def test_rows_that_fail_go_into_another_batch_and_the_others_are_paid_once(
    server: Running, kind: type[Any], tmp_path: Path
) -> None:
    model = kind(url=server.url, journal=tmp_path, **QUICK)
    name = kind.__name__
    requests = [
        chat(f"{name} partial {n} {fate}")
        for n, fate in enumerate(["", "fail:500*1", "expire*2", "gone*1", ""])
    ]
    found = asked(model, *requests)
    assert texts(found) == [f"re: {r.messages[0].content}" for r in requests]
    assert paid(server, model, requests) == [1] * 5


def test_an_answer_that_cannot_be_read_is_asked_for_again(server: Running, tmp_path: Path) -> None:
    model = OpenAIBatch(url=server.url, journal=tmp_path, **QUICK)
    assert texts(asked(model, chat("unreadable empty*1"))) == ["re: unreadable empty*1"]


@pytest.mark.parametrize(
    ("fate", "fault", "retryable"),
    [("fail:400*9", "request", False), ("fail:413*9", "too_long", False),
     ("fail:500*9", "transient", True)],
)  # fmt: skip
def test_a_row_that_stays_refused_is_an_error_of_its_own(
    server: Running, kind: type[Any], fate: str, fault: str, retryable: bool, tmp_path: Path
) -> None:
    model = kind(url=server.url, journal=tmp_path, retries=1, **QUICK)
    good, bad = asked(model, chat(f"{kind.__name__} good {fate[:8]}"), chat(f"bad {fate}"))
    assert isinstance(good, Reply)
    assert isinstance(bad, ModelError)
    assert (bad.fault, bad.retryable) == (fault, retryable)
    assert "row failed" in str(bad)


def test_refused_content_is_a_refused_reply(server: Running, tmp_path: Path) -> None:
    model = OpenAIBatch(url=server.url, journal=tmp_path, **QUICK)
    (reply,) = asked(model, chat("rude fail:403*9"))
    assert reply.finish == "refused"


def test_a_bad_line_fails_alone_where_the_batch_is_refused_for_it(
    server: Running, tmp_path: Path
) -> None:
    model = OpenAIBatch(url=server.url, journal=tmp_path, **QUICK)
    first, second, third = asked(model, chat("fine one"), chat("a wrong line"), chat("fine two"))
    assert texts([first, third]) == ["re: fine one", "re: fine two"]
    assert isinstance(second, ModelError)
    assert second.fault == "request"
    assert "bad row" in str(second)


def test_a_batch_that_is_too_big_is_halved(server: Running, tmp_path: Path) -> None:
    server.set(most=3)
    model = OpenAIBatch(url=server.url, journal=tmp_path, **QUICK)
    requests = [chat(f"halved {n}") for n in range(8)]
    assert len(texts(asked(model, *requests))) == 8
    assert paid(server, model, requests) == [1] * 8


def test_newer_models_are_asked_in_their_own_words(server: Running, tmp_path: Path) -> None:
    model = OpenAIBatch(url=server.url, journal=tmp_path, **QUICK)
    assert texts(asked(model, chat("newer", max_tokens=13))) == ["re: newer"]


def test_trouble_on_the_way_is_waited_out(server: Running, kind: type[Any], tmp_path: Path) -> None:
    server.set(busy=3, break_results=2)
    model = kind(url=server.url, journal=tmp_path, **QUICK)
    requests = [chat(f"{kind.__name__} troubled {n}") for n in range(30)]
    assert len(texts(asked(model, *requests))) == 30
    assert paid(server, model, requests) == [1] * 30


@pytest.mark.parametrize("knob", ["reset_before", "reset_after"])
def test_a_batch_that_was_not_confirmed_is_looked_for_and_never_paid_twice(
    server: Running, kind: type[Any], knob: str, tmp_path: Path
) -> None:
    server.set(**{knob: 1})
    model = kind(url=server.url, journal=tmp_path, **QUICK)
    requests = [chat(f"{kind.__name__} {knob} {n}") for n in range(5)]
    assert len(texts(asked(model, *requests))) == 5
    assert paid(server, model, requests) == [1] * 5


def test_a_batch_that_the_provider_does_not_know_any_more_is_made_again(
    server: Running, kind: type[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.set(hold=True)
    request = chat(f"{kind.__name__} dropped")

    async def within() -> Any:
        model = kind(url=server.url, journal=tmp_path, **QUICK)
        before = len(server.ledger()["batches"])
        asking = asyncio.create_task(model.ask(request))
        await asyncio.to_thread(server.wait_for, before + 1)
        server.set(drop=[server.ledger()["batches"][-1]["id"]], hold=False)
        try:
            return await asking
        finally:
            await model.close()

    assert asyncio.run(within()).text.startswith("re:")
    assert "paid for again" in caplog.text


def test_a_batch_that_somebody_cancelled_is_not_submitted_again(
    server: Running, kind: type[Any], tmp_path: Path
) -> None:
    server.set(cancel=True)
    model = kind(url=server.url, journal=tmp_path, **QUICK)
    requests = [chat(f"{kind.__name__} called off {n}") for n in range(4)]
    before = len(server.ledger()["batches"])
    found = asked(model, *requests)
    assert [isinstance(outcome, Reply) for outcome in found] == [False, True, False, True]
    assert "cancel" in str(found[0])
    assert found[0].retryable
    assert len(server.ledger()["batches"]) == before + 1
    # Asked anew, on purpose, it is submitted.
    server.set(cancel=False)
    assert texts(asked(model, *requests)) == [f"re: {r.messages[0].content}" for r in requests]


def test_a_refused_key_stops_at_once_and_is_never_shown(
    server: Running, kind: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-12345")
    server.set(unauthorized=1)
    model = kind(url=server.url, journal=tmp_path, **QUICK | {"key_env": "MY_KEY"})
    request = chat(f"{kind.__name__} key")
    (error,) = asked(model, request)
    assert isinstance(error, CredentialsError)
    assert "MY_KEY" in str(error)
    assert "continue" in str(error)
    # With the right key the same request goes through: nothing of it was left behind.
    (reply,) = asked(model, request)
    assert isinstance(reply, Reply)
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"secret-12345" not in written + str(error).encode() + repr(model).encode()


def test_a_missing_key_is_told_before_anything_is_sent(
    kind: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    model = kind(url="http://127.0.0.1:9/v1", journal=tmp_path, **QUICK | {"key_env": "MY_KEY"})
    (error,) = asked(model, chat("x"))
    assert isinstance(error, CredentialsError)


def test_two_processes_worth_of_models_share_one_batch(
    server: Running, kind: type[Any], tmp_path: Path
) -> None:
    requests = [chat(f"{kind.__name__} shared {n}") for n in range(6)]

    async def within() -> list[Any]:
        one = kind(url=server.url, journal=tmp_path, **QUICK)
        other = kind(url=server.url, journal=tmp_path, **QUICK)
        try:
            return await asyncio.gather(outcomes(one, requests), outcomes(other, requests))
        finally:
            await one.close()
            await other.close()

    first, second = asyncio.run(within())
    assert texts(first) == texts(second)
    assert paid(server, kind(**QUICK), requests) == [1] * 6


def test_a_long_wait_says_so_and_a_batch_past_its_deadline_stays_in_the_journal(
    server: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(patience, "_FIRST_WORD", 0.1)
    server.set(hold=True)
    settings: dict[str, Any] = {"url": server.url, "journal": tmp_path, **QUICK}
    request = chat("late")
    (error,) = asked(OpenAIBatch(**settings, deadline=0.4), request)
    assert isinstance(error, ModelError)
    assert (error.fault, error.retryable) == ("down", True)
    assert "in_progress, 0 of 1 done" in caplog.text
    assert "to stop is safe" in caplog.text
    server.set(hold=False)
    assert texts(asked(OpenAIBatch(**settings), request)) == ["re: late"]
    assert paid(server, OpenAIBatch(**settings), [request]) == [1]


def test_asks_that_are_cancelled_leave_no_task_and_their_batch_is_joined_later(
    server: Running, kind: type[Any], tmp_path: Path
) -> None:
    server.set(hold=True)
    requests = [chat(f"{kind.__name__} cancelled {n}") for n in range(3)]

    async def within() -> list[Any]:
        model = kind(url=server.url, journal=tmp_path, **QUICK)
        idle = asyncio.all_tasks()
        before = len(server.ledger()["batches"])
        asking = [asyncio.create_task(model.ask(request)) for request in requests]
        await asyncio.to_thread(server.wait_for, before + 1)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await asyncio.sleep(0.05)
        assert not {t for t in asyncio.all_tasks() - idle if "didact" in repr(t.get_coro())}
        server.set(hold=False)
        try:
            return await outcomes(model, requests)
        finally:
            await model.close()

    assert len(texts(asyncio.run(within()))) == 3
    assert paid(server, kind(**QUICK), requests) == [1] * 3


CLIENT = """
import asyncio, sys
from pathlib import Path
from didact.batching import desk, patience
from didact.models.{module} import {name}
from didact.records import Message, Request
patience._FIRST_LOOK = desk._SETTLING = 0.02

async def main():
    model = {name}(model="m", key_env=None, quiet=0.05, poll=0.05, url=sys.argv[1],
                   journal=Path(sys.argv[2]))
    asks = [Request(messages=(Message("user", f"{name} killed {{n}}"),)) for n in range(8)]
    print(len(await asyncio.gather(*map(model.ask, asks))), flush=True)
    await model.close()

asyncio.run(main())
"""


def client(kind: type[Any], server: Running, journal: Path) -> subprocess.Popen[str]:
    code = CLIENT.format(module=kind.__module__.rpartition(".")[2], name=kind.__name__)
    command = [sys.executable, "-c", code, server.url, str(journal)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_client_killed_in_the_worst_moments_joins_what_it_submitted(
    server: Running, kind: type[Any], tmp_path: Path
) -> None:
    before = len(server.ledger()["batches"])
    # The batch is made, and the client dies before it hears of it.
    server.set(hang=True, hold=True)
    first = client(kind, server, tmp_path)
    server.wait_for(before + 1)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    # The next one finds it, and dies while it waits for it.
    server.set(hang=False)
    looks = sum(n for name, n in server.ledger()["seen"].items() if name.endswith("/X"))
    second = client(kind, server, tmp_path)
    until = time.monotonic() + 30
    while sum(n for name, n in server.ledger()["seen"].items() if name.endswith("/X")) <= looks:
        assert time.monotonic() < until
        time.sleep(0.02)
    second.send_signal(signal.SIGKILL)
    second.communicate()
    # The last one gets all answers, each paid for once.
    server.set(hold=False)
    last = client(kind, server, tmp_path)
    assert last.communicate(timeout=30)[0] == "8\n"
    requests = [chat(f"{kind.__name__} killed {n}") for n in range(8)]
    assert paid(server, kind(**QUICK), requests) == [1] * 8
    assert len(server.ledger()["batches"]) == before + 1


def test_somebody_elses_batch_of_the_same_size_is_told_apart(
    server: Running, tmp_path: Path
) -> None:
    async def within() -> Any:
        theirs = AnthropicBatch(url=server.url, journal=tmp_path / "theirs", **QUICK)
        (tmp_path / "ours").mkdir()
        ours = AnthropicBatch(url=server.url, journal=tmp_path / "ours", **QUICK)
        try:
            await theirs.ask(chat("theirs"))
            server.set(reset_before=1)
            return await ours.ask(chat("ours, apart"))
        finally:
            await theirs.close()
            await ours.close()

    assert asyncio.run(within()).text == "re: ours, apart"
    with closing(sqlite3.connect(tmp_path / "ours" / "batches.db")) as journal:
        names = [name for (name,) in journal.execute("SELECT name FROM batches")]
    assert any(name.startswith("foreign-") for name in names)


def test_identity_and_address_of_a_request_are_those_of_the_direct_model() -> None:
    for batch, direct in ((OpenAIBatch, OpenAI), (AnthropicBatch, Anthropic)):
        for extra in ({}, {"top_k": 4}):
            assert batch(model="m", extra=extra).identity == direct(model="m", extra=extra).identity
    settings: dict[str, Any] = {"model": "m", "logprobs": True}
    assert OpenAIBatch(**settings).identity == OpenAI(**settings).identity


def test_a_damaged_journal_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "batches.db").write_bytes(b"this is no database, and it is long enough to tell" * 9)
    model = OpenAIBatch(url="http://127.0.0.1:9/v1", journal=tmp_path, **QUICK)
    (error,) = asked(model, chat("x"))
    assert isinstance(error, StoreError)
    assert "mend it" in str(error)


def test_without_a_setting_the_journal_is_in_the_users_folder_for_state(
    server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert texts(asked(OpenAIBatch(url=server.url, **QUICK), chat("at home"))) == ["re: at home"]
    assert (tmp_path / "didact" / "batches.db").is_file()


@pytest.mark.parametrize(
    "settings", [{"size": 0}, {"quiet": 0}, {"poll": 0}, {"retries": -1}, {"url": "nowhere"}]
)
def test_impossible_settings_are_refused_at_once(kind: type[Any], settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        kind(**QUICK | settings)


def test_the_upload_names_every_row_by_the_key_of_its_call(server: Running, tmp_path: Path) -> None:
    model = OpenAIBatch(url=server.url, journal=tmp_path, **QUICK)
    request = chat("named")
    asked(model, request)
    assert call_key(model.identity, request) in server.ledger()["answered"]
