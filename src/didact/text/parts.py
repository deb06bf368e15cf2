"""The part of an example that a filter looks at, as one text."""

from __future__ import annotations

from typing import Literal, TypeAlias

from didact.records import INPUT_MARK, Example

__all__ = ["Part", "part_of"]

Part: TypeAlias = Literal["instruction", "input", "prompt", "output", "example"]
"""``prompt`` is the first user turn, instruction and input; ``example`` all messages."""


def part_of(example: Example, part: Part) -> str:
    """The text of that part; "" where there is none."""
    if part == "instruction":
        return example.instruction
    if part == "input":
        return example.input
    if part == "output":
        return example.output
    if part == "prompt":
        return f"{example.instruction}\n{example.input}" if example.input else example.instruction
    return "\n".join(message.content.replace(INPUT_MARK, "\n", 1) for message in example.messages)
