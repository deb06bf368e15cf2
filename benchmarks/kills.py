"""Kill -9 the quickstart's generate, filter and evaluate at random moments, and run them again.

    python benchmarks/kills.py --kills 100

Prints how many calls were asked again although they were in the log at a kill (none may be), and
whether the finished run replays to the same bytes without a call.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

STAGES = """
import sys
from pathlib import Path
from didact import load, generate, filter, evaluate
config = load(Path(sys.argv[1]))
run = Path(sys.argv[2])
for stage in (generate, filter, evaluate):
    stage(config, run)
"""
CHANGES = {"target: 600": "target: 60", "models: [base, trained, copy]": "models: [teacher, copy]"}


def logged(run: Path) -> dict[str, int]:
    """Keys in the call log with their row numbers."""
    if not (run / "calls.db").exists():
        return {}
    with sqlite3.connect(f"file:{run / 'calls.db'}?mode=ro", uri=True) as connection:
        try:
            return dict(connection.execute("select key, number from calls"))
        except sqlite3.OperationalError:
            return {}


def content(run: Path) -> dict[str, str]:
    return {
        str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(run.rglob("*.parquet"))
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("out/kills"))
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    text = (files("didact") / "embedded" / "quickstart.yaml").read_text(encoding="utf-8")
    for old, new in CHANGES.items():
        assert old in text, old
        text = text.replace(old, new)
    file, run = options.out / "kills.yaml", options.out / "run"
    file.write_text(
        text.replace("train:\n  use: sft\n  base: embedded\n", "").replace(
            "  epochs: 3\n  learning_rate: 5.0e-4\n", ""
        )
    )
    command = [sys.executable, "-c", STAGES, str(file), str(run)]
    rng = random.Random(0)
    seconds, kills, asked_again = 8.0, 0, 0
    known: dict[str, int] = {}
    while kills < options.kills:
        start = time.time()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            # An import takes some seconds: most kills are to come after it.
            process.wait(rng.uniform(0.3, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        now = logged(run)
        # A call asked again would take the place of its row or come as a second one.
        asked_again += sum(now.get(key) != number for key, number in known.items())
        known = now
        done = (run / "evaluate" / "stage.json").exists()
        if done and kills < options.kills:
            seconds = max(3.0, min(seconds, time.time() - start))
            for stage in ("generate", "filter", "evaluate"):
                shutil.rmtree(run / stage, ignore_errors=True)
    subprocess.run(command, check=True)
    first = content(run)
    calls = len(logged(run))
    for stage in ("generate", "filter", "evaluate"):
        shutil.rmtree(run / stage)
    subprocess.run(command, check=True)
    print(f"{kills} kills, {calls} calls in the log")
    print(f"calls asked again that were in the log at a kill: {asked_again}")
    print(f"calls made by the replay: {len(logged(run)) - calls}")
    print(f"the replay gives the same bytes: {content(run) == first}")


if __name__ == "__main__":
    main()
