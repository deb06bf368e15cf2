"""The targets of ``didact export`` by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from didact.components import nearest
from didact.errors import ConfigError
from didact.exports import (
    adapter,
    axolotl,
    gguf,
    hub,
    llama_factory,
    merged,
    ollama,
    trl,
    unsloth,
)
from didact.exports.card import card
from didact.exports.export import Exported, Maker, Options, into
from didact.exports.trained import open_trained

__all__ = ["TARGETS", "Target", "export"]


class Target(NamedTuple):
    """One thing that a run can be exported to."""

    make: Maker
    about: str
    model: bool = True
    """Whether it holds a model, and so gets a card."""
    after: Callable[[Exported, Options], None] | None = None
    """What is left to do with an export that has passed."""


TARGETS: Mapping[str, Target] = {
    "merged": Target(merged.make, "safetensors with template and stop tokens inside"),
    "adapter": Target(adapter.make, "the LoRA adapter alone (PEFT)"),
    "gguf": Target(gguf.make, "one file for llama.cpp, by its own converter"),
    "ollama": Target(ollama.make, "a Modelfile with template and stop tokens"),
    "hub": Target(hub.make, "the merged model, pushed", after=hub.push),
    "trl": Target(trl.make, "config and data for trl sft", model=False),
    "axolotl": Target(axolotl.make, "config and data for axolotl", model=False),
    "llama-factory": Target(llama_factory.make, "config and data for LLaMA-Factory", model=False),
    "unsloth": Target(unsloth.make, "config and data for unsloth", model=False),
}


def export(run: Path, to: str, out: Path | None = None, options: Options | None = None) -> Exported:
    """Export a run; DidactError where what was exported is not the model of the run."""
    if to not in TARGETS:
        raise ConfigError(f"no export {to!r}{nearest(to, list(TARGETS))}")
    target = TARGETS[to]
    trained = open_trained(run)
    try:
        return into(
            to,
            trained,
            out or run / "exports" / to,
            options or Options(),
            make=target.make,
            card=card if target.model else None,
            after=target.after,
        )
    finally:
        trained.run.close()
