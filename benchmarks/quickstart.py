"""The quickstart, stage by stage: seconds and the most memory that was resident.

    python benchmarks/quickstart.py [--seed 0] [--out FOLDER] [KEY=VALUE ...]

The loop runs in a process of its own, as ``didact quickstart`` does. Every 20 ms the resident
memory of that process and of all it started is read from /proc (Linux only) and counted for the
stage under way; ``files`` is the part of the peak that is mapped files, most of it the code of
torch. A second run in the same folder measures the replay. Settings given as KEY=VALUE go to the
run file: ``generate.0.target=60`` makes a trial.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.02
BARS = {"seconds": 300, "MiB": 2560, "again": 10}


class Sample(NamedTuple):
    at: float
    resident: int
    """Bytes, of the whole process tree."""
    files: int


class Stage(NamedTuple):
    name: str
    start: float


def tree(root: int) -> Iterator[int]:
    """The process and everything it started."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from tree(int(child))


def sample(root: int) -> Sample:
    resident = files = 0
    try:
        for process in tree(root):
            _, pages, shared, *_ = Path(f"/proc/{process}/statm").read_text().split()
            resident += int(pages) * PAGE
            files += int(shared) * PAGE
    except OSError:  # a process of the tree has just ended
        pass
    return Sample(time.monotonic(), resident, files)


def measured(out: Path, seed: int, overrides: list[str]) -> tuple[list[Stage], list[Sample]]:
    """Run the loop; when each stage began, the samples, and the end as a last stage."""
    command = [sys.executable, __file__, "--loop", "--out", str(out), "--seed", str(seed)]
    stages = [Stage("imports", time.monotonic())]
    process = subprocess.Popen([*command, *overrides], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None

    def listen() -> None:
        for line in process.stdout or ():
            stages.append(Stage(**json.loads(line)))

    listener = Thread(target=listen)
    listener.start()
    samples: list[Sample] = []
    while process.poll() is None:
        samples.append(sample(process.pid))
        time.sleep(EVERY)
    listener.join()
    if process.returncode:
        sys.exit(f"the loop failed with exit code {process.returncode}")
    return [*stages, Stage("end", time.monotonic())], samples


def loop(out: Path, seed: int, overrides: list[str]) -> None:
    """The loop itself, which tells on standard output when a stage begins."""
    from didact.quickstart import quickstart

    runs = iter(("self-instruct", "self-instruct", *["human"] * 3, *["self-instruct"] * 2))
    done = 0

    def tell(name: str) -> None:
        print(json.dumps({"name": name, "start": time.monotonic()}), flush=True)

    def heard(event: str, fields: Mapping[str, object]) -> None:
        nonlocal done
        if event != "stage":
            return
        if fields["state"] in ("start", "skipped"):
            tell(f"{next(runs)}: {fields['stage']}")
        done += fields["state"] in ("done", "skipped")
        if done == 7 and fields["state"] in ("done", "skipped"):
            tell("audit, report")

    quickstart(out, seed=seed, overrides=overrides, on_event=heard)


def report(title: str, stages: list[Stage], samples: list[Sample]) -> tuple[float, float]:
    print(title)
    for stage, after in pairwise(stages):
        within = [one for one in samples if stage.start <= one.at < after.start]
        peak = max(within, key=lambda one: one.resident, default=Sample(0, 0, 0))
        print(
            f"  {stage.name:28} {after.start - stage.start:7.1f} s {peak.resident >> 20:6} MiB"
            f"  (files {peak.files >> 20})"
        )
    seconds = stages[-1].start - stages[0].start
    peak = max(one.resident for one in samples) / 2**20
    print(f"  {'whole':28} {seconds:7.1f} s {peak:6.0f} MiB")
    return seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="kept afterwards; by default a temporary folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    options = parser.parse_args()
    if options.loop:
        loop(options.out, options.seed, options.overrides)
        return
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder, "run")
        first = report("first run", *measured(out, options.seed, options.overrides))
        again = report("again", *measured(out, options.seed, options.overrides))
    print(
        f"bars: {BARS['seconds']} s and {BARS['MiB']} MiB (here {first[0]:.0f} s,"
        f" {first[1]:.0f} MiB), again {BARS['again']} s (here {again[0]:.1f} s)"
    )


if __name__ == "__main__":
    main()
