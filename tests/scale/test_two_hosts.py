"""A cluster of two hosts does the work of a run, to the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_scaled_runs import made, run_file, written
from two_hosts import cluster, missing


def test_two_hosts_make_what_one_process_makes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra `scale`")
    if reason := missing():
        pytest.skip(reason)
    here, _ = made(tmp_path / "here")
    folder = tmp_path / "there"
    folder.mkdir()
    with cluster() as (on_first, address, env):
        scale = f"scale: {{use: ray, workers: 2, rows: 3, address: '{address}'}}"
        # Slow enough that one host cannot do it all before the other has joined.
        file = run_file(folder, scale, seconds=0.1)
        code = "from didact.cli import main; main()"
        for stage in ("generate", "filter"):
            command = [sys.executable, "-c", code, stage, str(file), "--out", str(folder / "run")]
            subprocess.run([*on_first, *command], check=True, env=env, timeout=600)
    assert written(folder / "run") == here
    hosts = {file.read_text() for file in (folder / "notes").glob("host-*")}
    assert len(hosts) == 2
