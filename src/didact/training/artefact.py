"""What a training leaves under ``out``: its model, and what it was made from; whole or not at all.

A training that finished is not repeated; one made from something else starts afresh.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from didact.disk import storing
from didact.inference import weights
from didact.records import JSON
from didact.training import checkpoint
from didact.training.adapters import BASE
from didact.training.untyped import Untyped

__all__ = ["made_once", "save"]

_SETTINGS = "adapter_config.json"
_EMBEDDED = Path(str(files("didact") / "embedded")).resolve()


def made_once(
    out: Path, made_from: Mapping[str, JSON], make: Callable[[], Mapping[str, JSON]]
) -> Mapping[str, JSON] | None:
    """The summary of what ``make`` made under ``out``; None where it stood there already."""
    state = _read(out)
    if state.get("made_from") != made_from:
        _clear(out)
        _write(out, {"made_from": made_from})
    elif state.get("finished"):
        return None
    summary = make()
    _write(out, {"made_from": made_from, "finished": True, **summary})
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return summary


def save(
    model: Untyped, tokenizer: Untyped, *, source: Path, out: Path, stops: Collection[int] = ()
) -> None:
    """The tuned model in the precision of its base, with ``stops`` among its end tokens."""
    import torch

    with checkpoint.writing(out):
        if hasattr(model, "merge_and_unload"):
            model.save_pretrained(out / "adapter")
            _name_base(out / "adapter", source)
            made_on = {"fingerprint": weights.fingerprint(source)}
            (out / "adapter" / BASE).write_text(json.dumps(made_on), encoding="utf-8")
            model = _merged(model, source, out / "adapter")
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
        dtype = config.get("dtype") or config.get("torch_dtype") or "float32"
        model = model.to(getattr(torch, dtype))
        if stops:
            ends: int | list[int] | None = model.generation_config.eos_token_id
            known = set(ends) if isinstance(ends, list) else set[int]() if ends is None else {ends}
            model.generation_config.eos_token_id = sorted({*known, *stops})
        part = out / "model.part"
        shutil.rmtree(part, ignore_errors=True)
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        shutil.rmtree(out / "model", ignore_errors=True)
        part.rename(out / "model")


def _merged(model: Untyped, source: Path, adapter: Path) -> Untyped:
    """Of 4-bit weights only copies in full precision can be merged with: they are read again."""
    if not getattr(model, "is_loaded_in_4bit", False):
        return model.merge_and_unload()
    loaded = weights.load(source, device="cpu", dtype="bfloat16").model
    table = model.get_input_embeddings().weight.shape[0]
    if table > loaded.get_input_embeddings().weight.shape[0]:
        loaded.resize_token_embeddings(table, mean_resizing=False)
    peft = import_module("peft")
    return peft.PeftModel.from_pretrained(loaded, str(adapter)).merge_and_unload()


def _name_base(adapter: Path, source: Path) -> None:
    """Has the adapter's settings and its card name their base as it is known elsewhere.

    Only afterwards: to save an adapter, PEFT looks at its base under the name that it has.
    """
    settings = json.loads((adapter / _SETTINGS).read_text(encoding="utf-8"))
    before, name = settings["base_model_name_or_path"], _known_as(source, adapter)
    settings["base_model_name_or_path"] = name
    (adapter / _SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")
    card = adapter / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace(before, name), encoding="utf-8")


def _known_as(source: Path, folder: Path) -> str:
    """A model by a name that holds elsewhere: embedded, on the hub, or as seen from the folder."""
    source = source.resolve()
    if source == _EMBEDDED:
        return "embedded"
    cached = source.parent.parent.name
    if source.parent.name == "snapshots" and cached.startswith("models--"):
        return cached.removeprefix("models--").replace("--", "/", 1)
    return Path(os.path.relpath(source, folder.resolve())).as_posix()


def _read(out: Path) -> dict[str, Any]:
    try:
        return json.loads((out / "state.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _write(out: Path, state: Mapping[str, Any]) -> None:
    part = out / "state.json.part"
    with storing(out):
        part.write_text(json.dumps(state, indent=1), encoding="utf-8")
        part.replace(out / "state.json")


def _clear(out: Path) -> None:
    with storing(out):
        out.mkdir(parents=True, exist_ok=True)
    for name in ("checkpoints", "adapter", "model", "model.part"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("metrics.jsonl", "held_out.jsonl", "refused.jsonl", "proofs.json", "state.json"):
        (out / name).unlink(missing_ok=True)
