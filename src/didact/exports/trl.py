"""A config for ``trl sft`` (TRL 1.x) with rows of prompt and completion.

Of a row TRL trains the completion; a conversation of several answers becomes a row for each, so
that the same tokens are trained as in the run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from didact.exports.elsewhere import DATA, Elsewhere, elsewhere, write_jsonl, write_yaml
from didact.exports.export import Made, Options
from didact.exports.trained import Trained
from didact.records import JSON, Message
from didact.training.arguments import SCHEDULES

__all__ = ["make"]


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder: config.yaml, train.jsonl and the chat template."""
    del options
    job = elsewhere(trained, out, config="config.yaml")
    rows: list[dict[str, JSON]] = [
        {"prompt": _plain(messages[:-1]), "completion": _plain(messages[-1:])}
        for example in job.examples
        for messages in job.prefixes(example)
    ]
    (out / "data").mkdir()
    write_jsonl(out / "data" / DATA, rows)
    command = "trl sft --config config.yaml"
    write_yaml(out / "config.yaml", _config(job, trained), head=command)
    return Made(notes=job.notes, next=command)


def _plain(messages: tuple[Message, ...]) -> JSON:
    return cast("JSON", [message.to_json() for message in messages])


def _config(job: Elsewhere, trained: Trained) -> dict[str, Any]:
    settings = job.settings
    config: dict[str, Any] = {
        "model_name_or_path": job.base,
        "dataset_name": "./data",
        "completion_only_loss": True,
        "max_length": job.length,
        "num_train_epochs": settings["epochs"],
        # Together the batch of the run, on one device.
        "per_device_train_batch_size": settings["at_once"] or settings["batch"],
        "gradient_accumulation_steps": settings["batch"]
        // (settings["at_once"] or settings["batch"]),
        "learning_rate": job.rate,
        "lr_scheduler_type": SCHEDULES[settings["schedule"]],
        "warmup_steps": job.warmup_steps,
        "weight_decay": settings["weight_decay"],
        "packing": settings.get("packing", False),
        "gradient_checkpointing": settings.get("gradient_checkpointing", False),
        "bf16": job.bf16,
        **job.place,
        "seed": trained.config.seed,
        "report_to": "none",
        "output_dir": "./out",
    }
    if settings["lora"]:
        config |= {
            "use_peft": True,
            "lora_r": settings["lora"],
            "lora_alpha": round(settings.get("alpha") or 2 * settings["lora"]),
            "lora_dropout": settings.get("lora_dropout", 0.0),
            "lora_target_modules": ["all-linear"],
        }
    return config
