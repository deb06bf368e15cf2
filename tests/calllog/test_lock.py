from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from didact.calllog.lock import Lock
from didact.errors import StoreError


def test_the_second_holder_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    for _ in range(2):
        with pytest.raises(StoreError, match=rf"another process .*\(pid {os.getpid()}\)"):
            Lock(tmp_path / "lock")
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    Lock(tmp_path / "lock").release()


def test_what_a_killed_holder_left_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1\n")
    lock = Lock(tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_lock_that_is_dropped_is_given_up(tmp_path: Path) -> None:
    Lock(tmp_path / "lock")
    Lock(tmp_path / "lock").release()


def test_a_forked_worker_that_outlives_the_holder_does_not_hold_it(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from didact.calllog.lock import Lock
lock = Lock(Path(sys.argv[1]))
if os.fork():
    os.kill(os.getpid(), 9)
lock.release()
print("alive", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"alive\n"
        assert process.wait() == -9
        # It could not have removed what was not its own.
        assert (tmp_path / "lock").exists()
        Lock(tmp_path / "lock").release()


def test_a_lock_file_that_is_removed_while_it_is_taken_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    real, removed = fcntl.flock, [False]

    def flock(descriptor: int, how: int) -> None:
        real(descriptor, how)
        if not removed[0]:
            removed[0] = True
            (tmp_path / "lock").unlink()

    monkeypatch.setattr(fcntl, "flock", flock)
    lock = Lock(tmp_path / "lock")
    monkeypatch.undo()
    with pytest.raises(StoreError, match="another process"):
        Lock(tmp_path / "lock")
    lock.release()
