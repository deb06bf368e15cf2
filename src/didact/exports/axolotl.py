"""A config for axolotl with its template-free rows: text in segments, each trained or not.

The segments are cut where didact cuts them and tokenised one by one, as didact does, so the tokens
that are trained are the same by construction; the chat template goes along for the tokenizer that
axolotl saves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from didact.exports.elsewhere import DATA, Elsewhere, elsewhere, write_jsonl, write_yaml
from didact.exports.export import Made, Options
from didact.exports.trained import Trained
from didact.records import JSON, Example
from didact.training.arguments import SCHEDULES

__all__ = ["make"]


def make(trained: Trained, out: Path, options: Options) -> Made:
    """The folder: config.yml, train.jsonl and the chat template."""
    del options
    job = elsewhere(trained, out, config="config.yml")
    write_jsonl(out / DATA, ({"segments": _segments(job, example)} for example in job.examples))
    template = str(job.tokenizer.chat_template)
    (out / "chat_template.jinja").write_text(template, encoding="utf-8")
    command = "axolotl train config.yml"
    write_yaml(out / "config.yml", _config(job, trained), head=command)
    return Made(notes=job.notes, next=command)


def _segments(job: Elsewhere, example: Example) -> list[JSON]:
    cut = job.turns(example)
    found: list[JSON] = []
    for number, turn in enumerate(cut):
        answered = number == len(cut) - 1 or not job.last_only
        found.append({"label": False, "text": turn.prompt})
        found.append({"label": answered, "text": turn.answer + turn.stop})
    return found


def _config(job: Elsewhere, trained: Trained) -> dict[str, Any]:
    settings = job.settings
    at_once = settings["at_once"] or settings["batch"]
    config: dict[str, Any] = {
        "base_model": job.base,
        "datasets": [{"path": f"./{DATA}", "ds_type": "json", "type": "input_output"}],
        "dataset_prepared_path": "./prepared",
        "chat_template": "jinja",
        "chat_template_jinja": "./chat_template.jinja",
        "train_on_inputs": False,
        "sequence_len": job.length,
        "sample_packing": settings.get("packing", False),
        "num_epochs": settings["epochs"],
        "micro_batch_size": at_once,
        "gradient_accumulation_steps": settings["batch"] // at_once,
        "learning_rate": job.rate,
        "optimizer": "adamw_torch",
        "lr_scheduler": SCHEDULES[settings["schedule"]],
        "warmup_steps": job.warmup_steps,
        "weight_decay": settings["weight_decay"],
        "gradient_checkpointing": settings.get("gradient_checkpointing", False),
        "bf16": "auto" if job.bf16 else False,
        "seed": trained.config.seed,
        "output_dir": "./out",
    }
    if job.tokenizer.pad_token:
        config["special_tokens"] = {"pad_token": job.tokenizer.pad_token}
    if settings["lora"]:
        config |= {
            "adapter": "qlora" if settings.get("four_bit") else "lora",
            "load_in_4bit": bool(settings.get("four_bit")),
            "lora_r": settings["lora"],
            "lora_alpha": round(settings.get("alpha") or 2 * settings["lora"]),
            "lora_dropout": settings.get("lora_dropout", 0.0),
            "lora_target_linear": True,
        }
    return config
