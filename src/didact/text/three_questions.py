"""The three questions of the data audit, as a judge is asked them and as its reply is read.

Self-Instruct (Y. Wang et al. 2022, arXiv 2212.10560, table 2): is the instruction a valid task, is
the input appropriate, is the output correct. The words are ours. A reply counts only where it says
yes or no to all three, each on its numbered line. Cost: one call an example.
"""

from __future__ import annotations

import re

__all__ = ["QUESTIONS", "audit_prompt", "read_three"]

QUESTIONS = ("valid_instruction", "input_appropriate", "output_correct")
"""Their names, in their order."""

_LINE = re.compile(r"^\W*([123])\W+(?:[^\n]*?\W)?(yes|no)\b[^\n]*$", re.IGNORECASE | re.MULTILINE)


def audit_prompt(instruction: str, input: str, output: str) -> str:
    """What the judge is shown."""
    return _PROMPT.format(instruction=instruction, input=input or "(none)", output=output)


def read_three(reply: str) -> tuple[bool, bool, bool] | None:
    """Yes or no to each; None where one is missing or answered twice in two ways."""
    said: dict[str, set[str]] = {}
    for number, word in _LINE.findall(reply):
        said.setdefault(number, set()).add(word.lower())
    if any(len(said.get(number, ())) != 1 for number in "123"):
        return None
    first, second, third = (said[number] == {"yes"} for number in "123")
    return first, second, third


_PROMPT = """\
Here is one example of data that an assistant is to learn from. Answer three questions about it, \
each by itself.
1. Does the instruction ask for something that can be done, so that one knows what to do?
2. Is the input what the instruction needs? Where nothing is needed, having none is right.
3. Is the output a right and acceptable answer to the instruction and its input?

[The start of the instruction]
{instruction}
[The end of the instruction]

[The start of the input]
{input}
[The end of the input]

[The start of the output]
{output}
[The end of the output]

Answer with three lines and nothing else, each the number of the question and yes or no:
1: yes or no
2: yes or no
3: yes or no"""
