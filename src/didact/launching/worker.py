"""One process of a training: ``python -m didact.launching.worker FOLDER``, started by a launcher.

Every process runs the same trainer. The first one keeps what it writes; the others write to a
folder of their own, in which checkpoints are those of the first, and which nobody reads.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from didact import tables
from didact.context import Context
from didact.errors import DidactError
from didact.launching.job import trainer_of
from didact.records import JSON

__all__ = ["main"]

_STATE = ("state.json", "metrics.jsonl", "held_out.jsonl")


def main(folder: Path) -> None:
    """Train, and leave the model's place or what went wrong."""
    job: dict[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    rank = int(os.environ.get("RANK", "0"))
    try:
        _check(int(os.environ.get("WORLD_SIZE", "1")), job["processes"])
        if job["sharded"]:
            _check_gpu()
        model = _train(job, folder, rank)
    except DidactError as error:
        told = {"kind": type(error).__name__, "message": str(error)}
        part = folder / f"error.{rank}"
        part.write_text(json.dumps(told), encoding="utf-8")
        part.replace(folder / "error.json")
        sys.exit(1)
    if rank == 0:
        relative = model.resolve().relative_to(Path(job["out"]).resolve()).as_posix()
        (folder / "model.txt").write_text(relative, encoding="utf-8")


def _check(there: int, wanted: int) -> None:
    """A launcher that started fewer would train something else without a word."""
    if there != wanted:
        raise DidactError(
            f"train.launch: {wanted} processes were to train together, and {there} were started"
        )


def _check_gpu() -> None:
    """Accelerate would keep the whole model in every process of a CPU and say nothing."""
    import torch

    if not torch.cuda.is_available():
        raise DidactError(
            f"train.launch: fsdp and zero3 split a model over GPUs; {os.uname().nodename} has none"
        )


def _train(job: Mapping[str, Any], folder: Path, rank: int) -> Path:
    trainer: Any = trainer_of(job)
    if job["sharded"] and "save_seconds" in {field.name for field in fields(trainer)}:
        # No process has the whole state, so there is nothing to write: a kill costs all of it.
        trainer = replace(trainer, save_seconds=1e12)
    out = Path(job["out"])
    if rank:
        out = _aside(out, folder / f"rank-{rank}")
    ctx = Context({}, seed=job["seed"], stage=job["stage"], on_event=_tell if rank == 0 else None)
    examples = list(tables.EXAMPLES.read(folder / "data.parquet"))
    return trainer.train(ctx, examples, Path(job["base"]), out)


def _aside(out: Path, own: Path) -> Path:
    """A folder that looks like ``out`` to a process that is not the first."""
    own.mkdir(parents=True, exist_ok=True)
    for name in _STATE:
        if (out / name).is_file():
            shutil.copyfile(out / name, own / name)
    link = own / "checkpoints"
    if not link.is_symlink():
        link.symlink_to(out.resolve() / "checkpoints", target_is_directory=True)
    return own


def _tell(event: str, fields_: Mapping[str, JSON]) -> None:
    told = {"event": event, **{k: v for k, v in fields_.items() if k != "stage"}}
    sys.stdout.write(f"didact-event {json.dumps(told)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
