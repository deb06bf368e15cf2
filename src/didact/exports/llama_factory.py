"""A config for LLaMA-Factory and the ``dataset_info.json`` that describes our data to it.

LLaMA-Factory renders conversations by strings around the turns, which it reads off the tokenizer's
chat template where none is named. Where a template does more (it sets an input apart), the user
turns are written so that these strings give what the template gives; rows that no words can make
so are left out and counted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from didact.errors import DidactError
from didact.exports.elsewhere import DATA, Elsewhere, elsewhere, write_jsonl, write_yaml
from didact.exports.export import Made, Options
from didact.exports.ollama import renderer
from didact.exports.slots import Slots, take_apart
from didact.exports.trained import Trained
from didact.records import JSON
from didact.training.arguments import SCHEDULES

__all__ = ["make"]

_NAME = "didact"


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder: config.yaml, train.jsonl and dataset_info.json."""
    del options
    job = elsewhere(trained, out, config="config.yaml")
    render = renderer(job.tokenizer)
    slots = take_apart(render)
    if slots is None:
        raise DidactError(
            "llama-factory: the chat template is not made of fixed strings around the turns, which"
            " is all that LLaMA-Factory reads off a tokenizer; --to trl or --to axolotl carry it"
        )
    rows = [row for row in (_row(job, slots, n) for n in range(len(job.examples))) if row]
    if lost := len(job.examples) - len(rows):
        job.notes.append(f"{lost} of {len(job.examples)} rows cannot be said in its template")
    write_jsonl(out / DATA, rows)
    (out / "dataset_info.json").write_text(json.dumps(_INFO, indent=2) + "\n", encoding="utf-8")
    command = "llamafactory-cli train config.yaml"
    write_yaml(out / "config.yaml", _config(job, trained), head=command)
    return Made(notes=job.notes, next=command)


def _row(job: Elsewhere, slots: Slots, number: int) -> dict[str, JSON] | None:
    fitted = slots.fitted(job.examples[number].messages, renderer(job.tokenizer))
    if fitted is None:
        return None
    return {"messages": cast("JSON", [message.to_json() for message in fitted])}


_INFO = {
    _NAME: {
        "file_name": DATA,
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
}


def _config(job: Elsewhere, trained: Trained) -> dict[str, Any]:
    settings = job.settings
    at_once = settings["at_once"] or settings["batch"]
    config: dict[str, Any] = {
        "model_name_or_path": job.base,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora" if settings["lora"] else "full",
        "dataset": _NAME,
        "dataset_dir": ".",
        "cutoff_len": job.length,
        "mask_history": job.last_only,
        "packing": settings.get("packing", False),
        "num_train_epochs": settings["epochs"],
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": settings["batch"] // at_once,
        "learning_rate": job.rate,
        "lr_scheduler_type": SCHEDULES[settings["schedule"]],
        "warmup_steps": job.warmup_steps,
        "weight_decay": settings["weight_decay"],
        "bf16": job.bf16,
        **job.place,
        "seed": trained.config.seed,
        "report_to": "none",
        "logging_steps": 1,
        "output_dir": "./out",
    }
    if settings["lora"]:
        config |= {
            "lora_rank": settings["lora"],
            "lora_alpha": round(settings.get("alpha") or 2 * settings["lora"]),
            "lora_dropout": settings.get("lora_dropout", 0.0),
            "lora_target": "all",
        }
        if settings.get("four_bit"):
            config |= {"quantization_bit": 4, "quantization_method": "bnb"}
    return config
