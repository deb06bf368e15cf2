"""The prompt of Super-NaturalInstructions as Tk-Instruct writes it, to the character.

Super-NaturalInstructions (Wang et al. 2022, arXiv 2204.07705): a definition, positive and negative
examples with their explanations, and the input to answer. A full stop is put where a text ends in
no punctuation. Examples are added while all of it fits. The leading spaces before Positive, Output
and Explanation, and none before Input, are the original's. Pure functions; no calls.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["ENCODINGS", "Encoding", "Prompts", "Shown", "about_tokens", "encode"]


class Shown(NamedTuple):
    """An example of a task."""

    input: str
    output: str
    explanation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What a prompt shows of its task."""

    task_name: bool = False
    definition: bool = True
    positive: int = 2
    negative: int = 0
    explanations: bool = False


ENCODINGS = (
    Encoding(positive=0),
    Encoding(definition=False),
    Encoding(),
    Encoding(negative=2),
    Encoding(explanations=True),
)
"""Of these Tk-Instruct draws one for every instance."""


def about_tokens(text: str) -> int:
    """About as many tokens as a tokenizer makes of a text: one for four bytes."""
    return -(-len(text.encode("utf-8", "replace")) // 4)


def encode(
    encoding: Encoding,
    given: str,
    *,
    task: str = "",
    definition: str = "",
    positive: Sequence[Shown] = (),
    negative: Sequence[Shown] = (),
    most: int = 1024,
    length: Callable[[str], int] = about_tokens,
) -> str:
    """The prompt; examples that no longer fit into ``most`` tokens are left out, from there on.

    One that is too long without any example comes as it is: cutting it needs the tokenizer.
    """
    asked = _asked(given)
    head = _stopped(f"Definition: {definition.strip()}") + "\n\n" if encoding.definition else ""
    parts: dict[str, list[str]] = {"Positive": [], "Negative": []}
    limits = {"Positive": positive[: encoding.positive], "Negative": negative[: encoding.negative]}
    for kind, shown in limits.items():
        for number, example in enumerate(shown, 1):
            text = _example(kind, number, example, explain=encoding.explanations)
            # As the original measures it: joined by a space, which the prompt then is not.
            so_far = head + " ".join(parts["Positive"]) + " ".join(parts["Negative"])
            if length(so_far + text + asked) > most:
                break
            parts[kind].append(text)
    name = f"{task}. " if encoding.task_name else ""
    return name + head + "".join(parts["Positive"] + parts["Negative"]) + asked


class Prompts:
    """The prompts of one task in one encoding: what they share is made once."""

    def __init__(
        self,
        encoding: Encoding,
        *,
        task: str = "",
        definition: str = "",
        positive: Sequence[Shown] = (),
        negative: Sequence[Shown] = (),
        most: int = 1024,
    ) -> None:
        def written(given: str, most: int) -> str:
            return encode(
                encoding,
                given,
                task=task,
                definition=definition,
                positive=positive,
                negative=negative,
                most=most,
            )

        self._whole = written
        self._most = most
        self._shared = written("", sys.maxsize).removesuffix(_asked(""))
        # Besides, what the original puts between examples when it measures them.
        size = len(self._shared.encode("utf-8", "replace")) + len(positive) + len(negative)
        self._room = 4 * most - size

    def write(self, given: str) -> str:
        """The prompt of one instance, as `encode` gives it."""
        asked = _asked(given)
        # A character takes four bytes at most: few need to be counted.
        if 4 * len(asked) <= self._room or len(asked.encode("utf-8", "replace")) <= self._room:
            return self._shared + asked
        return self._whole(given, self._most)


def _asked(given: str) -> str:
    given = given.strip()
    stop = "" if given[-1:] in _PUNCTUATION else "."
    return f"Now complete the following example -\nInput: {given}{stop}\nOutput: "


def _example(kind: str, number: int, example: Shown, *, explain: bool) -> str:
    lines = [
        f" {kind} Example {number} -",
        _stopped(f"Input: {example.input.strip()}"),
        _stopped(f" Output: {example.output.strip()}"),
    ]
    if explain and example.explanation:
        lines.append(_stopped(f" Explanation: {example.explanation.strip()}"))
    return "\n".join(lines) + "\n\n"


def _stopped(text: str) -> str:
    return text if text[-1] in _PUNCTUATION else text + "."


_PUNCTUATION = frozenset(string.punctuation)
