"""LoRA adapters by PEFT: made new, or gone on with; on the weights as they are, or in 4 bits.

LoRA is that of E. Hu et al. (2021, arXiv 2106.09685); 4-bit weights are QLoRA's (T. Dettmers et al.
2023, arXiv 2305.14314): NF4, double quantisation, arithmetic in bfloat16. An adapter says what it
was made on: beside it stands a fingerprint of its base, and on any other base it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from didact.errors import ConfigError
from didact.inference import weights
from didact.training.lean import renamed
from didact.training.untyped import Untyped

__all__ = ["BASE", "AdapterSettings", "attached", "check_adapter", "four_bit_model"]

BASE = "base.json"
"""Beside an adapter: the fingerprint of the base that it was made on."""
_SETTINGS = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"


class AdapterSettings(NamedTuple):
    """How an adapter is made; documented where users set it."""

    rank: int
    alpha: float | None = None
    targets: tuple[str, ...] = ()
    """Endings of module names; none for every linear layer but the head."""
    dropout: float = 0.0


def attached(
    model: Untyped,
    settings: AdapterSettings,
    *,
    task: str,
    new_tokens: Sequence[int] = (),
    whole: Sequence[str] = (),
    adapter: Path | None = None,
) -> Untyped:
    """The model with an adapter, or as it is where there is none.

    Rows of ``new_tokens`` in the embeddings and the modules ``whole`` are trained beside it.
    """
    if adapter is None and not settings.rank:
        return model
    peft = import_module("peft")
    with renamed():
        if adapter is not None:
            return _gone_on_with(peft, model, adapter)
        return _new(peft, model, settings, task=task, new_tokens=new_tokens, whole=whole)


def _new(
    peft: Untyped,
    model: Untyped,
    settings: AdapterSettings,
    *,
    task: str,
    new_tokens: Sequence[int],
    whole: Sequence[str],
) -> Untyped:
    names = {id(module): name for name, module in model.named_modules()}
    table: Untyped = model.get_input_embeddings()
    saved = list(whole)
    if new_tokens and task == "CAUSAL_LM":
        head: Untyped = model.get_output_embeddings()
        if head.weight is not table.weight:
            saved.append(_last(names[id(head)]))
    config = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=2 * settings.rank if settings.alpha is None else settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets) or "all-linear",
        modules_to_save=saved or None,
        trainable_token_indices={_last(names[id(table)]): list(new_tokens)} if new_tokens else None,
        task_type=task,
    )
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:
        if not settings.targets:
            raise
        linear = sorted({_last(n) for n, m in model.named_modules() if hasattr(m, "in_features")})
        raise ConfigError(
            f"targets: {', '.join(settings.targets)} cannot be adapted; the linear layers of this"
            f" model end in {', '.join(linear)} ({str(error).splitlines()[0]})"
        ) from error


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _gone_on_with(peft: Untyped, model: Untyped, adapter: Path) -> Untyped:
    try:
        found = peft.PeftModel.from_pretrained(model, str(adapter), is_trainable=True)
        # When it saves, PEFT looks for its base under this name, from wherever it is.
        found.active_peft_config.base_model_name_or_path = model.name_or_path
        return found
    except (RuntimeError, ValueError, KeyError) as error:
        raise ConfigError(
            f"adapter {adapter}: it was made for another model and does not fit this base"
            f" ({str(error).strip().splitlines()[0]})"
        ) from error


def check_adapter(adapter: Path, base: Path) -> None:
    """A ConfigError where the directory holds no adapter, or one that was made on another base."""
    missing = [name for name in (_SETTINGS, _WEIGHTS) if not (adapter / name).is_file()]
    if missing:
        raise ConfigError(
            f"adapter {adapter}: no {', no '.join(missing)}; give the directory `adapter` of a run"
            " that trained with lora, or what PEFT's save_pretrained wrote"
        )
    settings = _read(adapter / _SETTINGS)
    named = str(settings.get("base_model_name_or_path") or "")
    known = _read(adapter / BASE).get("fingerprint") if (adapter / BASE).is_file() else None
    if known is None and (adapter / named / "config.json").is_file():
        known = weights.fingerprint(adapter / named)
    if known is not None and known != weights.fingerprint(base):
        raise ConfigError(
            f"adapter {adapter}: it was made on another base ({named or 'not named'}) than {base};"
            " set train.base to that one"
        )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def four_bit_model(source: Path) -> Untyped:
    """The base in 4 bits on the GPU, ready for an adapter."""
    import torch

    transformers: Untyped = import_module("transformers")
    peft: Untyped = import_module("peft")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        str(source),
        quantization_config=transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        ),
        dtype=torch.bfloat16,
        device_map={"": 0},
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    # Checkpointing of activations is a setting of its own.
    return peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
