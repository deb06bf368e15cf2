"""``train: {launch: ddp}``: the same training by several processes, started by accelerate.

``ddp`` keeps the whole model in every process and splits each step's rows: the same steps as one
process takes. ``fsdp`` (version 2 of it) and ``zero3`` (DeepSpeed) also split weights, gradients
and optimizer, for models that do not fit into one GPU. With ``on: slurm`` or ``on: ray`` the
processes are on several machines, and the run stays where it was started: it writes what they need
into its directory, which all of them must see, has one launcher started on each, and listens.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from didact.components import Problem, build
from didact.errors import ConfigError
from didact.records import JSON, operational

__all__ = [
    "PLAN",
    "Launch",
    "accelerate",
    "command",
    "configuration",
    "machine",
    "processes_of",
    "read",
]

Way = Literal["ddp", "fsdp", "zero3"]
Where = Literal["here", "slurm", "ray"]
PLAN = "machines.json"
"""In the folder of the job: what a machine needs to know before it starts accelerate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How many processes train, and what they share."""

    use: Way
    """ddp: every process holds the model; fsdp, zero3: each holds a part of it."""
    processes: int | None = operational(None)
    """Altogether; by default one for each GPU of this machine."""
    on: Where = operational("here")  # noqa: RUF009
    """here: this machine; slurm: srun starts them, in the allocation or in one that it asks for;
    ray: the nodes of a Ray cluster."""
    machines: int = operational(1)
    """How many machines take part, with as many processes each."""
    address: str = operational("auto")
    """ray: of the cluster; ``auto`` finds the one that this machine belongs to."""
    port: int = operational(0)
    """Where the processes meet, on the first machine; 0 finds a free one."""
    srun: tuple[str, ...] = operational(())
    """slurm: further options of srun, such as ``--gpus-per-node=8``."""
    offload: bool = operational(False)
    """fsdp, zero3: weights and optimizer wait in the CPU's memory."""
    config: Path | None = operational(None)  # noqa: RUF009
    """An accelerate configuration of your own, in place of the ready one."""

    def __post_init__(self) -> None:
        for name in ("processes", "machines"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1, not {value}")
        if self.on == "here" and self.machines > 1:
            raise ConfigError("several machines need `on: slurm` or `on: ray`, which start them")
        if self.processes is not None and self.processes % self.machines:
            raise ConfigError(
                f"{self.processes} processes on {self.machines} machines is not the same number on"
                " each; processes is how many there are altogether"
            )
        if self.srun and self.on != "slurm":
            raise ConfigError("srun: options of srun need `on: slurm`")
        if bad := [word for word in self.srun if not word.startswith("-")]:
            raise ConfigError(f"srun: an option begins with - and holds its value: not {bad[0]!r}")


def read(entry: object, folder: Path) -> tuple[Launch | None, list[Problem]]:
    """What a run file says under ``train.launch``: a word, or ``use`` and settings."""
    if entry is None:
        return None, []
    settings = {"use": entry} if isinstance(entry, str) else entry
    if not isinstance(settings, dict):
        told = f"ddp, fsdp or zero3, or settings with `use`, not {entry!r}"
        return None, [Problem((), told)]
    return build(Launch, cast("dict[str, JSON]", settings), folder=folder)


def configuration(launch: Launch, *, processes: int, port: int) -> dict[str, Any]:
    """The accelerate configuration of a launch."""
    found: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "debug": False,
        # Without a GPU too: accelerate's own word for that, MULTI_CPU, starts one process only
        # unless there is MPI. torch's launcher is meant, and the trainer says where it computes.
        "distributed_type": {"fsdp": "FSDP", "zero3": "DEEPSPEED"}.get(
            launch.use, "MULTI_GPU" if processes > 1 else "NO"
        ),
        "downcast_bf16": "no",
        "enable_cpu_affinity": False,
        # On several machines each says which it is, and where they meet, on its command line.
        "machine_rank": 0,
        "main_process_ip": "127.0.0.1",
        "main_process_port": port,
        "main_training_function": "main",
        # The trainer says what it computes in.
        "mixed_precision": "no",
        "num_machines": launch.machines,
        "num_processes": processes,
        "rdzv_backend": "static",
        "same_network": True,
        "use_cpu": False,
    }
    if launch.use == "fsdp":
        found["fsdp_config"] = {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_reshard_after_forward": True,
            "fsdp_cpu_ram_efficient_loading": False,
            "fsdp_offload_params": launch.offload,
            "fsdp_state_dict_type": "FULL_STATE_DICT",
        }
    if launch.use == "zero3":
        where = "cpu" if launch.offload else "none"
        found["deepspeed_config"] = {
            "zero_stage": 3,
            "zero3_init_flag": False,
            "zero3_save_16bit_model": True,
            "offload_optimizer_device": where,
            "offload_param_device": where,
            "gradient_accumulation_steps": "auto",
            "deepspeed_multinode_launcher": "standard",
        }
    return found


def processes_of(launch: Launch) -> int:
    """How many processes train altogether; a ConfigError where that is not known or too many."""
    if find_spec("accelerate") is None:
        raise ConfigError("train.launch needs accelerate: pip install didact[train]")
    if launch.use == "zero3" and find_spec("deepspeed") is None:
        raise ConfigError("train.launch: zero3 needs deepspeed: pip install deepspeed")
    if launch.on != "here":
        return _elsewhere(launch)
    gpus = _gpus()
    if launch.use != "ddp" and not gpus:
        # accelerate would keep the whole model in every process of a CPU and say nothing.
        raise ConfigError(f"train.launch: {launch.use} splits a model over GPUs, and none is here")
    processes = launch.processes or gpus
    if not processes:
        raise ConfigError(
            "train.launch: there is no GPU here, so say how many processes:"
            f" launch: {{use: {launch.use}, processes: 2}}"
        )
    if gpus and processes > gpus:
        raise ConfigError(
            f"train.launch: {processes} processes on this machine, which has {gpus} GPUs"
        )
    return processes


def _elsewhere(launch: Launch) -> int:
    """What the machines have is theirs to know; they check it when they start."""
    if launch.on == "slurm" and shutil.which("srun") is None:
        raise ConfigError(
            "train.launch: on: slurm needs srun, which is not here. Run on a machine of the cluster"
            " (`didact job slurm FILE` writes a job for it)"
        )
    if launch.on == "ray" and find_spec("ray") is None:
        raise ConfigError("train.launch: ray is not installed: pip install 'didact[scale]'")
    processes = launch.processes or _gpus() * launch.machines
    if not processes:
        raise ConfigError(
            "train.launch: this machine has no GPU, and how many the others have is not known here:"
            " say how many processes there are altogether (train.launch.processes)"
        )
    return processes


def command(launch: Launch, *, processes: int, folder: Path) -> list[str]:
    """What starts the worker of the job in ``folder`` in every process; its settings go there."""
    file = launch.config
    if file is None:
        file = folder / "accelerate.yaml"
        found = configuration(launch, processes=processes, port=launch.port or _free_port())
        file.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
    if launch.on == "here":
        return accelerate(file, folder)
    plan = {
        "config": str(file.resolve()),
        "machines": launch.machines,
        "each": processes // launch.machines,
        "address": launch.address,
        # On Slurm this is most often the first machine; on Ray the first one finds its own.
        "port": launch.port or (_free_port() if launch.on == "slurm" else 0),
    }
    (folder / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    start = [sys.executable, "-m", f"didact.launching.on_{launch.on}", str(folder.resolve())]
    return start if launch.on == "ray" else [*_srun(launch), *start]


def accelerate(config: Path, folder: Path, *more: str) -> list[str]:
    """Accelerate's launcher on one machine, ``more`` being options before what it starts."""
    start = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    return [*start, *more, "--module", "didact.launching.worker", str(folder)]


def machine(plan: Mapping[str, Any], folder: Path, *, rank: int, address: str) -> list[str]:
    """The same on the machine of a rank; they meet at ``address``, at the port of the plan."""
    config = Path(plan["config"])
    if plan["machines"] == 1:
        return accelerate(config, folder, "--main_process_port", "0")
    which = ["--machine_rank", str(rank), "--num_machines", str(plan["machines"])]
    where = ["--main_process_ip", address, "--main_process_port", str(plan["port"])]
    return accelerate(config, folder, *which, *where)


def _srun(launch: Launch) -> list[str]:
    """One launcher a machine; all end when one fails."""
    found = ["srun", f"--nodes={launch.machines}", f"--ntasks={launch.machines}"]
    found += ["--ntasks-per-node=1", "--kill-on-bad-exit=1"]
    if cpus := os.environ.get("SLURM_CPUS_PER_TASK"):
        # Since 22.05 a step has one processor a task, whatever the job has.
        found.append(f"--cpus-per-task={cpus}")
    return [*found, *launch.srun]


def _gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
