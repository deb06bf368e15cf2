"""``didact job slurm`` and ``didact job ray``: the training of a run file as a job of a cluster."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from didact.commands.options import File, Out, Overrides, say
from didact.config import RunConfig
from didact.errors import ConfigError
from didact.launching.jobs import Job, ray_job, slurm_job
from didact.launching.launch import Launch
from didact.runfile import load

__all__ = ["job"]

job = typer.Typer(no_args_is_help=True, help="The training of a run file as a job of a cluster.")

Nodes = Annotated[
    int | None, typer.Option(help="Machines; by default `machines` of train.launch, or 1.", min=1)
]
Gpus = Annotated[
    int | None, typer.Option(help="GPUs of a machine, with a process for each; 0: none.", min=0)
]
Processes = Annotated[
    int | None, typer.Option(help="Altogether; by default one for each GPU.", min=1)
]
Stage = Annotated[
    Literal["train", "run"], typer.Option(help="What the job does: train, or all stages.")
]
Setup = Annotated[
    list[str] | None,
    typer.Option(help="A line of shell before it, as often as wanted: 'module load cuda'."),
]


@job.command("slurm")
def job_slurm(
    file: File, overrides: Overrides = None, out: Out = None, nodes: Nodes = None,
    gpus: Gpus = None, processes: Processes = None, stage: Stage = "train", setup: Setup = None,
    cpus: Annotated[int | None, typer.Option(help="Processors of a machine.", min=1)] = None,
    time: Annotated[str | None, typer.Option(help="At most, as sbatch has it: 1-12:00:00.")] = None,
    partition: Annotated[str | None, typer.Option(help="Where it waits.")] = None,
    account: Annotated[str | None, typer.Option(help="Who pays.")] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(help="Any other option of sbatch, as often as wanted: --sbatch=--qos=high."),
    ] = None,
) -> None:  # fmt: skip
    """Write a script for sbatch. It is queued again when its time is up, and goes on."""
    config = load(file, overrides or [], run=out)
    launch = _launch(config)
    each = _gpus_of(launch, nodes, gpus, processes)
    given = {"partition": partition, "account": account}
    options = [f"--{name}={value}" for name, value in given.items() if value]
    made = _job(
        config, file, overrides or [], out=out, stage=stage, setup=setup or [],
        nodes=nodes, processes=processes or (each * _machines(launch, nodes) or None),
    )  # fmt: skip
    text = slurm_job(made, gpus=each, cpus=cpus, time=time, options=[*options, *(sbatch or [])])
    sys.stdout.write(text)
    say("next      write it to a file (> job.sh), read it, sbatch job.sh")


@job.command("ray")
def job_ray(
    file: File, overrides: Overrides = None, out: Out = None, nodes: Nodes = None,
    gpus: Gpus = None, processes: Processes = None, stage: Stage = "train", setup: Setup = None,
) -> None:  # fmt: skip
    """Write a script that hands the training to a Ray cluster (`ray job submit`)."""
    config = load(file, overrides or [], run=out)
    launch = _launch(config)
    each = _gpus_of(launch, nodes, gpus, processes)
    made = _job(
        config, file, overrides or [], out=out, stage=stage, setup=setup or [],
        nodes=nodes, processes=processes or (each * _machines(launch, nodes) or None),
    )  # fmt: skip
    sys.stdout.write(ray_job(made))
    say("next      write it to a file (> job.sh), read it, bash job.sh")


def _launch(config: RunConfig) -> Launch:
    if config.train is None:
        raise ConfigError("train: the run file has no train stage")
    return config.train.launch or Launch(use="ddp")


def _machines(launch: Launch, nodes: int | None) -> int:
    return nodes or launch.machines


def _gpus_of(launch: Launch, nodes: int | None, gpus: int | None, processes: int | None) -> int:
    """GPUs of a machine: as said, or one for each process of it."""
    if gpus is not None:
        return gpus
    return (processes or launch.processes or 0) // _machines(launch, nodes)


def _job(
    config: RunConfig, file: Path, overrides: list[str], *, out: Path | None, stage: str,
    setup: list[str], nodes: int | None, processes: int | None,
) -> Job:  # fmt: skip
    launch = _launch(config)
    machines = _machines(launch, nodes)
    processes = processes or launch.processes
    if processes is None:
        raise ConfigError(
            "job: how many processes there are is not known here: say --gpus (of a machine; a"
            " process for each), or --processes (altogether)"
        )
    if processes % machines:
        raise ConfigError(
            f"job: {processes} processes on {machines} machines is not the same number on each"
        )
    run = (out or Path("out") / config.name).resolve()
    words = [_didact(), stage, str(file.resolve()), *overrides, "--out", str(run)]
    return Job(
        name=config.name,
        folder=Path.cwd(),
        command=words,
        launch=launch,
        machines=machines,
        processes=processes,
        setup=setup,
    )


def _didact() -> str:
    """The command as it is here: a cluster has it at the same path."""
    beside = Path(sys.executable).with_name("didact")
    return str(beside) if beside.is_file() else (shutil.which("didact") or "didact")
