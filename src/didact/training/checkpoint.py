"""Checkpoints of a training run: safetensors and JSON, no pickle, complete or absent.

transformers writes optimizer, schedule and random state with ``torch.save``, which is pickle, and a
kill in the middle leaves half a checkpoint that is found again. Here everything is written beside,
then renamed into place, so that a folder with a checkpoint's name is a whole one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from didact.disk import storing

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from transformers import TrainerState

__all__ = [
    "TRAINER_STATE",
    "newest",
    "restore",
    "restore_random_state",
    "restore_weights",
    "save",
    "save_weights",
    "step_of",
    "writing",
]

TRAINER_STATE = "trainer_state.json"
"""Where transformers looks for the step to go on from."""
_TENSORS = "tensors.safetensors"
_SETTINGS = "settings.json"
_PREFIX = "checkpoint-"


def newest(folder: Path) -> Path | None:
    """The latest whole checkpoint."""
    found = [path for path in folder.glob(f"{_PREFIX}*") if path.suffix != ".part"]
    return max(found, key=step_of, default=None)


def save(
    folder: Path,
    *,
    model: Module,
    optimizer: Optimizer,
    scheduler: LRScheduler,
    state: TrainerState,
) -> Path:
    """Writes a checkpoint, then removes the ones before it."""
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    final = folder / f"{_PREFIX}{state.global_step:08}"
    part = final.with_suffix(".part")
    packed = optimizer.state_dict()
    tensors: dict[str, Tensor] = {f"weight/{name}": value for name, value in _trained(model)}
    tensors |= {
        f"optimizer/{index}/{name}": value
        for index, values in packed["state"].items()
        for name, value in values.items()
    }
    tensors |= {f"random/{device}": value for device, value in _random_state().items()}
    settings = {"groups": packed["param_groups"], "scheduler": scheduler.state_dict()}
    with writing(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part / _TENSORS)
        (part / _SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
        state.save_to_json(str(part / TRAINER_STATE))
        older = list(folder.glob(f"{_PREFIX}*"))
        part.rename(final)
    for path in older:
        shutil.rmtree(path, ignore_errors=True)
    return final


def save_weights(path: Path, model: Module) -> None:
    """Writes what is trained and nothing else, in place of what stood there."""
    from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

    part = path.with_suffix(".part")
    with writing(path.parent):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file({f"weight/{n}": v.contiguous() for n, v in _trained(model)}, part / _TENSORS)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Around nothing but writing under ``path``: what goes wrong becomes a StoreError."""
    from safetensors import SafetensorError

    with storing(path):
        try:
            yield
        except SafetensorError as error:
            raise OSError(str(error)) from error


def restore_weights(checkpoint: Path, model: Module) -> None:
    """Puts the trained weights back."""
    import torch

    saved = _tensors(checkpoint, "weight/")
    with torch.no_grad():
        for name, value in _trained(model):
            value.copy_(saved[name])


def restore(checkpoint: Path, *, optimizer: Optimizer, scheduler: LRScheduler) -> None:
    """Puts optimizer and learning-rate schedule back."""
    settings = json.loads((checkpoint / _SETTINGS).read_text(encoding="utf-8"))
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _tensors(checkpoint, "optimizer/").items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": settings["groups"]})
    scheduler.load_state_dict(settings["scheduler"])


def restore_random_state(checkpoint: Path) -> None:
    """Puts torch's generators back."""
    import torch

    saved = _tensors(checkpoint, "random/")
    torch.set_rng_state(saved["cpu"])
    if "cuda" in saved and torch.cuda.is_available():
        torch.cuda.set_rng_state(saved["cuda"])


def _random_state() -> dict[str, Tensor]:
    import torch

    states: dict[str, Tensor] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _trained(model: Module) -> Iterator[tuple[str, Tensor]]:
    """Every trained parameter once, tied ones too."""
    for name, value in model.named_parameters():
        if value.requires_grad:
            yield name, value.detach()


def _tensors(checkpoint: Path, prefix: str) -> Mapping[str, Tensor]:
    from safetensors import safe_open

    with cast("Any", safe_open(checkpoint / _TENSORS, framework="pt")) as file:
        keys = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118 - no mapping
        return {key.removeprefix(prefix): file.get_tensor(key) for key in keys}


def step_of(path: Path) -> int:
    """The step a checkpoint was written after."""
    return int(path.name.removeprefix(_PREFIX))
