"""System messages that ask for explanations, and which questions they fit (Orca).

Orca (Mukherjee et al. 2023, arXiv 2306.02707) asks under 16 system messages, one of them empty. Two
of them, 8 and 10, are for questions that offer answers to choose from. Which others are drawn, each
as likely, depends on the sub-collection of FLAN that a question is from; the table is the paper's
figure 6 as repeated in the public code of others. The wording is ours; what each asks for, and the
form that number 15 prescribes, is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

__all__ = ["COLLECTIONS", "MESSAGES", "Collection", "fitting_messages", "offers_choices"]

Collection: TypeAlias = Literal["cot", "niv2", "flan2021", "t0", "other"]
COLLECTIONS: tuple[Collection, ...] = get_args(Collection)
"""Sub-collections of FLAN that are used, and everything else there is."""

_FITTING: Mapping[Collection, tuple[int, ...]] = {
    "cot": (6, 11, 16),
    "niv2": (1, 2, 5, 7, 9, 12, 13, 14, 15),
    "flan2021": (3, 4, 7),
    "t0": (1, 2, 3, 5, 7),
    # Questions from elsewhere may be without a definition, and need no translator.
    "other": (1, 2, 3, 4, 5, 6, 7, 11, 12, 16),
}
_CHOOSING = (8, 10)

_CUE = re.compile(
    r"\b(?:options|choices|multi-?choice|which (?:one )?of (?:the|these)"
    r"|(?:select|choose|pick)\b[^\n.:]{0,40}\bfrom)\b",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"(?:^|\s)[(\[]?(?:[A-Ha-h]|[1-9]|i{1,3}|iv|v)[)\].:]{1,2}\s+\S")
_LISTED = re.compile(r"(?:^|\s)(?:--?|\*|\+)\s+\S")
_LETTERED = re.compile(r"(?:^|\s)[(\[]?([AB])[)\].]{1,2}\s+\S")


def fitting_messages(collection: Collection, *, choices: bool) -> tuple[int, ...]:
    """The numbers of the messages to draw from; ``choices``: the question offers answers."""
    numbers = _FITTING[collection]
    # In the paper only Flan 2021 has those for choosing.
    return numbers + _CHOOSING * (choices and collection in ("flan2021", "other"))


def offers_choices(question: str, options: Sequence[str] = ()) -> bool:
    """Whether a question offers answers to choose from: lettered, announced, or known."""
    if set(_LETTERED.findall(question)) == {"A", "B"}:
        return True
    # Behind a word that announces them, also those with small letters, numbers or strokes.
    if cue := _CUE.search(question):
        behind = question[cue.end() :]
        if any(len(mark.findall(behind)) > 1 for mark in (_LABELLED, _LISTED)):
            return True
    return len(options) > 1 and all(option in question for option in options)


MESSAGES: Mapping[int, str] = {
    1: "",
    2: "Answer in so much detail that nobody has to look anything up elsewhere to understand it.",
    3: "You will be given a task. Write a long answer that goes into every detail.",
    4: "You always explain what you say. Explain as one would to a child of five.",
    5: "You do exactly what you are asked to do, and help as much as you possibly can.",
    6: """\
You help people to find out what they want to know. Answer in so much detail that nobody has to \
look anything up elsewhere to understand it.""",
    7: """\
You will be given a task. Carry it out as faithfully as you can. Think step by step as you do so, \
and give the reason for each of your steps.""",
    8: """\
Say what the task is, and explain your answer. Where there are several answers to choose from, \
begin with the right one, or the right ones, and then go through the others and say why they are \
wrong. Put it so that a child of five understands it.""",
    9: "Explain how the definition of the task has led you to your answer.",
    10: """\
Say what the task is, and explain your answer. Where there are several answers to choose from, \
give the right one, or the right ones, and explain what is wrong with the others. You may need to \
know more than the question says to tell.""",
    11: """\
You help people to find out what they want to know. You will be asked a question, and your task is \
to answer it as faithfully as you can. Think step by step as you do so, and justify your answer.""",
    12: """\
You will be given a task, and instructions for it. Keep to the instructions as faithfully as you \
can. Think step by step as you answer, and justify each of your steps.""",
    13: """\
You are a teacher. When you are given a task, say in simple steps what it asks for, which \
guidelines it gives, and how one comes to the answer by these guidelines.""",
    14: """\
You know every language, and how to say what is said in one of them in any other. When you are \
given a task, say in simple steps what it asks for and which guidelines it gives. Then carry it \
out, and show how you kept to the guidelines.""",
    15: """\
You will be given the definition of a task and an input. Take the definition apart into small \
pieces, each of which holds an instruction. Make each clear by an example that does what it asks \
for. Write in this form:
Part #: (one piece of the definition)
Usage: (an answer that fulfils this piece, and why it does)""",
    16: "You help people to find out what they want to know.",
}
"""What is asked for, by number; the first is no system message at all."""
