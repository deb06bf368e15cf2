"""Merged safetensors: one folder that transformers, vLLM and others load without didact.

The chat template is in the tokenizer and the stop tokens are in ``generation_config.json``, so that
any server renders and ends as was trained. An adapter is merged into its base; the check is then
against the base with the adapter beside it, so that what merging and rounding change is seen.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from didact.exports import loading
from didact.exports.export import Made, Options
from didact.exports.parity import EXACT, ROUNDED, Bar, Parity, compare, record
from didact.exports.trained import Trained
from didact.inference import weights
from didact.training.lean import renamed

__all__ = ["make", "merged_bar", "parity_of", "write"]


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder of the whole model."""
    write(trained, out)
    parity = parity_of(trained, out, options.bar(merged_bar(trained)))
    folder = "this folder"
    return Made(
        parity=parity,
        notes=[f"transformers, vLLM and didact (use: transformers, path: ...) read {folder}"],
    )


def write(trained: Trained, out: Path) -> None:
    """The files of the model."""
    out.mkdir(parents=True, exist_ok=True)
    for file in sorted(trained.model.iterdir()):
        if file.is_file():
            shutil.copyfile(file, out / file.name)


def merged_bar(trained: Trained) -> Bar:
    """What is asked of a merged model."""
    if trained.adapter is None:
        return EXACT
    config = json.loads((trained.model / "config.json").read_text(encoding="utf-8"))
    return EXACT if (config.get("dtype") or config.get("torch_dtype")) == "float32" else ROUNDED


def parity_of(trained: Trained, out: Path, bar: Bar) -> Parity:
    """The model in ``out`` against the one that was trained."""
    kind = trained.kind
    with renamed():
        if trained.adapter is not None:
            base = weights.locate(str(trained.base()))
            before = loading.adapted(base, trained.adapter, kind=kind, tokenizer=trained.model)
        else:
            before = loading.plain(trained.model, kind=kind)
        # PEFT knows of no generation settings of its own; those of the run's model are meant.
        ends = loading.ends(trained.model)
        recorded = record(before._replace(ends=ends), trained.conversations(), kind=kind)
        del before
        return compare(recorded, loading.plain(out, kind=kind), kind=kind, bar=bar)
