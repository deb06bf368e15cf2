"""A Slurm of this machine: sbatch, srun and scontrol, whose nodes are processes.

Not what Slurm does, but what it is told and tells: options in the header and on the command line
that it does not know are refused, each task has the variables of a step, one that fails ends the
others, and a job that is queued again is run again.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

_SRUN = """
import os, subprocess, sys
words = sys.argv[1:]
options = {}
while words and words[0].startswith("--"):
    name, _, value = words.pop(0).partition("=")
    options[name] = value
known = {"--nodes", "--ntasks", "--ntasks-per-node", "--kill-on-bad-exit", "--cpus-per-task",
         "--gpus-per-node"}
if set(options) - known:
    sys.exit(f"srun: unrecognized option {set(options) - known}")
count = int(options["--nodes"])
assert options["--ntasks"] == str(count) and options["--ntasks-per-node"] == "1"
with open(os.environ["FAKE_SLURM_LOG"], "a") as log:
    log.write(f"srun {sorted(options.items())}\\n")
tasks = []
for rank in range(count):
    own = {"SLURM_PROCID": str(rank), "SLURM_NODEID": str(rank), "SLURM_LOCALID": "0",
           "SLURM_STEP_NODELIST": f"node[1-{count}]"}
    tasks.append(subprocess.Popen(words, env={**os.environ, **own}))
code = 0
left = list(tasks)
while left:
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    for task in list(left):
        if task.poll() is not None:
            left.remove(task)
            if task.returncode:
                code = code or abs(task.returncode)
                for other in left:
                    other.terminate()
sys.exit(code)
"""

_SCONTROL = """
import os, signal, sys
if sys.argv[1:3] == ["show", "hostnames"]:
    count = int(sys.argv[3].removeprefix("node[1-").removesuffix("]"))
    print("127.0.0.1\\n" * count, end="")
elif sys.argv[1] == "requeue":
    open(os.path.join(os.environ["FAKE_SLURM"], "again"), "w").close()
    os.killpg(os.getpgrp(), signal.SIGTERM)
else:
    sys.exit(f"scontrol: invalid keyword: {sys.argv[1:]}")
"""

_SBATCH = """
import os, pathlib, re, subprocess, sys
script = pathlib.Path(sys.argv[1])
known = {"job-name", "nodes", "ntasks-per-node", "gpus-per-node", "cpus-per-task", "time", "output",
         "open-mode", "requeue", "signal", "partition", "qos"}
for line in script.read_text().splitlines():
    if line.startswith("#SBATCH "):
        name = re.fullmatch(r"#SBATCH --([a-z-]+)(=[^ '\\"$`]+)?", line)
        if name is None or name[1] not in known:
            sys.exit(f"sbatch: error: invalid line: {line}")
again = pathlib.Path(os.environ["FAKE_SLURM"], "again")
env = {**os.environ, "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "2"}
while True:
    again.unlink(missing_ok=True)
    process = subprocess.Popen(["bash", str(script)], env=env, start_new_session=True)
    with open(os.environ["FAKE_SLURM_LOG"], "a") as log:
        log.write(f"job {process.pid}\\n")
    code = process.wait()
    if not again.exists():
        sys.exit(code)
"""


def slurm(folder: Path) -> dict[str, str]:
    """Make the commands in ``folder``; the environment in which they are found."""
    folder.mkdir()
    for name, code in (("srun", _SRUN), ("scontrol", _SCONTROL), ("sbatch", _SBATCH)):
        file = folder / name
        file.write_text(f"#!{sys.executable}\n{code.lstrip()}", encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    own = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**own, "PATH": path, "FAKE_SLURM": str(folder), "FAKE_SLURM_LOG": str(folder / "log")}
