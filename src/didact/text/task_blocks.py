"""Whole tasks in one reply, as Stanford Alpaca writes them: blocks of three numbered fields.

Stanford Alpaca (Taori et al. 2023) shows a model some tasks and lets it write on: a line ``###``,
then ``k. Instruction:``, ``k. Input:`` (``<noinput>`` where there is none) and ``k. Output:``.
`write_blocks` writes them, up to the mark of the next instruction; `parse_blocks` reads the
continuation. Every block comes back as a `TaskBlock`, kept or with the reason of its drop.

Two readings. *Faithful* does what the published code does, defects included. *Corrected* differs:

- a block begins at ``k. Instruction:`` at the start of a line, after a line ``###`` or with the
  next number; published: at every ``###``, so that one inside an output ends the item, shifts the
  count, and with it loses every later block;
- a field is the first of its name at the start of a line after the one before it, whatever number
  it has; published: a wrong number or the pattern in running text loses the block;
- a block without an input mark has no input; a mark may be bold; a reply may repeat the mark that
  the prompt ended with, or come from a chat model with words before the first task;
- "N/A", "None" and the like are no input as ``<noinput>`` is; texts are normalised (NFC);
- an empty output is dropped; published: kept.

In both, a reply that is cut loses its last block, which is an empty one where it ends in ``###``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from didact.text.instances import means_no_input
from didact.text.instructions import fault_of

__all__ = ["NO_INPUT", "TaskBlock", "parse_blocks", "write_blocks"]

NO_INPUT = "<noinput>"

_SEPARATOR = "###"
_MARKUP = r"[ \t*]*"
_MARK = re.compile(
    rf"(?m)^(?P<rule>[ \t]*\#{{3,}}\s*)?{_MARKUP}(?P<number>\d{{1,4}})[ \t]?[.)]{_MARKUP}"
    rf"(?P<name>Instruction|Input|Output)[ \t]*\d*{_MARKUP}:\**"
)
_RULE_AT_END = re.compile(r"\s*\n[ \t]*#{3,}\s*\Z|\A[ \t]*#{3,}\s*\Z")


class TaskBlock(NamedTuple):
    """One task of a reply."""

    instruction: str
    input: str
    output: str
    reason: str = ""
    """Why it is dropped; "" when it is kept."""

    @property
    def keep(self) -> bool:
        """Whether it passed."""
        return not self.reason


def write_blocks(tasks: Iterable[tuple[str, str, str]]) -> str:
    """These tasks (instruction, input, output) as blocks, and the mark for the next one."""
    number = 0
    lines: list[str] = []
    for number, (instruction, given, output) in enumerate(tasks, 1):
        lines += [
            _SEPARATOR,
            f"{number}. Instruction: {' '.join(instruction.split()).rstrip(':')}",
            f"{number}. Input:",
            given.strip() or NO_INPUT,
            f"{number}. Output:",
            output.strip(),
        ]
    return "\n".join([*lines, _SEPARATOR, f"{number + 1}. Instruction:"])


def parse_blocks(
    reply: str,
    *,
    first: int,
    finish: str = "stop",
    faithful: bool = False,
    blacklist: Sequence[str] = (),
) -> list[TaskBlock]:
    """Every task of the continuation, in order; ``first`` is the number the prompt ended with."""
    if faithful:
        blocks = list(_faithful(f"{first}. Instruction:{reply}", first))
    else:
        blocks = list(_corrected(unicodedata.normalize("NFC", reply), first))
    if finish == "length" and blocks:
        blocks[-1] = blocks[-1]._replace(reason="cut off")
    elif finish != "stop":
        blocks = [block._replace(reason="refused") for block in blocks]
    written = [block for block in blocks if any(block[:3])]
    return [_judged(block, faithful=faithful, blacklist=blacklist) for block in written]


def _judged(block: TaskBlock, *, faithful: bool, blacklist: Sequence[str]) -> TaskBlock:
    if block.reason:
        return block
    reason = fault_of(block.instruction, faithful=faithful, blacklist=blacklist)
    if not faithful and not reason and not block.output:
        reason = "empty output"
    return block._replace(reason=reason)


def _faithful(text: str, first: int) -> Iterator[TaskBlock]:
    for number, piece in enumerate(re.split(_SEPARATOR, text), first):
        parts = re.split(rf"{number}\.\s+(Instruction|Input|Output):", piece)
        if len(parts) != 7:
            yield TaskBlock(piece.strip(), "", "", "not three fields")
            continue
        instruction, given, output = (part.strip() for part in parts[2::2])
        yield TaskBlock(instruction, "" if given.lower() == NO_INPUT else given, output)


def _corrected(reply: str, first: int) -> Iterator[TaskBlock]:
    opening = _MARK.search(reply)
    if opening is None or opening["name"] != "Instruction":
        reply = f"{first}. Instruction:{reply}"
    elif int(opening["number"]) in (first, 1):
        reply = reply[opening.start() :]  # what is before it are a chat model's own words
    elif reply[: opening.start()].strip():
        reply = f"{first}. Instruction:{reply}"  # the end of what the prompt began
    starts = list(_starts(reply))
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        yield _block(reply[start:end])
    if _RULE_AT_END.search(reply):
        yield TaskBlock("", "", "")


def _starts(text: str) -> Iterator[int]:
    """Where a task begins; an instruction mark inside an output is text."""
    last = None
    for mark in _MARK.finditer(text):
        if mark["name"] == "Instruction":
            number = int(mark["number"])
            if last is None or mark["rule"] or number == last + 1:
                yield mark.start()
                last = number


def _block(text: str) -> TaskBlock:
    """The three fields of a block, each ended by the first mark of a later one."""
    fields = {"Instruction": "", "Input": "", "Output": ""}
    order = list(fields)
    name, begin = "", 0
    for mark in _MARK.finditer(text):
        if not name or order.index(mark["name"]) > order.index(name):
            if name:
                fields[name] = text[begin : mark.start()]
            name, begin = mark["name"], mark.end()
    fields[name] = _RULE_AT_END.sub("", text[begin:])
    instruction, given, output = (value.strip() for value in fields.values())
    reason = "" if name == "Output" else "no output mark"
    return TaskBlock(
        " ".join(instruction.split()), "" if means_no_input(given) else given, output, reason
    )
