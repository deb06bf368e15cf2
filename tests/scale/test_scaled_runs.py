"""A run whose work is done by workers: the same bytes, whatever becomes of the workers."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from didact import pipeline
from didact.errors import ConfigError, DidactError
from didact.runfile import load
from didact.scale import joining
from didact.store import Run
from didact.text import parted

HERE = Path(__file__).parent
RAY = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra `scale`")
POOLS = ["local", pytest.param("ray", marks=RAY)]


def run_file(folder: Path, scale: str = "", **model: Any) -> Path:
    settings = "".join(f", {name}: {value}" for name, value in model.items())
    file = folder / "counted.yaml"
    file.write_text(
        f"""name: counted
{scale}
models:
  teacher: {{use: {HERE / "counting_model.py"}, notes: {folder / "notes"}{settings}}}
generate:
  - use: {HERE / "counting_recipe.py"}
filter:
  - use: length
    instruction_min: 4
  - use: exact-duplicate
  - {{use: novelty, below: 0.9}}
  - {{use: near-duplicate, below: 0.95}}
"""
    )
    (folder / "notes").mkdir(exist_ok=True)
    return file


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of some texts is cut in parts, as that of many is."""
    monkeypatch.setattr(parted, "_DEAR", 0.0)
    monkeypatch.setattr(parted, "_LEAST", 8)
    monkeypatch.setattr(joining, "_BLOCK", 10)


def made(folder: Path, scale: str = "", **model: Any) -> tuple[dict[str, bytes], list[Any]]:
    """The bytes that the stages wrote, and what was told."""
    folder.mkdir(exist_ok=True)
    told: list[Any] = []
    config = load(run_file(folder, scale, **model))
    for stage in (pipeline.generate, pipeline.filter):
        stage(config, folder / "run", on_event=lambda event, fields: told.append((event, fields)))
    return written(folder / "run"), told


def written(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(run.rglob("*.parquet"))}


def asked(folder: Path) -> Counter[str]:
    """How many times each request was answered, by any worker."""
    found: Counter[str] = Counter()
    for file in (folder / "notes").glob("asked-*"):
        found.update(file.read_text().split("\n")[:-1])
    return found


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_result_is_that_of_one_process_to_the_byte(
    pool: str, workers: int, tmp_path: Path
) -> None:
    if pool == "ray" and workers == 4 and (os.cpu_count() or 1) < 2:
        pytest.skip("four workers want more than one core")
    here, _ = made(tmp_path / "here")
    scale = f"scale: {{use: {pool}, workers: {workers}, rows: 5}}"
    there, _ = made(tmp_path / "there", scale)
    assert there == here
    assert len(there) >= 3
    # The one that failed is in the log as what it is.
    with Run.open(tmp_path / "there" / "run") as run:
        failed = [call for call in run.calls if call.reply is None]
        assert [call.error for call in failed] == ["unlucky"]
        assert {call.model for call in run.calls} == {"counting"}
    assert set(asked(tmp_path / "there").values()) == {1}


@pytest.mark.parametrize("pool", POOLS)
def test_workers_that_die_cost_only_their_shards(pool: str, tmp_path: Path) -> None:
    here, _ = made(tmp_path / "here")
    scale = f"scale: {{use: {pool}, workers: 2, rows: 5}}"
    there, told = made(tmp_path / "there", scale, deaths=2)
    assert there == here
    assert len(list((tmp_path / "there" / "notes").glob("dead-*"))) == 2
    lost = [fields for event, fields in told if event == "scale" and fields["state"] == "lost"]
    assert lost
    assert "sent again" in lost[0]["message"]


@pytest.mark.parametrize(
    ("pool", "workers"),
    [("local", 1), ("local", 4), pytest.param("ray", 2, marks=RAY)],
)
def test_workers_killed_at_random_cost_only_what_they_had(
    pool: Any, workers: int, tmp_path: Path
) -> None:
    here, _ = made(tmp_path / "here")
    folder = tmp_path / "there"
    folder.mkdir()
    config = load(run_file(folder, f"scale: {{use: {pool}, workers: {workers}, rows: 5}}"))
    rng, killed = random.Random(workers), list[int]()

    def kill(event: str, fields: Any) -> None:
        if event != "shards" or len(killed) == 3 or rng.random() > 0.4:
            return
        known = sorted(int(file.name[6:]) for file in (folder / "notes").glob("asked-*"))
        alive = [pid for pid in known if Path(f"/proc/{pid}").exists() and pid not in killed]
        if alive:
            killed.append(rng.choice(alive))
            with suppress(ProcessLookupError):
                os.kill(killed[-1], signal.SIGKILL)

    for stage in (pipeline.generate, pipeline.filter):
        stage(config, folder / "run", on_event=kill)
    assert written(folder / "run") == here
    assert killed
    again = sum(count - 1 for count in asked(folder).values())
    assert again <= len(killed) * 2 * workers * 5


@pytest.mark.parametrize("pool", POOLS)
def test_a_driver_killed_twice_among_dying_workers_asks_again_only_unfinished_shards(
    pool: str, tmp_path: Path
) -> None:
    here, _ = made(tmp_path / "here")
    folder = tmp_path / "there"
    folder.mkdir()
    scale = f"scale: {{use: {pool}, workers: 2, rows: 3}}"
    file = run_file(folder, scale, seconds=0.02, deaths=2)
    code = "import sys; from didact.cli import main; sys.argv[0] = 'didact'; main()"
    command = [sys.executable, "-c", code, "generate", str(file), "--out", str(folder / "run")]
    for wanted in (10, 60):
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 240
        while sum(asked(folder).values()) < wanted and process.poll() is None:
            assert time.monotonic() < until, "nothing was asked"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        settled(folder)
    config = load(file)
    for stage in (pipeline.generate, pipeline.filter):
        stage(config, folder / "run")
    assert written(folder / "run") == here
    # Two workers, three shards of three on their way to each or from it, at two kills of the
    # driver and two deaths of workers: 72 of the 120 at the most, and far fewer as a rule.
    assert sum(asked(folder).values()) >= 120
    assert sum(count - 1 for count in asked(folder).values()) <= 4 * 2 * 3 * 3


def settled(folder: Path) -> None:
    """Wait until what a killed driver left behind asks no more."""
    until = time.monotonic() + 60
    before = -1
    while (now := sum(asked(folder).values())) != before and time.monotonic() < until:
        before = now
        time.sleep(0.5)


def test_a_component_that_a_worker_cannot_make_stops_the_run_with_its_reason(
    tmp_path: Path,
) -> None:
    file = run_file(tmp_path, "scale: {use: local, workers: 1}")
    config = load(file)
    object.__setattr__(config.models["teacher"], "deaths", "many")
    with pytest.raises(DidactError, match=r"a worker stopped: models: .*model.py: deaths: should"):
        pipeline.generate(config, tmp_path / "run")


def test_wrong_keys_of_scale_are_told_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"scale\.wrkers: unknown key; did you mean workers"):
        load(run_file(tmp_path, "scale: {use: local, wrkers: 2, workers: 1}"))
    with pytest.raises(ConfigError, match=r"scale\.use"):
        load(run_file(tmp_path, "scale: {use: dask, workers: 1}"))
