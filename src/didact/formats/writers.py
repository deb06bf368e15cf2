"""Examples as the rows of public formats, and what each format cannot hold.

A writer gives the rows of one example and names what it leaves behind; it raises ``CannotCarry``
with a short reason where the messages themselves do not fit. What is written is read back by the
source of the same name as the same messages, but for ``self-instruct``: prompts and completions in
layouts drawn at random, as GPT-3 was fine-tuned on them (see `didact.text.completion_pairs`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple, TypeAlias, cast

from didact.records import INPUT_MARK, JSON, Example, Message
from didact.text.completion_pairs import completion_pair

__all__ = ["WRITERS", "CannotCarry", "Written", "turns_alternate"]

Row: TypeAlias = "dict[str, JSON]"


class CannotCarry(Exception):
    """The example does not fit the format; the text says why, short and countable."""


class Written(NamedTuple):
    """One example in a format."""

    rows: list[Row]
    carried: frozenset[str] = frozenset()
    """Keys of ``meta`` that are in the rows."""


def turns_alternate(messages: tuple[Message, ...]) -> bool:
    """Whether user and assistant take turns, the user first and the assistant last."""
    roles = [message.role for message in messages]
    return (
        len(roles) >= 2
        and not len(roles) % 2
        and roles == ["user", "assistant"] * (len(roles) // 2)
    )


def _system(example: Example) -> tuple[str, tuple[Message, ...]]:
    first = example.messages[:1]
    if first and first[0].role == "system":
        return first[0].content, example.messages[1:]
    return "", example.messages


def _one_turn(example: Example) -> tuple[str, str, str]:
    """Instruction, input, output of a record that is nothing else."""
    system, messages = _system(example)
    if system:
        raise CannotCarry("a system message")
    if len(messages) == 1 and messages[0].role == "assistant":
        raise CannotCarry("an answer without a question")
    if not messages or messages[-1].role != "assistant":
        raise CannotCarry("no answer")
    if len(messages) != 2 or not turns_alternate(messages):
        raise CannotCarry("more than one turn")
    prompt, output = (message.content for message in messages)
    instruction, _, given = prompt.partition(INPUT_MARK)
    if not instruction.strip() or not given:
        instruction, given = prompt, ""
    if not instruction.strip():
        raise CannotCarry("an empty question")
    if not output.strip():
        raise CannotCarry("an empty answer")
    return instruction, given, output


def _alpaca(example: Example) -> Written:
    instruction, given, output = _one_turn(example)
    if given.strip().lower() == "<noinput>":
        raise CannotCarry("an input that reads as none")
    return Written([{"instruction": instruction, "input": given, "output": output}])


def _dolly(example: Example) -> Written:
    instruction, given, output = _one_turn(example)
    category = example.meta.get("category")
    row: Row = {"instruction": instruction, "context": given, "response": output}
    row["category"] = category if isinstance(category, str) else None
    return Written([row], frozenset({"category"} & example.meta.keys()))


def _sharegpt(example: Example) -> Written:
    system, messages = _system(example)
    if not turns_alternate(messages):
        raise CannotCarry("turns that do not alternate from user to assistant")
    if any(not message.content for message in messages) or (
        example.messages[0].role == "system" and not system
    ):
        raise CannotCarry("an empty turn")
    if any(not message.content[0].isprintable() for message in messages):
        raise CannotCarry("a turn that begins with a control character")
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    number = example.meta.get("id")
    row: Row = {
        "id": number if isinstance(number, str) else example.id,
        "conversations": [{"from": names[m.role], "value": m.content} for m in example.messages],
    }
    carried = {"id"} if isinstance(number, str) else set[str]()
    if isinstance(model := example.meta.get("model"), str):
        row["model"] = model
        carried.add("model")
    return Written([row], frozenset(carried))


def _messages(messages: tuple[Message, ...]) -> list[JSON]:
    return cast("list[JSON]", [message.to_json() for message in messages])


def _pair(example: Example, other: tuple[Message, ...]) -> tuple[int, list[JSON], list[JSON]]:
    """How many messages two conversations share, and how each goes on."""
    shared = 0
    for ours, theirs in zip(example.messages, other, strict=False):
        if ours != theirs:
            break
        shared += 1
    if not shared or shared == len(example.messages) or shared == len(other):
        raise CannotCarry("a pair without a common prompt")
    return shared, _messages(example.messages[shared:]), _messages(other[shared:])


def _openai(example: Example) -> Written:
    if not example.messages or example.messages[-1].role != "assistant":
        raise CannotCarry("no answer")
    if not example.rejected:
        return Written([{"messages": _messages(example.messages)}])
    rows: list[Row] = []
    for other in example.rejected:
        shared, better, worse = _pair(example, other)
        prompt: Row = {"messages": _messages(example.messages[:shared])}
        rows.append({"input": prompt, "preferred_output": better, "non_preferred_output": worse})
    return Written(rows, frozenset({"rejected"}))


def _self_instruct(example: Example) -> Written:
    instruction, given, output = _one_turn(example)
    pair = completion_pair(instruction, given, output, rng=Random(int(example.id[:16], 16)))
    return Written([{"prompt": pair.prompt, "completion": pair.completion}])


def _trl(example: Example) -> Written:
    if not example.messages or example.messages[-1].role != "assistant":
        raise CannotCarry("no answer")
    if not example.rejected:
        return Written([{"messages": _messages(example.messages)}])
    rows: list[Row] = []
    for other in example.rejected:
        shared, better, worse = _pair(example, other)
        prompt = _messages(example.messages[:shared])
        rows.append({"prompt": prompt, "chosen": better, "rejected": worse})
    return Written(rows, frozenset({"rejected"}))


def _oasst(example: Example) -> Written:
    system, messages = _system(example)
    if system:
        raise CannotCarry("a system message")
    if not turns_alternate(messages):
        raise CannotCarry("turns that do not alternate from user to assistant")
    if any(not message.content.strip() for message in messages):
        raise CannotCarry("an empty turn")
    worse = [other[-1].content for other in example.rejected if other[:-1] == example.prompt]
    if len(worse) < len(example.rejected):
        raise CannotCarry("a pair that differs before its last turn")
    lang = example.meta.get("lang")
    lang = lang if isinstance(lang, str) else "und"
    state = "ready_for_export"
    below: list[JSON] = []
    for n, message in reversed(list(enumerate(messages))):
        last = n == len(messages) - 1
        node = _node(f"{example.id}-{n}", message.content, lang, rank=0 if n % 2 else None)
        node |= {
            "parent_id": f"{example.id}-{n - 1}" if n else None,
            "role": ("prompter", "assistant")[n % 2],
            "replies": below,
        }
        siblings: list[JSON] = []
        if last:
            for k, text in enumerate(worse, 1):
                other = _node(f"{example.id}-{n}-{k}", text, lang, rank=k)
                other |= {"parent_id": node["parent_id"], "role": "assistant", "replies": []}
                siblings.append(other)
        below = [node, *siblings]
    carried = {"lang", "rejected"} & example.meta.keys()
    row: Row = {"message_tree_id": f"{example.id}-0", "tree_state": state, "prompt": below[0]}
    return Written([row], frozenset(carried))


def _node(number: str, text: str, lang: str, *, rank: int | None) -> Row:
    return {
        "message_id": number,
        "text": text,
        "lang": lang,
        "review_result": True,
        "deleted": False,
        "synthetic": False,
        "rank": rank,
    }


WRITERS: Mapping[str, Callable[[Example], Written]] = {
    "alpaca": _alpaca,
    "dolly": _dolly,
    "oasst": _oasst,
    "openai": _openai,
    "self-instruct": _self_instruct,
    "sharegpt": _sharegpt,
    "trl": _trl,
}
"""The formats of rows that can be written."""
