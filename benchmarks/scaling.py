"""What it costs to do a run's work elsewhere: Ray against processes of this machine, and two hosts.

    python benchmarks/scaling.py [--part overhead|hosts|join] [--target 1200] [--size 1000000]

- overhead: the generate stage of the quickstart, with ``--target`` instructions, on two workers,
  once as processes of this machine and once on a Ray that is started for it, start-up included.
- hosts: the generate and filter stages of the quickstart on a Ray cluster of two hosts, which are
  network namespaces of this machine; needs root.

Both are held against the same stages in one process, byte for byte.

- join: novelty of ``--size`` instructions into a growing pool, by one process and with two workers;
  every verdict and its evidence are compared (``joining.py``).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "scale"))

FILE = Path(str(files("didact") / "embedded" / "quickstart.yaml"))
DIDACT = [sys.executable, "-c", "from didact.cli import main; main()"]


def made(folder: Path, stages: tuple[str, ...], *settings: str, on=(), env=None) -> float:
    start = time.perf_counter()
    for stage in stages:
        command = [*DIDACT, stage, str(FILE), *settings, "--quiet", "--out", str(folder)]
        subprocess.run([*on, *command], check=True, env=env)
    return time.perf_counter() - start


def same(one: Path, other: Path) -> bool:
    found = sorted(file.relative_to(one) for file in one.rglob("*.parquet"))
    return bool(found) and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in found
    )


def overhead(folder: Path, target: int) -> None:
    wanted = f"generate.0.target={target}"
    seconds = {}
    for name, settings in (
        ("one process", ()),
        ("two processes", ("scale.use=local", "scale.workers=2")),
        ("ray, two workers", ("scale.use=ray", "scale.workers=2")),
    ):
        seconds[name] = made(folder / name, ("generate",), wanted, *settings)
        print(f"{name:18} {seconds[name]:6.1f} s", flush=True)
        assert same(folder / "one process", folder / name)
    print(f"ray has {seconds['two processes'] / seconds['ray, two workers']:.2f} of the throughput")


def hosts(folder: Path) -> None:
    from two_hosts import cluster, missing

    if reason := missing():
        print(f"no two hosts: {reason}")
        return
    stages = ("generate", "filter")
    alone = made(folder / "alone", stages)
    with cluster() as (on_first, address, env):
        scale = ("scale.use=ray", "scale.workers=2", f"scale.address={address}")
        both = made(folder / "both", stages, *scale, on=on_first, env=env)
    assert same(folder / "alone", folder / "both")
    print(f"one process {alone:.1f} s, two hosts of one CPU each {both:.1f} s, the same bytes")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", action="append", choices=["overhead", "hosts", "join"])
    parser.add_argument("--target", type=int, default=1200)
    parser.add_argument("--size", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if "overhead" in (options.part or ["overhead"]):
            overhead(Path(name), options.target)
        if "hosts" in (options.part or ["hosts"]):
            hosts(Path(name))
    if "join" in (options.part or ["join"]):
        joining = Path(__file__).with_name("joining.py")
        subprocess.run([sys.executable, joining, "--size", str(options.size)], check=True)


if __name__ == "__main__":
    main()
