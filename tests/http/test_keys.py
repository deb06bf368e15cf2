"""A key is nowhere but in the header it belongs in."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from bad_server import BadServer
from didact.errors import CredentialsError
from didact.http.keys import NO_KEY, Key

PLANTED = "sk-planted/9f3+key=Zq"

RECIPE = '''\
"""Asks what it is told to."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from didact.records import Example, Message, Origin, Request

__all__ = ["Asks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """Questions with numbers."""

    questions: int = 24
    """How many."""

    async def run(self, ctx, seeds):
        """An example for each answer."""
        asked = (Request(messages=(Message("user", f"{n}?"),)) for n in range(self.questions))
        async with aclosing(ctx.map(ctx.ask, asked)) as replies:
            async for reply in replies:
                origin = Origin(recipe="asks", calls=(reply.key,))
                yield Example.single(f"question {reply.key}", reply.text, origin=origin)
'''

RUN_FILE = """\
name: planted
max_failures: 1000
models:
  teacher: {use: openai, url: "URL", model: m, key_env: PLANTED_KEY, retries: 1, timeout: 5.0}
generate:
  - {use: ./asks.py}
filter: []
"""


def didact(*arguments: str, folder: Path, key: str) -> subprocess.CompletedProcess[str]:
    program = """
import sys
from didact.cli import main
from didact.http.waits import WAITS
WAITS.first = WAITS.pause = 0.02
main()
"""
    env = {**os.environ, "PLANTED_KEY": key}
    command = [sys.executable, "-c", program, *arguments]
    assert key not in " ".join(command)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=env)


def holding(folder: Path) -> list[str]:
    """The files that hold the key, however it is written there."""
    found: list[str] = []
    forms = (PLANTED, json.dumps(PLANTED)[1:-1].replace("/", "\\/"))
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            if any(form.encode() in content for form in forms):
                found.append(str(file))
    return found


def texts_of(run: Path) -> str:
    """Everything in the call log and the tables, unpacked."""
    import sqlite3

    import pyarrow.parquet as parquet

    with sqlite3.connect(run / "calls.db") as connection:
        rows = connection.execute("SELECT * FROM calls").fetchall()
    cells = [_unpacked(cell) for row in rows for cell in row]
    tables = [str(parquet.read_table(file).to_pylist()) for file in run.rglob("*.parquet")]
    return "\n".join(cells + tables)


def _unpacked(cell: Any) -> str:
    if isinstance(cell, bytes):
        for open_it in (zlib.decompress, gzip.decompress):
            try:
                return open_it(cell).decode("utf-8", "replace")
            except (zlib.error, OSError):
                continue
        return cell.decode("utf-8", "replace")
    return str(cell)


@pytest.mark.slow
def test_a_planted_key_is_in_no_file_log_error_or_report(tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(RECIPE)
    with BadServer() as server:
        (tmp_path / "planted.yaml").write_text(RUN_FILE.replace("URL", server.url))
        server.begin(
            {
                "echo": 0.4,
                "400": 0.15,
                "wrong schema": 0.15,
                "500": 0.15,
                "answers": 0.15,
                "seed": 2,
            }
        )
        outputs = [didact("run", "planted.yaml", folder=tmp_path, key=PLANTED)]
        assert outputs[0].returncode == 0, outputs[0].stderr
        counts = server.counts()
        assert counts["keys"] == [f"Bearer {PLANTED}"]
        assert {"echo", "400", "wrong schema", "500"} <= set(counts["shown"])
        outputs.append(didact("show", "out/planted", folder=tmp_path, key=PLANTED))
        server.begin({"401": 1.0})
        outputs.append(didact("run", "planted.yaml", "--retry", folder=tmp_path, key=PLANTED))
    assert "PLANTED_KEY" in outputs[-1].stderr
    assert outputs[-1].returncode == 4
    told = "\n".join(output.stdout + output.stderr for output in outputs)
    assert "your key is" in texts_of(tmp_path / "out/planted"), "the echo did reach the log"
    for text in (told, texts_of(tmp_path / "out/planted")):
        assert PLANTED not in text
        assert "***" in text
    assert holding(tmp_path) == []


def test_the_key_is_washed_off_in_every_form_a_body_may_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_KEY", 'a/b"c+d\\e-long')
    key = Key.read("A_KEY", asked_by="x")
    for form in (key.value, json.dumps(key.value), json.dumps(key.value).replace("/", "\\/")):
        washed = key.wash(f"before {form} after".encode()).decode()
        assert washed.replace('"', "") == "before *** after"
    assert "long" not in repr(key)
    assert key.wash_text("é\ud800 " + key.value) == "é? ***"


def test_a_placeholder_is_no_secret_and_takes_no_word_from_a_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_KEY", "EMPTY")
    assert Key.read("A_KEY", asked_by="x").wash(b"EMPTY cup") == b"EMPTY cup"
    assert NO_KEY.wash(b"text") == b"text"
    assert Key.read(None, asked_by="x") is NO_KEY
    monkeypatch.delenv("A_KEY")
    with pytest.raises(CredentialsError, match="A_KEY"):
        Key.read("A_KEY", asked_by="x")


def test_looking_for_the_key_is_cheap() -> None:
    key = Key("k" * 40, tuple(form * 40 for form in (b"k",)))
    body = b"x" * 4000
    start = time.perf_counter()
    for _ in range(1000):
        key.wash(body)
    assert time.perf_counter() - start < 0.5
