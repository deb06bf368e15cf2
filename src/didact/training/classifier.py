"""A language model, or a reward model, loaded as a classifier with one output, ready to train."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from didact.errors import ConfigError
from didact.training.untyped import Untyped

__all__ = ["Classifier", "load"]


class Classifier(NamedTuple):
    """Weights in float32, dropout off, the padding token set."""

    model: Untyped
    tokenizer: Untyped
    limit: int | None
    """Most tokens of a conversation; None where the model states no limit."""
    head: tuple[str, ...]
    """Modules that the base does not have; they start at 0."""


def load(source: Path, *, device: str) -> Classifier:
    """Loads it; a ConfigError where it is no such model."""
    import torch
    from safetensors import SafetensorError

    transformers: Untyped = import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(source), **local)
        config = transformers.AutoConfig.from_pretrained(str(source), num_labels=1, **local)
        model, report = transformers.AutoModelForSequenceClassification.from_pretrained(
            str(source),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            **local,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"model {source} cannot be loaded as a classifier of one output: {reason}"
        ) from error
    missing = sorted(report["missing_keys"])
    with torch.no_grad():
        for name in missing:
            # Random numbers would reward by chance, and move the start away from ln 2.
            model.get_parameter(name).zero_()
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token or tokenizer.eos_token
    if model.config.pad_token_id is None:
        # A classifier finds the last token by it, in training and in use.
        model.config.pad_token_id = tokenizer.pad_token_id or 0
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return Classifier(
        model=model.to(device).eval(),
        tokenizer=tokenizer,
        limit=limit if isinstance(limit, int) and limit > 0 else None,
        head=tuple(dict.fromkeys(name.rpartition(".")[0] for name in missing)),
    )
