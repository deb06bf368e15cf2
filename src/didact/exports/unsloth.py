"""A config for ``unsloth train`` with the conversations as they are.

Unsloth maps the rows to the tokenizer's chat template by itself and masks everything but the
answers (``train_on_completions``); its own code decides both, which didact cannot prove.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from didact.exports.elsewhere import DATA, Elsewhere, elsewhere, write_jsonl, write_yaml
from didact.exports.export import Made, Options
from didact.exports.trained import Trained

__all__ = ["make"]

_ROLES = {"system": "system", "user": "human", "assistant": "gpt"}


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder: config.yaml and train.jsonl."""
    del options
    job = elsewhere(trained, out, config="config.yaml")
    write_jsonl(
        out / DATA,
        (
            {
                "conversations": [
                    {"from": _ROLES[message.role], "value": message.content}
                    for message in example.messages
                ]
            }
            for example in job.examples
        ),
    )
    command = "unsloth train --config config.yaml"
    write_yaml(out / "config.yaml", _config(job, trained), head=command)
    job.notes.append("unsloth picks and masks the template itself: look at its first row")
    if job.settings["schedule"] != "linear":
        job.notes.append(f"schedule: {job.settings['schedule']} is not carried over: its own is")
    return Made(notes=job.notes, next=command)


def _config(job: Elsewhere, trained: Trained) -> dict[str, Any]:
    settings = job.settings
    at_once = settings["at_once"] or settings["batch"]
    # Unsloth knows whole epochs only.
    epochs = max(1, round(settings["epochs"]))
    if epochs != settings["epochs"]:
        job.notes.append(f"epochs: {settings['epochs']} is {epochs} here, unsloth knows whole ones")
    config: dict[str, Any] = {
        "model": job.base,
        "data": {"local_dataset": [f"./{DATA}"], "format_type": "sharegpt"},
        "training": {
            "training_type": "lora" if settings["lora"] else "full",
            "max_seq_length": job.length,
            "load_in_4bit": bool(settings.get("four_bit")),
            "output_dir": "./out",
            "num_epochs": epochs,
            "learning_rate": job.rate,
            "batch_size": at_once,
            "gradient_accumulation_steps": settings["batch"] // at_once,
            "warmup_steps": job.warmup_steps,
            "weight_decay": settings["weight_decay"],
            "random_seed": trained.config.seed,
            "packing": settings.get("packing", False),
            "train_on_completions": True,
        },
    }
    if settings["lora"]:
        config["lora"] = {
            "lora_r": settings["lora"],
            "lora_alpha": round(settings.get("alpha") or 2 * settings["lora"]),
            "lora_dropout": settings.get("lora_dropout", 0.0),
        }
    return config
