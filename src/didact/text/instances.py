"""Instances of one task, written into a prompt, and read from a reply and filtered.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560) asks for instances in two layouts. Input first:
``Example k`` blocks, or none, with fields and ``Output:``. Output first, for classification:
``Class label: L`` and then the lines of an input with that label. `write_instances` writes them
so; `parse_instances` reads them. Nothing is lost: what is not an instance comes back as `Dropped`,
with the reason.

Two readings. *Faithful* does what the published code does, defects included. *Corrected* differs:

- ``Example 1`` is a mark only where it stands by itself at the start of a line, with a number;
  published: the word anywhere, so "For Example, cats" is cut in two;
- ``Output:``, ``Input:`` and ``Class label:`` count at the start of a line; only a text with none
  there is searched for them elsewhere;
- several Input and Output pairs without ``Example`` are several instances; published: the first;
- a block without ``Output:`` is dropped; published: it is an output (a preamble becomes data);
- an empty class label drops the instance; published: the next line becomes the label;
- "Example: [9]" and "Input 2 - List: [9]" lose the mark before the input, "Example Output:" is an
  output, and an input of "N/A", "None" or "<noinput>" is empty;
- of contradicting instances (one input, two outputs) only those go; published: all of the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

__all__ = [
    "Dropped",
    "Instance",
    "Parsed",
    "means_no_input",
    "parse_instances",
    "write_instances",
]


class Instance(NamedTuple):
    """One input, "" where the task needs none, and its output."""

    input: str
    output: str


class Dropped(NamedTuple):
    """What a reply held beside its instances."""

    input: str
    output: str
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """All of a reply."""

    instances: tuple[Instance, ...]
    dropped: tuple[Dropped, ...] = ()


Piece: TypeAlias = Instance | Dropped

_FAITHFUL_EXAMPLE = re.compile(r"Example\s?\d*\.?")
_OUTPUT = re.compile(r"Output\s*\d*\s*:")
_INPUT = re.compile(r"Input\s*\d*\s*:")
_LABEL = "Class label:"

_MARKUP = r"[ \t*#]*"  # chat models set marks in bold or as headings
_EXAMPLE_LINE = re.compile(rf"(?m)^{_MARKUP}Example[ \t]*\d+[ \t*]*(?:[.:)][ \t*]*|$)")
_OUTPUT_LINE = re.compile(rf"(?m)^{_MARKUP}(?:Example[ \t]+)?Output[ \t]*\d*[ \t*]*:\**")
_INPUT_LINE = re.compile(rf"(?m)^{_MARKUP}(?:Example[ \t]+)?Input[ \t]*\d*[ \t*]*:\**")
_INPUT_BEFORE_OUTPUT = re.compile(r"Input\s*\d*\s*:(?=[\s\S]*Output\s*\d*\s*:)")
_EXAMPLE_PREFIX = re.compile(rf"\A{_MARKUP}Example(?:[ \t]*:|(?=[ \t]+Input))")
_INPUT_PREFIX = re.compile(rf"\A{_MARKUP}Input(?:[ \t]*\d*[ \t*]*:\**|[ \t]+\d+[ \t]*[-.)][ \t])")
_LABEL_LINE = re.compile(rf"(?m)^{_MARKUP}Class [Ll]abel[ \t*]*:\**")
_NOTHING = frozenset({"n/a", "none", "(none)", "<noinput>", "no input", "no input required"})


def write_instances(instances: Sequence[Instance], *, classification: bool) -> str:
    """The lines that show these instances in a prompt."""
    lines: list[str] = []
    for number, (given, output) in enumerate(instances, 1):
        if classification:
            lines += [f"Class label: {output}", given]
            continue
        if given or len(instances) > 1:
            lines.append(f"Example {number}")
        lines += [f"Input: {given}" if given else "", f"Output: {output}"]
    return "\n".join(line for line in lines if line)


def parse_instances(
    reply: str, *, classification: bool, finish: str = "stop", faithful: bool = False
) -> Parsed:
    """The instances of one reply that pass the filters, in the order they stand."""
    if classification:
        pieces = _faithful_labels(reply) if faithful else _labels(reply)
    else:
        pieces = _faithful_outputs(reply) if faithful else _outputs(reply)
    instances: list[Instance] = []
    dropped: list[Dropped] = []
    for piece in pieces:
        if isinstance(piece, Instance):
            instances.append(piece)
        elif piece.input or piece.output:
            dropped.append(piece)
    if finish != "stop" and instances:
        lost = instances[-1:] if finish == "length" else instances
        reason = "cut off" if finish == "length" else "refused"
        dropped += [Dropped(*instance, reason) for instance in lost]
        instances = instances[: len(instances) - len(lost)]
    kept, invalid = _valid(instances)
    consistent, repeated = _consistent(kept, faithful)
    return Parsed(tuple(consistent), (*dropped, *invalid, *repeated))


def _rest(*texts: str) -> Iterator[Dropped]:
    for text in texts:
        yield Dropped("", text.strip(), "after the output")


def _faithful_outputs(reply: str) -> Iterator[Piece]:
    reply = reply.strip()
    if _FAITHFUL_EXAMPLE.search(reply):
        blocks = [block for block in _FAITHFUL_EXAMPLE.split(reply) if block.strip()]
    elif _OUTPUT.search(reply):
        blocks = [reply]
    else:
        yield Dropped("", reply, "no output marker")
        return
    for block in blocks:
        before, *after = _OUTPUT.split(block.strip())
        source, output = (before, after[0]) if after else ("", before)
        output, *run_on = _INPUT.split(output)
        source = re.sub(r"^Input\s*\d*\s*:", "", source.strip())
        yield Instance(source.strip(), output.strip())
        yield from _rest(*run_on, *after[1:])


def _outputs(reply: str) -> Iterator[Piece]:
    for block in _EXAMPLE_LINE.split(reply):
        yield from _pairs(block.strip())


def _pairs(block: str) -> Iterator[Piece]:
    """Input and output of a block, and of every further pair that follows in it."""
    while block:
        mark = _OUTPUT_LINE.search(block) or _OUTPUT.search(block)
        if mark is None:
            yield Dropped("", block, "no output marker")
            return
        source, output = block[: mark.start()], block[mark.end() :]
        following = _INPUT_LINE.search(output) or _INPUT_BEFORE_OUTPUT.search(output)
        block = output[following.start() :].strip() if following else ""
        output = output[: following.start()] if following else output
        again = _OUTPUT_LINE.search(output)
        rest = output[again.end() :] if again else ""
        yield Instance(_input(source), output[: again.start() if again else None].strip())
        yield from _rest(rest)


def _input(text: str) -> str:
    text = _EXAMPLE_PREFIX.sub("", text.strip()).strip()
    text = _INPUT_PREFIX.sub("", text).strip()
    return "" if means_no_input(text) else text


def means_no_input(text: str) -> bool:
    """Whether it is one of the ways to write that there is no input."""
    return text.strip().lower().rstrip(".") in _NOTHING


def _faithful_labels(reply: str) -> Iterator[Piece]:
    before, *blocks = reply.split(_LABEL)
    yield Dropped("", before.strip(), "before the first label" if blocks else "no class label")
    for block in blocks:
        label, _, source = block.strip().partition("\n")
        yield Instance(source.strip(), label.strip())


def _labels(reply: str) -> Iterator[Piece]:
    blocks = _LABEL_LINE.split(reply)
    before, *blocks = blocks if len(blocks) > 1 else reply.split(_LABEL)
    yield Dropped("", before.strip(), "before the first label" if blocks else "no class label")
    for block in blocks:
        label, _, source = block.partition("\n")
        yield Instance(_input(source), label.strip())


def _valid(instances: Sequence[Instance]) -> tuple[list[Instance], list[Dropped]]:
    kept: list[Instance] = []
    dropped: list[Dropped] = []
    for instance in instances:
        if not instance.output:
            dropped.append(Dropped(*instance, "empty output"))
        elif instance.input == instance.output:
            dropped.append(Dropped(*instance, "output repeats the input"))
        elif instance.input.endswith(":") or instance.output.endswith(":"):
            dropped.append(Dropped(*instance, "ends with a colon"))
        else:
            kept.append(instance)
    return kept, dropped


def _consistent(
    instances: Sequence[Instance], faithful: bool
) -> tuple[list[Instance], list[Dropped]]:
    """Each instance once; those with one non-empty input and two outputs not at all."""
    distinct = list(dict.fromkeys(instances))
    outputs: dict[str, set[str]] = {}
    for instance in distinct:
        outputs.setdefault(instance.input, set()).add(instance.output)
    torn = {source for source, answers in outputs.items() if source and len(answers) > 1}
    conflict = "same input, different outputs"
    kept = [i for i in distinct if not torn or (not faithful and i.input not in torn)]
    dropped = [Dropped(*i, conflict) for i in distinct if i not in kept]
    seen: set[Instance] = set()
    for instance in instances:
        if instance in seen and instance in kept:
            dropped.append(Dropped(*instance, "duplicate"))
        seen.add(instance)
    return kept, dropped
