"""What every trainer tells transformers alike: one planned epoch, our own curve and checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from didact.training import hardware

__all__ = ["SCHEDULES", "arguments"]

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
"""Our names to those of transformers."""


def arguments(
    out: Path,
    *,
    seed: int,
    learning_rate: float,
    schedule: str,
    warmup: float,
    weight_decay: float,
    precision: hardware.Precision,
) -> dict[str, Any]:
    """Settings for TrainingArguments and what is made from it."""
    return {
        "output_dir": str(out),
        "seed": seed % 2**32,
        # The data set is the plan: every epoch of it, batch after batch.
        "num_train_epochs": 1,
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
        "learning_rate": learning_rate,
        "lr_scheduler_type": SCHEDULES[schedule],
        "warmup_steps": warmup,
        "weight_decay": weight_decay,
        "bf16": precision == "bfloat16",
        "use_cpu": hardware.device() == "cpu",
        "dataloader_pin_memory": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }
