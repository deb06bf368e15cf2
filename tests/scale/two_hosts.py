"""Two hosts on one machine, network namespaces joined by a cable, and a Ray cluster of both.

Needs root, `ip` and Ray. Each host has one CPU for Ray, so that two shards at once are on both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RAY = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]


def missing() -> str | None:
    """Why there can be no two hosts here."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "needs root and ip"
    made = subprocess.run(["ip", "netns", "add", "didact-try"], capture_output=True, check=False)
    if made.returncode:
        return "no network namespaces here"
    subprocess.run(["ip", "netns", "del", "didact-try"], check=False)
    return None


@contextmanager
def cluster() -> Iterator[tuple[list[str], str, dict[str, str]]]:
    """How a command is run on the first host, the address of the Ray, and its environment."""
    mark = str(os.getpid())
    hosts = [f"didact-{mark}-{n}" for n in (1, 2)]
    ends = [f"d{mark}n{n}"[-15:] for n in (1, 2)]
    # Sockets lie under it, whose paths may be short only.
    folder = Path(tempfile.mkdtemp(prefix="two", dir="/tmp"))
    env = os.environ | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "RAY_AUTH_MODE": "disabled",
        "OMP_NUM_THREADS": "1",
    }
    running: list[subprocess.Popen[bytes]] = []
    try:
        _run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for host, end, number in zip(hosts, ends, (1, 2), strict=True):
            _run("ip", "netns", "add", host)
            _run("ip", "link", "set", end, "netns", host)
            on = ["ip", "netns", "exec", host, "ip"]
            _run(*on, "addr", "add", f"10.77.7.{number}/24", "dev", end)
            _run(*on, "link", "set", end, "up")
            _run(*on, "link", "set", "lo", "up")
        address = "10.77.7.1:6399"
        common = ["--num-cpus=1", "--object-store-memory=100000000", "--block"]
        start = [*RAY, "start", *common, "--disable-usage-stats"]
        head = ["--head", "--port=6399", "--node-ip-address=10.77.7.1", "--include-dashboard=false"]
        head.append(f"--temp-dir={folder / 'a'}")
        joined = [f"--address={address}", "--node-ip-address=10.77.7.2"]
        with (folder / "log").open("wb") as log:
            for host, own in zip(hosts, (head, joined), strict=True):
                command = ["ip", "netns", "exec", host, *start, *own]
                running.append(
                    subprocess.Popen(
                        command, stdout=log, stderr=log, env=env, start_new_session=True
                    )
                )
                if own is head:
                    _wait(hosts[0], "10.77.7.1", 6399, folder / "log", running[0])
        yield ["ip", "netns", "exec", hosts[0]], address, env
    finally:
        for process in running:
            try:
                os.killpg(process.pid, 15)
                process.wait(20)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                process.kill()
                process.wait()
        for host in hosts:
            # Whatever Ray left behind in it.
            found = subprocess.run(
                ["ip", "netns", "pids", host], capture_output=True, text=True, check=False
            )
            for pid in found.stdout.split():
                subprocess.run(["kill", "-9", pid], check=False, stderr=subprocess.DEVNULL)
            subprocess.run(["ip", "netns", "del", host], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _wait(host: str, address: str, port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
    code = f"import socket; socket.create_connection(('{address}', {port}), 2).close()"
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        tried = ["ip", "netns", "exec", host, sys.executable, "-c", code]
        if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.5)
    raise RuntimeError(f"no Ray came up: {log.read_text(errors='replace')[-2000:]}")
