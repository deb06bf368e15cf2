"""The trained model in one piece, where several processes held a part of it each."""

from __future__ import annotations

from importlib import import_module

from didact.training.untyped import Untyped

__all__ = ["in_one_piece"]

_SPLIT = ("FSDP", "DEEPSPEED")


def in_one_piece(trainer: Untyped) -> Untyped:
    """The model of a trainer with all of its weights; only the first process's is the trained one.

    Every process must call it, for all of them have a part to give.
    """
    accelerator: Untyped = trainer.accelerator
    model: Untyped = trainer.model
    if str(accelerator.distributed_type).rpartition(".")[2] not in _SPLIT:
        return model
    state = accelerator.get_state_dict(trainer.model_wrapped)
    auto: Untyped = import_module("transformers").AutoModelForCausalLM
    found: Untyped = auto.from_config(model.config, dtype="float32")
    found.generation_config = model.generation_config
    if hasattr(model, "peft_config"):
        found = import_module("peft").get_peft_model(found, model.peft_config["default"])
    if accelerator.is_main_process:
        # A tied head is in the state under one of its names.
        lost = found.load_state_dict(state, strict=False).missing_keys
        tied = set(getattr(found, "_tied_weights_keys", None) or ())
        if missing := [name for name in lost if name not in tied]:
            raise RuntimeError(f"weights that no process had: {', '.join(missing[:3])}")
    return found
