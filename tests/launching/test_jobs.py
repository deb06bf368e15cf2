"""Training on a cluster: the scripts, and that machines that they start make what one makes."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_slurm import slurm
from typer.testing import CliRunner

from didact import pipeline
from didact.cli import app
from didact.errors import ConfigError, DidactError
from didact.launching import launch as launching
from didact.launching import on_ray, on_slurm
from didact.launching.jobs import Job, ray_job, slurm_job
from didact.launching.launch import Launch, command
from didact.runfile import load
from tiny_llama import save

DIDACT = [sys.executable, "-c", "from didact.cli import main; main()"]
NASTY = """it's a "run" $(touch pwned) `touch pwned`; touch pwned & #"""


def job(folder: Path, *, words: list[str] | None = None, **launch: Any) -> Job:
    return Job(
        name="tiny",
        folder=folder,
        command=words or ["echo"],
        launch=Launch(**{"use": "ddp", **launch}),
        machines=2,
        processes=2,
    )


def bash(script: str, *, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash"], input=script, capture_output=True, text=True, check=True, timeout=60, env=env
    )


@pytest.mark.parametrize("make", [lambda made: slurm_job(made, gpus=8), ray_job])
def test_whatever_a_path_holds_no_shell_reads_it(make: Any, tmp_path: Path) -> None:
    """The shell of the script and, for Ray, the one that `ray job submit` hands its words to."""
    folder = tmp_path / NASTY
    folder.mkdir()
    script = make(
        job(folder, words=["python3", "-c", "import os, sys; print(os.getcwd(), sys.argv)", NASTY])
    )
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=60)
    ray = tmp_path / "ray"
    ray.write_text('#!/bin/bash\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    ray.chmod(0o755)
    done = bash(script, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert str(folder) in done.stdout
    assert repr(NASTY) in done.stdout
    assert not list(tmp_path.rglob("pwned"))


def test_a_header_has_what_a_cluster_is_asked_for(tmp_path: Path) -> None:
    options = ["--partition=gpu", "--qos=high"]
    script = slurm_job(job(tmp_path), gpus=8, cpus=16, time="1-0", options=options)
    head = [line.split(" ", 1)[1] for line in script.splitlines() if line.startswith("#SBATCH")]
    assert {
        "--job-name=tiny", "--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=8",
        "--cpus-per-task=16", "--time=1-0", "--partition=gpu", "--qos=high", "--requeue",
        "--signal=B:USR1@120",
    } <= set(head)  # fmt: skip
    assert "gpus" not in slurm_job(job(tmp_path), gpus=0)


@pytest.mark.parametrize("option", ["--a b", "--a=$(b)", "--a='b'", "--a\nb", "qos=high"])
def test_what_cannot_stand_in_a_header_is_refused(option: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot stand in an #SBATCH line"):
        slurm_job(job(tmp_path), gpus=8, options=[option])


def test_a_name_that_no_header_can_hold_is_written_with_what_it_can(tmp_path: Path) -> None:
    made = Job(
        name=NASTY,
        folder=tmp_path,
        command=["x"],
        launch=Launch(use="ddp"),
        machines=1,
        processes=1,
    )
    assert "--job-name=it-s-a-run-touch-pwned-touch-pwned-touch-pwned-" in slurm_job(made, gpus=1)


def test_a_training_without_checkpoints_is_not_begun_again_and_again(tmp_path: Path) -> None:
    script = slurm_job(job(tmp_path, use="fsdp"), gpus=8)
    assert "scontrol requeue" not in script
    assert "fsdp keeps no checkpoints: --time must be enough" in script


def run_file(folder: Path, base: Path | str = "embedded", launch: str = "ddp") -> Path:
    file = folder / "tiny.yaml"
    file.write_text(
        f"""generate: [{{use: microworld, count: 7}}]
train:
  use: sft
  base: {json.dumps(str(base))}
  launch: {launch}
  epochs: 1.4
  batch: 3
  learning_rate: 1.0e-2
  schedule: constant
  warmup: 0.0
  dtype: float32
"""
    )
    return file


def asked(*words: str) -> Any:
    return CliRunner().invoke(app, ["job", *words], catch_exceptions=True)


def test_the_command_writes_a_script_that_trains_the_run_file(tmp_path: Path) -> None:
    file = run_file(tmp_path, launch="{use: fsdp, offload: true}")
    done = asked("slurm", str(file), "train.epochs=2", "--nodes", "4", "--gpus", "8")
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if "train.launch=" in line)
    words = shlex.split(line.removesuffix("&"))
    assert words[1:4] == ["train", str(file), "train.epochs=2"]
    assert json.loads(words[-1].removeprefix("train.launch=")) == {
        "use": "fsdp", "on": "slurm", "machines": 4, "processes": 32, "offload": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["slurm"], "how many processes there are is not known here: say --gpus"),
        (["ray", "--nodes", "2", "--processes", "3"], "3 processes on 2 machines"),
        (["slurm", "--gpus", "8", "--partition", "a b"], "cannot stand in an #SBATCH line"),
    ],
)
def test_what_a_job_lacks_is_told(words: list[str], told: str, tmp_path: Path) -> None:
    done = asked(words[0], str(run_file(tmp_path)), *words[1:])
    assert isinstance(done.exception, ConfigError)
    assert told in str(done.exception)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"machines": 2}, "several machines need `on: slurm` or `on: ray`"),
        ({"on": "ray", "machines": 2, "processes": 3}, "not the same number on each"),
        ({"srun": ("--qos=high",)}, "srun: options of srun need `on: slurm`"),
        ({"on": "slurm", "srun": ("rm",)}, "an option begins with -"),
    ],
)
def test_machines_that_make_no_sense_are_refused(settings: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Launch(use="ddp", **settings)


def test_outside_of_slurm_it_says_where_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate")
    monkeypatch.setattr(launching.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs srun, which is not here.*didact job slurm FILE"):
        launching.processes_of(Launch(use="ddp", on="slurm", machines=2, processes=2))


def test_srun_starts_one_launcher_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "6")
    launch = Launch(use="ddp", on="slurm", machines=3, processes=6, srun=("--qos=high",), port=5)
    words = command(launch, processes=6, folder=tmp_path)
    assert words[:7] == [
        "srun", "--nodes=3", "--ntasks=3", "--ntasks-per-node=1", "--kill-on-bad-exit=1",
        "--cpus-per-task=6", "--qos=high",
    ]  # fmt: skip
    assert words[-2:] == ["didact.launching.on_slurm", str(tmp_path)]
    monkeypatch.setenv("PATH", slurm(tmp_path / "bin")["PATH"])
    step = {"SLURM_PROCID": "2", "SLURM_STEP_NODELIST": "node[1-3]"}
    there = on_slurm._command(tmp_path, step)
    options = dict(zip(there[5::2], there[6::2], strict=False))
    assert options["--machine_rank"] == "2"
    assert options["--num_machines"] == "3"
    assert options["--main_process_ip"] == "127.0.0.1"
    assert options["--main_process_port"] == "5"


def test_a_run_directory_that_a_machine_does_not_see_is_told(tmp_path: Path) -> None:
    step = {"SLURM_PROCID": "0", "SLURM_STEP_NODELIST": "node[1-2]"}
    with pytest.raises(DidactError, match="must be on a file system that all machines share"):
        on_slurm._command(tmp_path / "elsewhere", step)
    with pytest.raises(OSError, match="must be on a file system that all machines share"):
        next(iter(on_ray._launch(["true"], str(tmp_path / "elsewhere"))))


def test_a_job_whose_time_is_nearly_up_is_queued_again_and_goes_on(tmp_path: Path) -> None:
    """Slurm tells the shell of it; what was begun ends, and the same script runs once more."""
    runs, script = tmp_path / "runs", tmp_path / "job.sh"
    twice = 'echo begun >> "$0"; [ $(wc -l < "$0") -ge 2 ] || exec sleep 600'
    words = ["bash", "-c", twice, str(runs)]
    script.write_text(slurm_job(job(tmp_path, words=words), gpus=0))
    env = slurm(tmp_path / "bin")
    with subprocess.Popen(
        ["sbatch", str(script)], env=env, stdout=subprocess.PIPE, text=True
    ) as it:
        log, until = tmp_path / "bin" / "log", time.monotonic() + 60
        # The job has begun, and so its shell listens; its number is written after it was started.
        while time.monotonic() < until and not (
            runs.exists() and log.exists() and log.read_text().endswith("\n")
        ):
            time.sleep(0.05)
        os.kill(int(log.read_text().split()[1]), signal.SIGUSR1)
        told, _ = it.communicate(timeout=60)
    assert it.returncode == 0
    assert "time is up: queued again" in told
    assert runs.read_text() == "begun\n" * 2


def test_nodes_of_a_ray_that_could_never_hold_the_training_are_told() -> None:
    node: dict[str, Any] = {"Alive": True, "Resources": {"CPU": 4, "GPU": 4}}
    dead = {"Alive": False, "Resources": {"CPU": 64, "GPU": 8}}
    ray = SimpleNamespace(nodes=lambda: [node, node, dead])
    told = r"2 machines are to run 8 processes each \(8 CPU and 8 GPU\), .* 2 nodes of this Ray 0"
    with pytest.raises(DidactError, match=told):
        on_ray._machines(ray, {"machines": 2, "each": 8})
    with pytest.raises(DidactError, match="of the 2 nodes of this Ray 2 could"):
        on_ray._machines(ray, {"machines": 3, "each": 4})


def test_a_machine_of_a_ray_passes_on_its_lines_and_its_end(tmp_path: Path) -> None:
    program = "import sys; print('one'); print('two'); sys.stderr.write('wrong'); sys.exit(3)"
    words = [sys.executable, "-c", program, "--machine_rank", "1"]
    assert list(on_ray._launch(words, str(tmp_path))) == ["one\n", "two\n", 3]
    assert (tmp_path / "log-1.txt").read_text() == "wrong"


def test_only_a_step_of_slurm_is_a_machine(tmp_path: Path) -> None:
    with pytest.raises(DidactError, match="on_slurm is for srun to start"):
        on_slurm._command(tmp_path, {})


@contextmanager
def two_nodes() -> Iterator[str]:
    """A Ray of two nodes of one processor each; its address."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray starts workers at the lowest priority, and all that they start has it too.
    os.environ.setdefault("RAY_worker_niceness", "0")
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    for _ in range(3):
        cluster = Cluster()
        try:
            cluster.add_node(**small, include_dashboard=False)
            cluster.add_node(**small)
        except Exception as error:
            cluster.shutdown()
            if "timed out during startup" not in str(error):
                raise
        else:
            break
    else:
        pytest.skip("this machine is too busy for a node of Ray to start in 30 seconds")
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    pytest.importorskip("accelerate")
    return save(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def alone(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained in this process."""
    folder = tmp_path_factory.mktemp("alone")
    file = run_file(folder, base)
    config = load(file, ["train.launch=null"])
    for stage in (pipeline.generate, pipeline.filter, pipeline.train):
        stage(config, folder / "run")
    return folder / "run"


def prepared(folder: Path, base: Path) -> tuple[Path, Path]:
    """A run file, and its run, in a directory of a nasty name, with data to train on."""
    file = run_file(folder, base)
    run = folder / NASTY.replace("/", "")
    config = load(file)
    pipeline.generate(config, run)
    pipeline.filter(config, run)
    return file, run


def trained_alike(run: Path, alone: Path) -> None:
    from safetensors.torch import load_file

    ours, theirs = (
        load_file(one / "train" / "model" / "model.safetensors") for one in (run, alone)
    )
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        assert float((ours[name] - weight).abs().max()) < 1e-3, name
    assert not list(run.parent.rglob("pwned"))
    assert not (run / "train" / "launch").exists()


def script(kind: str, file: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the command writes; didact is started as it can be anywhere."""
    started = run.parent / "didact"
    started.write_text(f'#!/bin/sh\nexec {shlex.join(DIDACT)} "$@"\n')
    started.chmod(0o755)
    monkeypatch.setattr("didact.commands.job._didact", lambda: str(started))
    words = ["--nodes", "2", "--processes", "2", "--gpus", "0", "--out", str(run)]
    done = asked(kind, str(file), *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def done(words: list[str], env: dict[str, str]) -> None:
    env = {**env, "OMP_NUM_THREADS": "1"}
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        env.pop(name, None)
    found = subprocess.run(words, env=env, capture_output=True, text=True, timeout=900)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.train
@pytest.mark.slow
def test_a_slurm_job_of_two_machines_makes_the_model_that_one_process_makes(
    base: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, run = prepared(tmp_path, base)
    env = slurm(tmp_path / "bin")
    job = tmp_path / "job.sh"
    job.write_text(script("slurm", file, run, monkeypatch))
    done(["sbatch", str(job)], env)
    log = (tmp_path / "bin" / "log").read_text()
    assert "('--cpus-per-task', '2')" in log
    assert "('--nodes', '2')" in log
    trained_alike(run, alone)


@pytest.mark.train
@pytest.mark.slow
def test_a_ray_job_of_two_nodes_makes_the_model_that_one_process_makes(
    base: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="needs the extra `scale`")
    file, run = prepared(tmp_path, base)
    # What `ray job submit` does with a job, where there is no dashboard to hand it to.
    ray = tmp_path / "bin" / "ray"
    ray.parent.mkdir()
    ray.write_text('#!/bin/bash\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    ray.chmod(0o755)
    job = tmp_path / "job.sh"
    job.write_text(script("ray", file, run, monkeypatch))
    with two_nodes() as address:
        path = f"{ray.parent}{os.pathsep}{os.environ['PATH']}"
        done(["bash", str(job)], {**os.environ, "PATH": path, "RAY_ADDRESS": address})
    trained_alike(run, alone)
