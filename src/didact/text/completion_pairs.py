"""An example as the prompt and completion that GPT-3 was fine-tuned on.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560) encodes each instance with one of several
layouts, seven with an input and six without, drawn at random, so that the tuned model minds none of
them; half of the inputs lose the name of their only field, and their blank lines. The layouts and
the end mark are the published ones, to the character. How ours differs: the draw is by the example,
not from one stream, so that the same example has the same layout in any order.
"""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

__all__ = ["END", "CompletionPair", "completion_pair"]

END = "<|endoftext|>"
"""Ends every completion."""

_WITH_INPUT = (
    "{instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\nInput: {input}\n\nOutput:",
    "Task: {instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\n{input}\n\nOutput:",
    "{instruction}\n\n{input}\n\n",
    "{instruction}\n{input}\n\n",
    "Task: {instruction}\n\n{input}\n\n",
)
_WITHOUT = (
    "{instruction} Output:",
    "{instruction}\nOutput:",
    "{instruction}\n\nOutput:",
    "{instruction}\n",
    "{instruction}\n\n",
    "Task: {instruction}\n\n",
)
_PLAIN = "{instruction}\n\n{input}\n\n"
_FIELD = re.compile(r"(\w+):")


class CompletionPair(NamedTuple):
    """What is shown, and what is trained."""

    prompt: str
    completion: str


def completion_pair(
    instruction: str, given: str, output: str, *, rng: Random | None = None
) -> CompletionPair:
    """One layout drawn by ``rng``; without it the plain one, whether there is an input or not."""
    layout = _PLAIN
    if rng is not None:
        if rng.random() < 0.5:
            if len(set(_FIELD.findall(given))) == 1:
                given = given.partition(":")[2].strip()
            given = given.replace("\n\n", "\n")
        layout = rng.choice(_WITH_INPUT if given else _WITHOUT)
    before, _, after = layout.partition("{instruction}")
    prompt = f"{before}{instruction}{after.replace('{input}', given)}"
    space = " " if prompt.endswith("Output:") else ""
    return CompletionPair(prompt, f"{space}{output}{END}")
