"""A training as a job of Slurm or of a Ray cluster: the script, made from a run file.

The run file stays as it is. The job runs `didact train` on the first machine with what is different
there as overrides (`train.launch`), so that everything a run is holds in a job too: one process
writes the run directory, and the same command goes on where it stopped. What comes from outside
stands in a script quoted for the shell; in `#SBATCH` lines, which no shell reads, only plain words
are let through.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from didact.errors import ConfigError
from didact.launching.launch import Launch
from didact.records import JSON

__all__ = ["Job", "ray_job", "slurm_job"]

_PLAIN = re.compile(r"[A-Za-z0-9_.,:;=%@/+*\[\]-]+")
"""What needs no quotes in a header."""
_NOTICE = 120
"""Seconds before its time is up that a job is told of it."""
_KEEPS = """\
# Before the time is up the job is queued again, which ends the training; its last checkpoint stays.
again() {
    echo "time is up: queued again, to go on from the last checkpoint"
    scontrol requeue "$SLURM_JOB_ID"
    wait "$run"
    exit
}
trap again USR1
"""
_KEEPS_NOT = """\
# {use} keeps no checkpoints: --time must be enough for all of it. A job that Slurm queues again
# (a machine failed, others went first) begins its training anew.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a cluster is asked for, and the command that it runs."""

    name: str
    """Of the run."""
    folder: Path
    """Where the command is run."""
    command: Sequence[str]
    """didact, a stage, a run file, and the overrides of the user."""
    launch: Launch
    """As the run file has it."""
    machines: int
    processes: int
    """Altogether."""
    setup: Sequence[str] = ()
    """Lines of shell before the command, such as ``module load cuda``; they are not quoted."""


def slurm_job(
    job: Job, *, gpus: int, cpus: int | None = None, time: str | None = None,
    options: Sequence[str] = (),
) -> str:  # fmt: skip
    """The script for `sbatch`; ``gpus`` and ``cpus`` are those of a machine."""
    head = [
        f"--job-name={re.sub(r'[^A-Za-z0-9._-]+', '-', job.name)}",
        f"--nodes={job.machines}",
        "--ntasks-per-node=1",
        *([f"--gpus-per-node={gpus}"] if gpus else []),
        *([f"--cpus-per-task={cpus}"] if cpus else []),
        *([f"--time={time}"] if time else []),
        "--output=%x-%j.log",
        "--open-mode=append",
        "--requeue",
        *options,
    ]
    whole = job.launch.use == "ddp"
    if whole:
        head.append(f"--signal=B:USR1@{_NOTICE}")
    for option in head:
        _check_plain(option)
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in head),
        "",
        "# The run directory and the model must be on a file system that all machines share.",
        *_before(job),
        "",
        _KEEPS if whole else _KEEPS_NOT.format(use=job.launch.use),
        # In the background, for a shell hears of signals only when it waits.
        f"{_command(job, 'slurm')} &",
        "run=$!",
        'wait "$run"',
    ]
    return "\n".join(lines) + "\n"


def ray_job(job: Job) -> str:
    """The script that hands the job to a cluster; it is run where the cluster can be reached."""
    inside = "\n".join([*_before(job), f"exec {_command(job, 'ray')}"])
    lines = [
        "#!/bin/bash",
        "# Hands the training to the Ray cluster whose dashboard is at RAY_API_SERVER_ADDRESS.",
        "# Run directory and model must be on a file system that all nodes share, didact at its",
        "# path here on each of them. Run it again to go on from the last checkpoint.",
        "",
        'export RAY_API_SERVER_ADDRESS="${RAY_API_SERVER_ADDRESS:-http://127.0.0.1:8265}"',
        f"exec ray job submit --entrypoint-num-cpus 1 -- bash -c {shlex.quote(inside)}",
    ]
    return "\n".join(lines) + "\n"


def _before(job: Job) -> list[str]:
    return [f"cd {shlex.quote(str(job.folder))} || exit", *job.setup]


def _command(job: Job, on: str) -> str:
    """The command, with what is different on a cluster as one override."""
    launch: dict[str, JSON] = {
        "use": job.launch.use,
        "on": on,
        "machines": job.machines,
        "processes": job.processes,
    }
    kept = {"port": job.launch.port, "offload": job.launch.offload}
    launch |= {name: value for name, value in kept.items() if value}
    if job.launch.config:
        launch["config"] = str(job.launch.config.resolve())
    if on == "slurm" and job.launch.srun:
        launch["srun"] = list(job.launch.srun)
    # JSON is YAML too.
    return shlex.join([*job.command, f"train.launch={json.dumps(launch)}"])


def _check_plain(option: str) -> None:
    if not option.startswith("--") or not _PLAIN.fullmatch(option):
        raise ConfigError(
            f"job: {option!r} cannot stand in an #SBATCH line: an option begins with -- and has"
            " neither spaces nor quotes, as in --qos=high"
        )
