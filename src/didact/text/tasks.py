"""Seed tasks, put together from their examples and written into prompts.

A task is an instruction with its instances. Its lines are those of the prompts of Self-Instruct
(Wang et al. 2022, arXiv 2212.10560): ``Task:``, the question whether it is classification, and the
instances in the layout of its kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from didact.records import Example
from didact.text.instances import Instance, parse_instances, write_instances

__all__ = ["Task", "group_tasks", "kind_question", "task_line"]


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction with its instances."""

    instruction: str
    classification: bool
    examples: tuple[Example, ...]

    def with_kind(self) -> str:
        """The task and whether it is classification."""
        return f"{kind_question(self.instruction)} {'Yes' if self.classification else 'No'}"

    def with_instances(self, limit: int) -> str:
        """The task and its first instances."""
        return f"{task_line(self.instruction)}\n{self._instances(limit)}"

    def reads_back(self, limit: int, *, faithful: bool) -> bool:
        """Whether the instances, written out, are read as what they are."""
        parsed = parse_instances(
            self._instances(limit), classification=self.classification, faithful=faithful
        )
        return list(parsed.instances) == self._pairs(limit)

    def _instances(self, limit: int) -> str:
        return write_instances(self._pairs(limit), classification=self.classification)

    def _pairs(self, limit: int) -> list[Instance]:
        shown = self.examples[:limit]
        return [Instance(example.input.strip(), example.output.strip()) for example in shown]


def group_tasks(examples: Iterable[Example]) -> list[Task]:
    """The tasks of these examples, those of one instruction together, in order."""
    grouped: dict[str, list[Example]] = {}
    for example in examples:
        grouped.setdefault(example.instruction, []).append(example)
    return [
        Task(instruction, bool(group[0].meta.get("is_classification")), tuple(group))
        for instruction, group in grouped.items()
    ]


def task_line(instruction: str) -> str:
    """The line that gives a task."""
    return f"Task: {' '.join(instruction.split())}"


def kind_question(instruction: str) -> str:
    """A task and the question whether it is classification."""
    return f"{task_line(instruction)}\nIs it classification?"
