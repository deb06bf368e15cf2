"""``train: {launch: ddp}``: the same training by several processes, started by accelerate.

``ddp`` keeps the whole model in every process and splits each step's rows: the same steps as one
process takes. ``fsdp`` (version 2 of it) and ``zero3`` (DeepSpeed) also split weights, gradients
and optimizer, for models that do not fit into one GPU. What is started is one command and one job
file, so that whatever starts commands elsewhere can start this one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from didact.components import Problem, build
from didact.errors import ConfigError
from didact.records import JSON, operational

__all__ = ["Launch", "command", "configuration", "processes_of", "read"]

Way = Literal["ddp", "fsdp", "zero3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How many processes train, and what they share."""

    use: Way
    """ddp: every process holds the model; fsdp, zero3: each holds a part of it."""
    processes: int | None = operational(None)
    """Altogether; by default one for each GPU of this machine."""
    machines: int = operational(1)
    """How many machines take part; the same command runs on each, told apart by ``rank``."""
    rank: int = operational(0)
    """Which of the machines this is, from 0."""
    address: str = operational("127.0.0.1")
    """Of the machine of rank 0."""
    port: int = operational(0)
    """Where they meet on it; 0 finds a free one, on a single machine."""
    offload: bool = operational(False)
    """fsdp, zero3: weights and optimizer wait in the CPU's memory."""
    config: Path | None = operational(None)  # noqa: RUF009
    """An accelerate configuration of your own, in place of the ready one."""

    def __post_init__(self) -> None:
        for name in ("processes", "machines"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1, not {value}")
        if not 0 <= self.rank < self.machines:
            raise ConfigError(f"rank must be at least 0 and below machines, not {self.rank}")
        if self.machines > 1 and (not self.port or self.processes is None):
            raise ConfigError("several machines need processes (altogether), address and port")


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
        "machine_rank": launch.rank,
        "main_process_ip": launch.address,
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
    each = processes // launch.machines
    if gpus and each > gpus:
        raise ConfigError(f"train.launch: {each} processes on this machine, which has {gpus} GPUs")
    return processes


def command(
    launch: Launch, module: str, arguments: Sequence[str], *, processes: int, folder: Path
) -> list[str]:
    """What starts ``python -m module`` in every process; its configuration goes to ``folder``."""
    file = launch.config
    if file is None:
        file = folder / "accelerate.yaml"
        port = launch.port or _free_port()
        found = configuration(launch, processes=processes, port=port)
        file.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
    start = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(file)]
    return [*start, "--module", module, *arguments]


def _gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
