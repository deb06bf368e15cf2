from __future__ import annotations

import os
import random
import sqlite3
import string
import subprocess
import sys
from pathlib import Path

import pytest

from didact.calls import CallLog, call_key
from didact.errors import ModelError, StoreError
from didact.records import Message, Reply, Request, Sampling, Usage


def chat(text: str, **fields: object) -> Request:
    return Request(messages=(Message("user", text),), **fields)  # type: ignore[arg-type]


def record(log: CallLog, request: Request, outcome: Reply | ModelError) -> str:
    key = call_key("tiny", request)
    log.record(key, request, role="teacher", model="tiny", outcome=outcome, seconds=0.5)
    return key


def test_a_logged_call_comes_back_whole(tmp_path: Path) -> None:
    request = chat("hi", sampling=Sampling(temperature=0.7, stop=("a", "b")), draw=3, seed=9)
    reply = Reply(
        text="yo",
        finish="length",
        usage=Usage(prompt=2, completion=1),
        logprobs=(-0.5, -1.25),
        model="m@1",
    )
    log = CallLog.open(tmp_path / "calls.db", write=True)
    key = record(log, request, reply)
    log.close()

    call = CallLog.open(tmp_path / "calls.db").get(key)
    assert call is not None
    assert call.request == request
    assert call.number == 1
    assert call.role == "teacher"
    assert call.seconds == 0.5
    got = call.outcome()
    assert got.key == key
    assert (got.text, got.finish, got.usage, got.logprobs, got.model) == (
        reply.text,
        reply.finish,
        reply.usage,
        reply.logprobs,
        reply.model,
    )


def test_a_prompt_with_a_schema_and_a_lone_surrogate_comes_back_whole(tmp_path: Path) -> None:
    request = Request(prompt="a \ud800 b é", schema={"type": "object"})
    log = CallLog.open(tmp_path / "calls.db", write=True)
    key = record(log, request, Reply(text="ok"))
    call = log.get(key)
    assert call is not None
    assert call.request == request


def test_the_key_depends_on_model_text_sampling_and_draw_and_on_the_seed_only_when_sampling() -> (
    None
):
    keys = {
        call_key("a", chat("x")),
        call_key("b", chat("x")),
        call_key("a", chat("y")),
        call_key("a", chat("x", draw=1)),
        call_key("a", chat("x", sampling=Sampling(max_tokens=1))),
    }
    assert len(keys) == 5
    assert call_key("a", chat("x", seed=1)) == call_key("a", chat("x", seed=2))
    warm = Sampling(temperature=1.0)
    assert call_key("a", chat("x", seed=1, sampling=warm)) != call_key(
        "a", chat("x", seed=2, sampling=warm)
    )


def test_a_failure_replays_as_the_same_failure_until_it_is_forgotten() -> None:
    log = CallLog.in_memory()
    key = record(log, chat("x"), ModelError("no such model", retryable=False, status=404))
    kept = record(log, chat("y"), Reply(text="fine"))
    call = log.get(key)
    assert call is not None
    with pytest.raises(ModelError, match="no such model") as caught:
        call.outcome()
    assert caught.value.status == 404
    assert log.forget_failures() == 1
    assert log.get(key) is None
    assert log.get(kept) is not None


def test_totals_add_up_calls_tokens_and_seconds_by_role() -> None:
    log = CallLog.in_memory()
    record(log, chat("x"), Reply(text="a", usage=Usage(prompt=3, completion=2)))
    record(log, chat("y"), ModelError("down"))
    totals = log.totals()
    assert (totals.made, totals.failed) == (2, 1)
    assert (totals.prompt_tokens, totals.completion_tokens, totals.seconds) == (3, 2, 1.0)
    assert log.totals_by_role() == {"teacher": totals}
    assert [call.number for call in log] == [1, 2]


@pytest.mark.parametrize("keep", [0, 10, 100, 4096, 5000, 9000])
def test_a_truncated_log_is_reported_and_left_as_it_is(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "calls.db"
    log = CallLog.open(path, write=True)
    for number in range(60):
        record(log, chat(f"question {number}"), Reply(text="answer " * 20))
    log.close()
    whole = path.read_bytes()
    assert len(whole) > 10_000
    path.write_bytes(whole[:keep])
    for write in (True, False):
        with pytest.raises(StoreError, match="damaged"):
            CallLog.open(path, write=write)
    assert path.read_bytes() == whole[:keep]


def test_a_full_disk_is_a_store_error_that_says_so(tmp_path: Path) -> None:
    log = CallLog.open(tmp_path / "calls.db", write=True)
    key = record(log, chat("first"), Reply(text="short"))
    log._connection.execute("PRAGMA max_page_count = 1")
    letters = "".join(random.Random(0).choices(string.ascii_letters, k=40_000))
    with pytest.raises(StoreError, match="disk is full"):
        record(log, chat("second"), Reply(text=letters))
    assert log.get(key) is not None


def test_a_log_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    CallLog.open(path, write=True).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="version 99"):
        CallLog.open(path)


def test_a_missing_log_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no call log"):
        CallLog.open(tmp_path / "calls.db")
    assert list(tmp_path.iterdir()) == []


def test_a_log_on_a_read_only_disk_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    log = CallLog.open(folder / "calls.db", write=True)
    key = record(log, chat("x"), Reply(text="a"))
    log.close()
    (folder / "calls.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        assert CallLog.open(folder / "calls.db").get(key) is not None
    finally:
        folder.chmod(0o755)


def test_a_call_is_on_disk_as_soon_as_it_is_recorded(tmp_path: Path) -> None:
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_calls import chat, record
from didact.calls import CallLog
from didact.records import Reply
log = CallLog.open(Path({str(tmp_path / "calls.db")!r}), write=True)
for number in range(20):
    record(log, chat(str(number)), Reply(text="a"))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert CallLog.open(tmp_path / "calls.db", write=True).totals().made == 20


def test_money_is_added_up_as_far_as_it_is_known(tmp_path: Path) -> None:
    log = CallLog.open(tmp_path / "calls.db", write=True)
    for number, usd in enumerate([0.5, None, 0.25]):
        request = chat(str(number))
        call = log.record(
            call_key("m", request),
            request,
            role="teacher",
            model="m",
            outcome=Reply(text="a"),
            seconds=1,
            usd=usd,
        )
        assert call.usd == usd
    assert log.totals().usd == 0.75
    assert log.totals().to_json()["usd"] == 0.75


def test_a_failure_keeps_its_fault_and_still_counts_when_it_is_forgotten() -> None:
    log = CallLog.in_memory()
    key = record(log, chat("x"), ModelError("too long", status=400, fault="too_long"))
    call = log.get(key)
    assert call is not None
    assert call.fault == "too_long"
    with pytest.raises(ModelError) as caught:
        call.outcome()
    assert caught.value.fault == "too_long"
    for _ in range(2):
        log.forget_failures()
        record(log, chat("x"), ModelError("too long", status=400, fault="too_long"))
    log.forget_failures()
    assert record(log, chat("x"), Reply(text="at last")) == key
    assert [(c.number, c.forgotten) for c in log] == [
        (1, True),
        (2, True),
        (3, True),
        (4, False),
    ]
    found = log.get(key)
    assert found is not None
    assert found.outcome().text == "at last"
    assert (log.totals().made, log.totals().failed) == (4, 3)


def test_a_second_reply_to_a_key_is_counted_and_the_first_goes_on_answering() -> None:
    log = CallLog.in_memory()
    request = chat("x")
    key = record(log, request, Reply(text="first", usage=Usage(prompt=1, completion=1)))
    again = log.record(
        key,
        request,
        role="teacher",
        model="tiny",
        outcome=Reply(text="second", usage=Usage(prompt=1, completion=1)),
        seconds=1,
    )
    assert again.outcome().text == "first"
    assert again.number == 1
    assert log.totals().made == 2
    assert log.totals().completion_tokens == 2


def test_a_server_that_changes_its_own_name_under_the_same_model_is_found() -> None:
    log = CallLog.in_memory()
    names = ["m-1", "m-1", "m-2", "", "m-1", "m-3"]
    for number, name in enumerate(names):
        record(log, chat(str(number)), Reply(text="a", model=name))
    request = chat("x")
    log.record(
        call_key("other", request),
        request,
        role="judge",
        model="other",
        outcome=Reply(text="a", model="m-9"),
        seconds=1,
    )
    (renamed,) = log.renamed()
    assert (renamed.role, renamed.model) == ("teacher", "tiny")
    assert renamed.names == ("m-1", "m-2", "m-3")
    assert renamed.numbers == (1, 3, 6)


def test_a_second_writer_is_told_who_writes_and_a_reader_reads(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    log = CallLog.open(path, write=True)
    key = record(log, chat("x"), Reply(text="a"))
    with pytest.raises(StoreError, match=rf"another process is working .*pid {os.getpid()}"):
        CallLog.open(path, write=True)
    assert CallLog.open(path).get(key) is not None
    record(log, chat("y"), Reply(text="a"))
    log.close()
    CallLog.open(path, write=True).close()
    assert [file.name for file in tmp_path.iterdir()] == ["calls.db"]


def test_a_call_of_another_run_is_copied_and_its_money_not_counted_twice(tmp_path: Path) -> None:
    runs = [tmp_path / "a", tmp_path / "b"]
    keys: list[str] = []
    for number, run in enumerate(runs):
        run.mkdir()
        log = CallLog.open(run / "calls.db", write=True)
        request = chat(f"from {number}")
        keys.append(call_key("tiny", request))
        log.record(
            keys[-1], request, role="theirs", model="tiny", seconds=2, usd=1.0,
            outcome=Reply(text=f"{number}", logprobs=(-1.0,), usage=Usage(prompt=5, completion=7)),
        )  # fmt: skip
        failed = record(log, chat("failed"), ModelError("down"))
        log.close()
    # One is named by its run, one by its log.
    path = tmp_path / "calls.db"
    log = CallLog.open(path, write=True, reuse=[runs[0], runs[1] / "calls.db"])
    for number, key in enumerate(keys):
        for _ in range(2):
            call = log.get(key, role="teacher")
            assert call is not None
            assert (call.number, call.role, call.copied) == (number + 1, "teacher", True)
            assert call.usd == 1.0
            assert call.outcome().text == f"{number}"
            assert call.outcome().logprobs == (-1.0,)
    assert log.get(failed) is None
    own = record(log, chat("own"), Reply(text="a", usage=Usage(prompt=1, completion=1)))
    totals = log.totals()
    assert (totals.made, totals.replayed, totals.usd, totals.seconds) == (1, 2, 0.0, 0.5)
    assert (totals.prompt_tokens, totals.completion_tokens) == (1, 1)
    log.close()
    # What was copied stays when the others are gone.
    alone = CallLog.open(path)
    assert all(alone.get(key) is not None for key in [*keys, own])
    with pytest.raises(StoreError, match="there is no call log here"):
        CallLog.open(path, write=True, reuse=[tmp_path / "nowhere"])
    CallLog.open(path, write=True).close()
