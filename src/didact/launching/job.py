"""A training as a file: what a process elsewhere needs to do it, and what it leaves.

job.json       trainer and its settings, base, seed, number of processes
data.parquet   the examples
rank-1 ...     where processes but the first write what nobody needs
error.json     why it failed: the first process to know writes it
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import IO, Any, cast

from didact import errors, tables
from didact.components import build, find, name_of, settings_of
from didact.context import Context, Trainer
from didact.disk import storing
from didact.errors import ConfigError, DidactError
from didact.launching.launch import Launch, command, processes_of
from didact.records import Example

__all__ = ["FOLDER", "check", "describe", "launched", "trainer_of"]

FOLDER = "launch"
"""Of the job, in the folder that the trainer works in."""
_EVENT = "didact-event "
_LOG = logging.getLogger("didact")


def check(launch: Launch, trainer: Trainer) -> int:
    """How many processes will train; a ConfigError where this cannot be done here."""
    name = name_of(trainer)
    if type(trainer).__module__.startswith("didact.") and name != "sft":
        # Its steps are not shared out: every process would take all of each.
        raise ConfigError(f"train.launch: {name} trains in one process; only sft in several")
    return processes_of(launch)


def launched(
    launch: Launch, trainer: Trainer, ctx: Context, examples: Sequence[Example], base: Path,
    out: Path,
) -> Path:  # fmt: skip
    """``trainer.train`` by several processes; the directory of the model."""
    folder, processes = out / FOLDER, check(launch, trainer)
    with storing(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        worker = command(launch, processes=processes, folder=folder)
    tables.EXAMPLES.write(folder / "data.parquet", examples)
    job = {
        **describe(trainer),
        "base": str(base.resolve()) if base.exists() else str(base),
        "out": str(out.resolve()),
        "seed": ctx.seed,
        "stage": ctx.stage,
        "processes": processes,
        "sharded": launch.use != "ddp",
    }
    with storing(folder):
        (folder / "job.json").write_text(json.dumps(job, indent=2), encoding="utf-8")
    ctx.note("launch", use=launch.use, processes=processes, on=launch.on, machines=launch.machines)
    model = _run(worker, folder, ctx)
    with storing(folder):
        shutil.rmtree(folder, ignore_errors=True)
    return out / model


def describe(trainer: Trainer) -> dict[str, Any]:
    """A trainer by name and settings, so that another process builds the same."""
    module = sys.modules[type(trainer).__module__]
    name = name_of(trainer)
    use = str(Path(str(module.__file__)).resolve()) if name.endswith(".py") else name
    return {"use": use, "settings": _plain(settings_of(trainer))}


def trainer_of(job: Mapping[str, Any]) -> Trainer:
    """The trainer that ``describe`` described."""
    built, problems = build(find("trainers", job["use"]), job["settings"])
    if problems:
        raise ConfigError("; ".join(f"train.{p.at}: {p.message}" for p in problems))
    return built


def _plain(value: object) -> Any:  # noqa: ANN401
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(settings_of(value))
    return value


def _run(worker: Sequence[str], folder: Path, ctx: Context) -> str:
    """The processes to their end; what the first one tells is told here."""
    log = folder / "log.txt"
    with (
        log.open("wb") as errors_to,
        subprocess.Popen(worker, stdout=subprocess.PIPE, stderr=errors_to, text=True) as process,
    ):
        try:
            for event in _events(cast("IO[str]", process.stdout)):
                if event["event"] == "waiting":
                    _LOG.warning("train: waiting %s", event["message"])
                    continue
                ctx.note(event.pop("event"), **event)
            code = process.wait()
        except BaseException:
            # A launcher ends its children when it is asked to end.
            process.terminate()
            raise
    failed = folder / "error.json"
    if failed.is_file():
        told = json.loads(failed.read_text(encoding="utf-8"))
        kind = getattr(errors, told["kind"], DidactError)
        raise (kind if kind in (ConfigError, DidactError, errors.StoreError) else DidactError)(
            told["message"]
        )
    done = folder / "model.txt"
    if code or not done.is_file():
        last, log = _last_error(folder) or ("", log)
        if last.startswith("DidactError: "):
            # A machine says what is wrong, and what to do.
            raise DidactError(last.removeprefix("DidactError: "))
        raise DidactError(f"train: the processes ended with code {code}: {last.strip()}; see {log}")
    return done.read_text(encoding="utf-8")


def _last_error(folder: Path) -> tuple[str, Path] | None:
    """The last line that names an error, of the log that says most; other machines have their own.

    What a machine says about the run itself comes first, what its launcher says about its end last.
    """
    found: list[tuple[tuple[bool, bool], str, Path]] = []
    for log in sorted(folder.glob("log*.txt")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        if last := next((line for line in reversed(lines) if "Error" in line), ""):
            order = (not last.startswith("DidactError"), "ChildFailedError" in last)
            found.append((order, last, log))
    return min(found, key=lambda one: one[0])[1:] if found else None


def _events(lines: IO[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith(_EVENT):
            yield json.loads(line.removeprefix(_EVENT))
