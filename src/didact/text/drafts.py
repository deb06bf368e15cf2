"""Instructions that a model wrote, the prompts that it wrote them on, and what these show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeVar

from didact.records import Request
from didact.text.instruction_pool import Admission
from didact.text.tasks import Task

__all__ = ["Draft", "Prompt", "Shown", "draw", "shown_tasks"]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Draft:
    """An accepted instruction of the model."""

    number: int
    instruction: str
    prompt: Prompt
    call: str
    admission: Admission

    def __str__(self) -> str:
        return self.instruction


@dataclass(frozen=True, slots=True)
class Prompt:
    """A list of instructions to write on."""

    number: int
    shown: tuple[Task | Draft, ...]
    request: Request

    def __str__(self) -> str:
        return f"prompt {self.number}"


class Shown(NamedTuple):
    """Tasks as a prompt shows them, and the examples they came from."""

    text: str
    parents: tuple[str, ...]


def draw(rng: Random, items: Iterable[Item], count: int) -> list[Item]:
    """Some of the items, or all where there are not that many."""
    items = list(items)
    return rng.sample(items, min(count, len(items)))


def shown_tasks(header: str, tasks: Sequence[Task], write: Callable[[Task], str]) -> Shown:
    """A header and the tasks, each a block of its own."""
    parents = tuple(example.id for task in tasks for example in task.examples)
    return Shown("".join(f"{block}\n\n" for block in (header, *map(write, tasks))), parents)
