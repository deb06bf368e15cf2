"""What the configs for other trainers share: the run's settings, its data, a base with a template.

Only supervised fine-tuning is carried over. The data are the examples that were trained on, and
each target names the rows, the template and the mask so that its trainer trains the same tokens;
the order of rows is its own.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from didact.components import name_of
from didact.errors import ConfigError, DidactError
from didact.exports import loading
from didact.exports.trained import Trained
from didact.inference import weights
from didact.records import JSON, Example, Message
from didact.text.masks import Refused, Turn, turns
from didact.training import hardware

__all__ = ["DATA", "Elsewhere", "elsewhere", "write_jsonl", "write_yaml"]

DATA = "train.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A fine-tuning to be done by another trainer."""

    base: str
    """As its config names it: on the hub, or a path from the config's folder."""
    settings: Mapping[str, Any]
    """Those of the run's trainer, all of them."""
    rate: float
    length: int
    """Most tokens of a row."""
    warmup_steps: int
    examples: Sequence[Example]
    refused: int
    """Examples that no row can be made of: the run did not train on them either."""
    tokenizer: Any
    bf16: bool
    notes: list[str]

    @property
    def place(self) -> dict[str, bool]:
        """For trainers that will not compute in bfloat16 on a CPU that they were not told of."""
        return {"use_cpu": True} if hardware.device() == "cpu" else {}

    @property
    def last_only(self) -> bool:
        """Whether only the last answer of a conversation is trained."""
        return self.settings.get("loss_on") == "last"

    def turns(self, example: Example) -> list[Turn]:
        """The example rendered and cut at its answers."""
        cut = turns(example.messages, self.tokenizer)
        assert not isinstance(cut, Refused)
        return cut

    def prefixes(self, example: Example) -> list[tuple[Message, ...]]:
        """The conversation up to each answer that is trained."""
        messages = example.messages
        places = [n for n, message in enumerate(messages) if message.role == "assistant"]
        return [messages[: n + 1] for n in (places[-1:] if self.last_only else places)]


def elsewhere(trained: Trained, out: Path, *, config: str) -> Elsewhere:
    """The training of a run, and in ``out`` a base with a chat template where it has none."""
    use: Any = trained.training.use
    if name_of(use) != "sft":
        raise ConfigError(
            f"{trained.run.path}: a training with {name_of(use)} has no config for other trainers;"
            " only sft has. didact convert RUN OUT --to trl writes the pairs themselves"
        )
    settings: dict[str, Any] = {field.name: getattr(use, field.name) for field in fields(use)}
    notes = _not_carried(settings)
    tokenizer = loading.tokenizer_of(trained.model)
    source = weights.locate(str(trained.base()))
    length = settings["max_length"] or loading.positions(source) or 2048
    kept = trained.examples()
    found = [e for e in kept if not isinstance(turns(e.messages, tokenizer), Refused)]
    if not found:
        raise DidactError(f"{trained.run.path}: no row can be made of its {len(kept)} examples")
    if hardware.device() == "cpu":
        notes.append("made where no GPU is: where there is one, take use_cpu out of the config")
    steps = -(-round(settings["epochs"] * len(found)) // settings["batch"])
    if len(found) < len(kept):
        notes.append(f"{len(kept) - len(found)} of {len(kept)} examples make no row: left out")
    return Elsewhere(
        base=_base(trained, source, out, tokenizer, notes),
        settings=settings,
        rate=settings["learning_rate"] or (2e-4 if settings["lora"] else 2e-5),
        length=length,
        warmup_steps=round(settings["warmup"] * steps),
        examples=found,
        refused=len(kept) - len(found),
        tokenizer=tokenizer,
        bf16=hardware.precision(settings["dtype"]) == "bfloat16",
        notes=[f"run it in this folder; {config} names its data from there", *notes],
    )


def _not_carried(settings: Mapping[str, Any]) -> list[str]:
    """Settings that change the model and that the configs leave out."""
    notes: list[str] = []
    if settings.get("loss_on") not in (None, "answers", "last"):
        notes.append(f"loss_on: {settings['loss_on']} is not carried over: answers are trained")
    for name in ("neftune", "curriculum", "held_out", "adapter", "targets", "lora_dropout"):
        if settings.get(name):
            notes.append(f"{name}: {settings[name]} is not carried over")
    return notes


def _base(trained: Trained, source: Path, out: Path, tokenizer: Any, notes: list[str]) -> str:  # noqa: ANN401
    """The base by a name that the config can give; with a template beside it where it has none."""
    own = loading.tokenizer_of(source).chat_template
    if own == tokenizer.chat_template:
        given = trained.training.base
        if isinstance(given, str) and given != "embedded" and not Path(given).is_dir():
            return given
        return os.path.relpath(source.resolve(), (out.parent / out.name.removesuffix(".new")))
    folder = out / "base"
    folder.mkdir()
    for file in sorted(source.iterdir()):
        if file.is_file() and file.suffix in (".safetensors", ".json"):
            _same_file(file.resolve(), folder / file.name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)
    tokenizer.save_pretrained(str(folder))
    notes.append("base/ is the base with the chat template of the run, which it lacks")
    return "./base"


def _same_file(file: Path, link: Path) -> None:
    try:
        os.link(file, link)
    except OSError:
        shutil.copyfile(file, link)


def write_jsonl(file: Path, rows: Iterable[Mapping[str, JSON]]) -> int:
    """Rows as JSON Lines; how many."""
    count = 0
    with file.open("w", encoding="utf-8") as opened:
        for row in rows:
            opened.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def write_yaml(file: Path, config: Mapping[str, Any], *, head: str) -> None:
    """A config, with a comment that says how it is used."""
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)
    file.write_text(f"# {head}\n{text}", encoding="utf-8")
