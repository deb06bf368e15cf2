"""The machines of a training on Ray: ``python -m didact.launching.on_ray FOLDER``, by the run.

A placement group sets aside the same on as many different nodes as there are machines, all or none
of them; a task on each runs accelerate's launcher, and what the first one tells is passed on. The
nodes need didact at the same path and the run directory; when this process ends, Ray ends the tasks
and they their launchers. Nothing of Ray's own training library is used.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from didact.errors import DidactError
from didact.launching.launch import PLAN, machine

__all__ = ["main"]

_PATIENCE = 30.0
"""Seconds between two notes that machines are still waited for."""


def main(folder: Path) -> None:
    """Train on the nodes of a cluster, to the end of all of them or the first failure."""
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray: Any = import_module("ray")
    try:
        _join(ray, plan["address"])
        group = _machines(ray, plan)
        code = _train(ray, group, plan, folder)
    except DidactError as error:
        # The run shows the last line that names an error.
        sys.exit(f"DidactError: {error}")
    # Not by the ordinary way: threads may still wait for tasks, which end with this process.
    sys.stderr.flush()
    os._exit(code)


def _join(ray: Any, address: str) -> None:  # noqa: ANN401 - Ray's module
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise DidactError(
            f"train.launch: no Ray at {address} ({error}). Start one with `ray start --head`, and"
            " say where: train.launch.address"
        ) from error


def _machines(ray: Any, plan: Mapping[str, Any]) -> Any:  # noqa: ANN401 - Ray's module and group
    """As many different nodes as there are machines, set aside for this training."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    bundle: dict[str, float] = {"CPU": plan["each"]}
    if any(node.get("GPU") for node in nodes):
        bundle["GPU"] = plan["each"]
    able = sum(all(node.get(k, 0) >= n for k, n in bundle.items()) for node in nodes)
    if able < plan["machines"]:
        wanted = " and ".join(f"{n} {name}" for name, n in bundle.items())
        raise DidactError(
            f"train.launch: {plan['machines']} machines are to run {plan['each']} processes each"
            f" ({wanted}), and of the {len(nodes)} nodes of this Ray {able} could"
        )
    placing: Any = import_module("ray.util.placement_group")
    group = placing.placement_group([bundle] * plan["machines"], strategy="STRICT_SPREAD")
    while not group.wait(_PATIENCE):
        _say('didact-event {"event": "waiting", "message": "for machines of the Ray cluster"}\n')
    return group


def _train(ray: Any, group: Any, plan: Mapping[str, Any], folder: Path) -> int:  # noqa: ANN401
    strategies: Any = import_module("ray.util.scheduling_strategies")

    def on(number: int, task: Any, **more: Any) -> Any:  # noqa: ANN401
        there = strategies.PlacementGroupSchedulingStrategy(
            placement_group=group, placement_group_bundle_index=number
        )
        remote = ray.remote(max_retries=0, scheduling_strategy=there, **more)(task)
        return remote.remote

    address, port = ray.get(on(0, _meet, num_cpus=0)())
    there = {**plan, "port": plan["port"] or port}
    needs = {"num_cpus": plan["each"], "num_gpus": group.bundle_specs[0].get("GPU", 0)}
    ended: queue.Queue[tuple[int, object]] = queue.Queue()
    for number in range(plan["machines"]):
        command = machine(there, folder, rank=number, address=address)
        lines = on(number, _launch, num_returns="streaming", **needs)(command, str(folder))
        hear = threading.Thread(target=_hear, args=(ray, lines, number, ended), daemon=True)
        hear.start()
    for _ in range(plan["machines"]):
        number, code = ended.get()
        if code != 0:
            sys.stderr.write(f"RuntimeError: machine {number} ended: {code}\n")
            return 1
    return 0


def _hear(ray: Any, lines: Any, number: int, ended: queue.Queue[tuple[int, object]]) -> None:  # noqa: ANN401
    """Pass on what a launcher says until it has ended; its last word is its exit status."""
    code: object = "it said nothing"
    try:
        for line in lines:
            told = ray.get(line)
            if isinstance(told, int):
                code = told
            elif number == 0:
                _say(told)
    except (ray.exceptions.RayError, OSError) as error:
        code = f"{type(error).__name__}: {str(error).strip().splitlines()[-1:]}"
    ended.put((number, code))


def _say(text: str) -> None:
    """To the run, which reads what this process writes."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _meet() -> tuple[str, int]:
    """The address of a node among the others, and a free port on it."""
    ray: Any = import_module("ray")
    with socket.socket() as probe:
        probe.bind(("", 0))
        return ray.util.get_node_ip_address(), int(probe.getsockname()[1])


def _launch(command: Sequence[str], folder: str) -> Iterator[str | int]:
    """The lines of a launcher, and its exit status; what went wrong is in the log of the job."""
    if not Path(folder).is_dir():
        raise OSError(
            f"{folder} is not on {os.uname().nodename}: the run directory must be on a file system"
            " that all machines share"
        )
    rank = command[command.index("--machine_rank") + 1] if "--machine_rank" in command else "0"
    with (
        Path(folder, f"log-{rank}.txt").open("wb") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=_end_with_parent
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:  # noqa: UP028 - Ray sends to what it iterates, a file takes none
            yield line
        yield process.wait()


def _end_with_parent() -> None:
    """Ray kills the process of a task, not what that has started: the system is to tell it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


if __name__ == "__main__":
    # By its name, so that Ray sends the tasks by theirs.
    import_module("didact.launching.on_ray").main(Path(sys.argv[1]))
