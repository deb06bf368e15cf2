"""``didact init``: a run file and seeds to begin with, which run as they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from didact.commands.options import say
from didact.errors import ConfigError

__all__ = ["init_command"]


def init_command(
    file: Annotated[Path, typer.Argument(help="The run file to write.")] = Path("mine.yaml"),
) -> None:
    """Write a run file to begin with, and seeds beside it; it runs as it stands.

    It asks the small model that ships with didact; the lines to change for a real one are in it.
    """
    if file.suffix not in (".yaml", ".yml"):
        file = file.with_name(f"{file.name}.yaml")
    seeds = file.with_name(f"{file.stem}-seeds.jsonl")
    for path in (file, seeds):
        if path.exists():
            raise ConfigError(f"{path} exists already; choose another name: didact init NAME.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"instruction": i, "input": given, "output": o} for i, given, o in _SEEDS]
    seeds.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    file.write_text(_FILE.replace("SEEDS", seeds.name).replace("FILE", file.name), encoding="utf-8")
    print(file)
    print(seeds)
    say(f"next      didact check {file}    then    didact run {file}")


_SEEDS = (
    ("Write the opposite of the word.", "hot", "cold"),
    ("Put the words in the order of the alphabet.", "pear apple fig", "apple fig pear"),
    ("How many letters does the word have?", "bread", "5"),
    ("Write the plural of the noun.", "box", "boxes"),
    ("Is the animal a bird? Answer yes or no.", "owl", "yes"),
    ("Write the past tense of the verb.", "go", "went"),
    ("Which of the words is a colour?", "table green seven", "green"),
    ("Repeat the word three times.", "tree", "tree tree tree"),
)
"""Instruction, input, output."""

_FILE = """\
# What to do, in order: generate, filter, train, evaluate. `didact run FILE` does all of it, and
# goes on where it stopped when it is run again. `didact list` tells every component and setting.

models:
  teacher: {use: embedded}
  # The small model that ships with didact, for a first try. Any OpenAI-compatible server instead:
  # teacher: {use: openai, url: "http://localhost:8000/v1", model: NAME}
  # with a key: `key_env: OPENAI_API_KEY` names the variable that holds it, never the key itself.

generate:
  - use: self-instruct
    seeds: SEEDS          # or `builtin`: 175 tasks of the embedded model's world
    target: 40
    max_prompts: 40

filter:
  - parsable
  - length
  - {use: novelty, below: 0.7}     # change it and run again: only what depends on it is made anew

train:
  use: sft
  base: embedded          # or the directory of a model, or a name of the hub
  epochs: 3
  learning_rate: 0.0005
  # lora: 16

evaluate:
  on: microworld          # or a file of your own: heldout.jsonl
  models: [base, trained]
  with: [rouge, exact-match]
  sampling: {max_tokens: 48}

# budget: {usd: 5}        # stops cleanly before it is passed
"""
