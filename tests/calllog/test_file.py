"""Real processes, real damage, a really full disk."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from call_writer import record, reply
from didact.calls import CallLog, call_key
from didact.errors import StoreError
from didact.records import Reply, Request

WRITER = Path(__file__).parents[1] / "call_writer.py"


def write(path: Path, count: int) -> list[str]:
    log = CallLog.open(path, write=True)
    keys = [record(log, number) for number in range(count)]
    log.close()
    return keys


def whole(path: Path) -> dict[str, str]:
    """Key to text of every call, each checked to be what was written."""
    log = CallLog.open(path)
    found = {call.key: call.outcome().text for call in log}
    log.close()
    for text in found.values():
        assert text == reply(int(text.split()[0])).text
    return found


def test_what_a_killed_process_had_logged_is_there_and_its_lock_is_not(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    rng = random.Random(0)
    logged: list[str] = []
    for _ in range(3):
        command = [sys.executable, str(WRITER), str(path), "1000000"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        # It has logged again all that was there, and some more.
        seen = [process.stdout.readline().strip() for _ in range(len(logged) + 20)]
        with pytest.raises(StoreError, match=rf"another process .*\(pid {process.pid}\)"):
            CallLog.open(path, write=True)
        assert set(seen) <= set(whole(path))
        time.sleep(rng.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        logged = seen + [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        logged = [line.strip() for line in logged]
        found = whole(path)
        # The last one may have been logged and not yet printed.
        assert set(logged) <= set(found)
        assert len(found) - len(set(logged)) <= 1
    CallLog.open(path, write=True).close()
    assert not path.with_name("calls.db.lock").exists()


def test_a_truncated_wal_gives_the_calls_before_the_cut_or_says_that_it_is_damaged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "calls.db"
    log = CallLog.open(path, write=True)
    keys = [record(log, number) for number in range(40)]
    wal = path.with_name("calls.db-wal")
    size = wal.stat().st_size
    assert size > 40 * 1500
    for cut in [0, 1, 31, 32, 33, 5000, size // 2, size - 4000, size - 1]:
        copy = tmp_path / f"{cut}"
        copy.mkdir()
        shutil.copy(path, copy / "calls.db")
        (copy / "calls.db-wal").write_bytes(wal.read_bytes()[:cut])
        found = whole(copy / "calls.db")
        assert list(found) == keys[: len(found)]
        assert len(found) < 40
        again = CallLog.open(copy / "calls.db", write=True)
        assert [record(again, number) for number in range(40)] == keys
        again.close()
        assert list(whole(copy / "calls.db")) == keys
    log.close()


@pytest.mark.parametrize("torn", ["zeros", "noise", "older"])
def test_a_torn_page_is_never_replayed_as_something_else(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "calls.db"
    keys = write(path, 12)
    data = path.read_bytes()
    pages = len(data) // 4096
    assert pages > 6
    told = opened = 0
    for page in range(1, pages):
        half = page * 4096 + 2048
        content = {
            "zeros": bytes(2048),
            "noise": random.Random(page).randbytes(2048),
            "older": data[2048:4096],
        }[torn]
        path.write_bytes(data[:half] + content + data[half + 2048 :])
        try:
            log = CallLog.open(path)
            for number, key in enumerate(keys):
                call = log.get(key)
                assert call is None or call.outcome().text == reply(number).text
            log.close()
            opened += 1
        except StoreError as error:
            told += "damaged" in str(error)
    assert told > pages // 3
    assert told + opened == pages - 1


def test_a_changed_byte_in_a_reply_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    (key,) = write(path, 1)
    text = reply(0).text.encode()
    data = path.read_bytes()
    assert text[:400] in data
    path.write_bytes(data.replace(text[:400], text[:399] + b"!"))
    with pytest.raises(StoreError, match="damaged"):
        CallLog.open(path).get(key)


@pytest.mark.parametrize("how", ["limit", "disk"])
def test_a_full_disk_loses_nothing_and_the_log_goes_on_when_there_is_room(
    tmp_path: Path, how: str
) -> None:
    path = tmp_path / "disk/calls.db"
    path.parent.mkdir()
    writer = f"{sys.executable} {WRITER} {path} 600"
    script = f"{writer} --limit 500000"
    command = ["sh", "-c", script]
    if how == "disk":
        copied = f"cp {path.parent}/calls.db* {tmp_path}"
        script = f"{writer} --ballast {path.parent}/ballast && {copied}"
        mount = f"mount -t tmpfs -o size=12m none {path.parent}"
        if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True).returncode:
            pytest.skip("no tmpfs may be mounted here")
        command = ["unshare", "-rm", "sh", "-c", f"{mount} && {script}"]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == "done", done.stderr
    errors = [line for line in lines if line.startswith("error")]
    assert len(errors) == 1
    assert ("the disk is full" if how == "disk" else "the disk takes no more") in errors[0]
    assert "Every call logged so far is safe" in errors[0]
    found = whole(tmp_path / "calls.db" if how == "disk" else path)
    assert list(found) == [line for line in lines if " " not in line and line != "done"]
    assert len(found) == 600


def test_a_reader_sees_what_is_written_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    writer = CallLog.open(path, write=True)
    reader = CallLog.open(path)
    for number in range(3):
        key = record(writer, number)
        assert reader.get(key) is not None
    request = Request(prompt="x")
    key = call_key("m", request)
    with pytest.raises(StoreError, match="cannot be used"):
        reader.record(key, request, role="t", model="m", outcome=Reply(text=""), seconds=0)


def test_calls_that_only_a_wal_holds_are_not_left_out_on_a_disk_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "calls.db"
    log = CallLog.open(path, write=True)
    record(log, 0)
    real = sqlite3.connect

    class Refusing(sqlite3.Connection):
        def execute(self, *arguments: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Refusing))
    with pytest.raises(StoreError, match=r"still in calls\.db-wal"):
        CallLog.open(path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        path = Path("/proc/calls.db")
    else:
        tmp_path.chmod(0o555)
        path = tmp_path / "calls.db"
    with pytest.raises(StoreError, match=r"calls\.db: the call log cannot be used"):
        CallLog.open(path, write=True)
