"""The LoRA adapter alone (PEFT), with the tokenizer it was trained with.

The check loads it on its base from the folder as others will, and compares with the merged model
that the run evaluated.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from didact.errors import ConfigError
from didact.exports import loading
from didact.exports.export import Made, Options
from didact.exports.merged import merged_bar
from didact.exports.parity import compare, record
from didact.exports.trained import Trained
from didact.inference import weights
from didact.training.lean import renamed

__all__ = ["make"]

_SETTINGS = "adapter_config.json"


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder of the adapter."""
    if trained.adapter is None:
        raise ConfigError(
            f"{trained.run.path}: all weights were trained, there is no adapter;"
            " --to merged exports them, train.lora: 16 would train an adapter"
        )
    for file in sorted(trained.adapter.iterdir()):
        if file.is_file() and file.name != "README.md":
            shutil.copyfile(file, out / file.name)
    loading.tokenizer_of(trained.model).save_pretrained(str(out))
    stops = trained.model / "generation_config.json"
    if stops.is_file():
        # PEFT keeps none; GenerationConfig.from_pretrained reads them here.
        shutil.copyfile(stops, out / stops.name)
    base = weights.locate(str(trained.base()))
    name = _name_base(out, base, trained)
    kind = trained.kind
    with renamed():
        before = record(loading.plain(trained.model, kind=kind), trained.conversations(), kind=kind)
        after = loading.adapted(base, out, kind=kind, tokenizer=out)
        parity = compare(before, after, kind=kind, bar=options.bar(merged_bar(trained)))
    return Made(parity=parity, notes=[f"it needs its base model: {name}"])


def _name_base(out: Path, base: Path, trained: Trained) -> str:
    """Has the adapter's settings name a base that says something anywhere."""
    file = out / _SETTINGS
    settings = json.loads(file.read_text(encoding="utf-8"))
    name = str(settings["base_model_name_or_path"])
    if name.startswith(".") and trained.training.base != "embedded":
        # A path as seen from the run, and this folder may go anywhere: the name must do.
        base = base.resolve()
        name = base.parent.parent.name if base.parent.name == "train" else base.name
        settings["base_model_name_or_path"] = name
        file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return name
