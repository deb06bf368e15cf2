"""Tasks of three fields, instruction, input and constraints, and an instruction in other words.

Unnatural Instructions (Honovich et al. 2022, arXiv 2212.09689) shows three tasks and lets a model
write a fourth: ``Example k``, then ``Instruction:``, ``Input:`` and ``Constraints:``, which say
what an output may be, often "None.". In a paraphrase ``{INPUT}`` stands where the input goes.
The three prompts are in our words;
`write_examples` writes what is shown, `read_task` and `read_paraphrase` read the reply. No code of
the authors is public; the reading is ours, and what cannot be read comes back with its reason.

A mark counts at the start of a line, the first of its name, in the order of the fields; a reply may
repeat the mark that the prompt ended with, set marks in bold, or write on with further examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from didact.text.instances import means_no_input

__all__ = [
    "PLACEHOLDER",
    "TEMPLATES",
    "ConstrainedTask",
    "output_prompt",
    "paraphrase_prompt",
    "read_paraphrase",
    "read_task",
    "task_prompt",
    "write_examples",
]

PLACEHOLDER = "{INPUT}"

_MARKUP = r"[ \t*#]*"
_FIELDS = ("Instruction", "Input", "Constraints")
_MARKS = {name: re.compile(rf"(?m)^{_MARKUP}{name.rstrip('s')}s?[ \t*]*:\**") for name in _FIELDS}
_NEXT = re.compile(rf"(?m)^{_MARKUP}Example[ \t]+\d+")
_ECHO = re.compile(rf"\A{_MARKUP}(?:Instruction|In other words|Second)[ \t*]*:[ \t*]*")
_FURTHER = re.compile(r"\n(?:Instruction|In other words|First|Second):")
_SPELLINGS = re.compile(r"[{\[(<]\s*input\s*[}\])>]", re.IGNORECASE)


class ConstrainedTask(NamedTuple):
    """A task whose output is not written yet."""

    instruction: str
    input: str
    constraints: str
    reason: str = ""
    """Why it is dropped; "" when it is kept."""

    @property
    def restricts(self) -> str:
        """The constraints, "" where they are none."""
        return "" if means_no_input(self.constraints) else self.constraints


def write_examples(tasks: Iterable[ConstrainedTask]) -> str:
    """These tasks, numbered, and the start of the next one."""
    number = 0
    lines: list[str] = []
    for number, task in enumerate(tasks, 1):
        lines += [
            f"Example {number}",
            f"Instruction: {task.instruction}",
            f"Input: {task.input}",
            f"Constraints: {task.constraints}",
            "",
        ]
    return "\n".join([*lines, f"Example {number + 1}", "Instruction:"])


def task_prompt(tasks: Iterable[ConstrainedTask]) -> str:
    """Asks for one more task after these."""
    return f"{_HEADER}\n\n{write_examples(tasks)}"


def output_prompt(task: ConstrainedTask) -> str:
    """Asks for the output of a task."""
    return _OUTPUT.format(
        instruction=task.instruction, input=task.input, constraints=task.constraints
    )


def paraphrase_prompt(number: int, instruction: str) -> str:
    """Asks to say an instruction in other words, with the templates by turns."""
    return _PARAPHRASES[number % TEMPLATES].format(instruction=instruction)


def read_task(reply: str, *, finish: str = "stop") -> ConstrainedTask:
    """The first task of a reply."""
    opening = _MARKS["Instruction"].search(reply)
    early = opening is not None and not _MARKS["Input"].search(reply, 0, opening.start())
    text = reply[opening.end() :] if opening and early else reply
    following = _NEXT.search(text)
    text = text[: following.start()] if following else text
    parts: list[str] = []
    missing = ""
    for name in _FIELDS[1:]:
        mark = _MARKS[name].search(text)
        parts.append(text[: mark.start()].strip() if mark else text.strip())
        text = text[mark.end() :] if mark else ""
        missing = missing or ("" if mark else f"no {name.lower()}")
    parts.append(text.strip())
    instruction, given, constraints = parts
    instruction = " ".join(instruction.split())
    reason = missing
    if not reason and not (instruction and given and constraints):
        reason = "empty field"
    if finish == "length" and not following:
        reason = "cut off"
    elif finish not in ("stop", "length"):
        reason = "refused"
    return ConstrainedTask(instruction, given, constraints, reason)


def read_paraphrase(reply: str, given: str) -> tuple[str, str]:
    """Instruction and input as a paraphrase has them; the input is "" where the text holds it."""
    text = _ECHO.sub("", reply.strip()).partition("\n\n")[0]
    text = _FURTHER.split(text)[0].strip()
    filled = _SPELLINGS.sub(lambda _: given, text)
    return (filled, "") if filled != text else (text, given)


_HEADER = "Examples of tasks, each with an input and with what holds for the output:"
_OUTPUT = """\
Instruction: {instruction}
Input: {input}
Constraints: {constraints}
Output:"""
_PARAPHRASES = (
    """\
Instructions, and how else one can say them. {{INPUT}} stands where the input goes.

Instruction: Count the vowels in the word.
In other words: How many of the letters of "{{INPUT}}" are vowels?

Instruction: Tell whether the review is kind or harsh.
In other words: {{INPUT}}
Is whoever wrote this review kind or harsh?

Instruction: {instruction}
In other words:""",
    """\
The same task, given by two people. {{INPUT}} stands for what the task is to be done with.

First: Give the capital of the country.
Second: From which city is {{INPUT}} governed? Name it.

First: Put the sentence into the past tense.
Second: Take this sentence, and let it tell of yesterday: {{INPUT}}

First: {instruction}
Second:""",
)

TEMPLATES = len(_PARAPHRASES)
"""How many ways there are to ask for other words."""
