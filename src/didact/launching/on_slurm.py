"""One machine of a training on Slurm: ``python -m didact.launching.on_slurm FOLDER``, by srun.

srun starts it once on each machine. Which of them this is, and which is the first, is in what Slurm
says to a step; it becomes accelerate's launcher of this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from didact.errors import DidactError
from didact.launching.launch import PLAN, machine

__all__ = ["main"]


def main(folder: Path) -> None:
    """Become the launcher."""
    try:
        command = _command(folder, os.environ)
    except DidactError as error:
        # The run shows the last line that names an error.
        sys.exit(f"DidactError: {error}")
    os.execv(command[0], command)


def _command(folder: Path, env: Mapping[str, str]) -> list[str]:
    if "SLURM_PROCID" not in env:
        raise DidactError("on_slurm is for srun to start, and this is no step of Slurm")
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DidactError(
            f"{folder} is not on {os.uname().nodename}: the run directory must be on a file system"
            " that all machines share"
        ) from error
    address = "127.0.0.1" if plan["machines"] == 1 else _first(env)
    return machine(plan, folder, rank=int(env["SLURM_PROCID"]), address=address)


def _first(env: Mapping[str, str]) -> str:
    """The machine of rank 0: Slurm gives out ranks in the order of the list."""
    nodes = env.get("SLURM_STEP_NODELIST") or env.get("SLURM_JOB_NODELIST", "")
    told = subprocess.run(
        ["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=False
    )
    if told.returncode or not told.stdout.split():
        raise DidactError(
            f"scontrol does not tell the machines of {nodes!r}: {told.stderr.strip()}"
        )
    return told.stdout.split()[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
