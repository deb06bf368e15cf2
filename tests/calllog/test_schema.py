from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from didact.calllog import schema
from didact.calls import CallLog, Totals, call_key
from didact.errors import ModelError, StoreError
from didact.records import Message, Reply, Request, Usage

VERSION_1 = """
PRAGMA journal_mode = WAL;
CREATE TABLE calls (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  model TEXT NOT NULL,
  request TEXT NOT NULL,
  reply TEXT,
  finish TEXT,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  logprobs TEXT,
  server_model TEXT,
  seconds REAL NOT NULL,
  error TEXT,
  retryable INTEGER,
  status INTEGER
);
PRAGMA user_version = 1;
INSERT INTO calls (key, role, model, request, reply, finish, prompt_tokens, completion_tokens,
  logprobs, server_model, seconds, error, retryable, status) VALUES
  ('34c9', 'teacher', 'tiny', '{"messages": [{"role": "user", "content": "hi"}], "prompt": null,
    "sampling": {"max_tokens": 256, "temperature": 0.0, "top_p": 1.0, "presence_penalty": 0.0,
    "frequency_penalty": 0.0, "stop": ["\\ud800"]}, "schema": null, "draw": 0, "seed": null}',
   'yo é', 'length', 3, 2, '[-0.5, -1.25]', 'tiny@1', 0.5, NULL, NULL, NULL),
  ('77aa', 'judge', 'tiny', '{"messages": [], "prompt": "x", "sampling": {"max_tokens": 1,
    "temperature": 0.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    "stop": []}, "schema": {}, "draw": 1, "seed": null}',
   NULL, NULL, 0, 0, NULL, NULL, 2.0, 'down', 1, 503);
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A log as version 0.1 of didact wrote it."""
    path = tmp_path / "calls.db"
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    connection.close()
    return path


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return number


def check(log: CallLog) -> None:
    call = log.get("34c9")
    assert call is not None
    assert call.request.messages == (Message("user", "hi"),)
    assert call.request.sampling.stop == ("\ud800",)
    assert call.outcome() == Reply(
        text="yo é",
        finish="length",
        usage=Usage(prompt=3, completion=2),
        logprobs=(-0.5, -1.25),
        model="tiny@1",
        key="34c9",
    )
    assert (call.number, call.usd, call.copied, call.forgotten) == (1, None, False, False)
    failed = log.get("77aa")
    assert failed is not None
    assert failed.request.schema == {}
    with pytest.raises(ModelError, match="down") as caught:
        failed.outcome()
    assert (caught.value.status, caught.value.retryable) == (503, True)
    assert caught.value.fault == "unknown"
    assert log.totals() == Totals(
        made=2, failed=1, prompt_tokens=3, completion_tokens=2, seconds=2.5
    )
    assert [call.number for call in log] == [1, 2]
    assert log.renamed() == []
    assert log.remembered("teacher", settings="{}") is None


def test_an_old_log_is_brought_up_to_date_when_it_is_written(old: Path) -> None:
    log = CallLog.open(old, write=True)
    check(log)
    request = Request(prompt="new")
    key = call_key("tiny", request)
    call = log.record(
        key, request, role="judge", model="tiny", outcome=Reply(text="a"), seconds=1, usd=0.25
    )
    assert call.number == 3
    assert log.forget_failures() == 1
    log.close()
    assert version(old) == schema.VERSION == 2
    again = CallLog.open(old)
    assert again.get(key) == call
    assert again.get("77aa") is None
    assert again.totals().usd == 0.25


def test_an_old_log_is_read_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    log = CallLog.open(old)
    check(log)
    log.remember("teacher", "tiny", settings=None)
    log.close()
    assert old.read_bytes() == before
    assert version(old) == 1


def test_an_old_log_is_read_on_a_disk_that_cannot_be_written(old: Path) -> None:
    old.chmod(0o444)
    old.parent.chmod(0o555)
    try:
        check(CallLog.open(old))
    finally:
        old.parent.chmod(0o755)


def test_a_reader_goes_on_while_the_log_is_brought_up_to_date(old: Path) -> None:
    reader = CallLog.open(old)
    check(reader)
    CallLog.open(old, write=True).close()
    check(reader)


def test_an_old_log_stays_as_it_is_when_a_step_fails(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = schema.STEPS[1]

    def failing(connection: sqlite3.Connection) -> None:
        second(connection)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", [schema.STEPS[0], failing])
        with pytest.raises(StoreError, match="disk is full"):
            CallLog.open(old, write=True)
    assert version(old) == 1
    check(CallLog.open(old))
    check(CallLog.open(old, write=True))


def test_a_new_log_is_what_an_old_one_becomes(old: Path, tmp_path: Path) -> None:
    CallLog.open(old, write=True).close()
    new = tmp_path / "new.db"
    CallLog.open(new, write=True).close()
    tables = []
    for path in (old, new):
        connection = sqlite3.connect(path)
        tables.append(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())
        connection.close()
    assert sorted(tables[0]) == sorted(tables[1])


@pytest.mark.parametrize("write", [True, False])
def test_a_log_of_a_later_didact_is_refused_and_left_alone(old: Path, write: bool) -> None:
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    with pytest.raises(StoreError, match=r"version 3.*reads up to version 2"):
        CallLog.open(old, write=write)
    assert version(old) == 3
