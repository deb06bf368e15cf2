"""The prompts that evolve instructions and answers, in our own words.

Evol-Instruct (Xu et al. 2023, arXiv 2304.12244): five operations in depth and one in breadth. Those
in depth share one layout: the work, the way of doing it, the restrictions, ``#The Given Prompt#:``,
the instruction, ``#Rewritten Prompt#:``. Adding data shows rewritings with data of other formats
first. Breadth has ``#Given Prompt#:`` and ``#Created Prompt#:``. How ours differs: all wording, and
the rewritings shown, are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

__all__ = [
    "DATA_EXAMPLES",
    "DataExample",
    "Improvement",
    "Operation",
    "better_answer_prompt",
    "equality_prompt",
    "evolution_prompt",
]

Operation: TypeAlias = Literal[
    "constraints", "deepening", "concretizing", "reasoning", "data", "breadth"
]
Improvement: TypeAlias = Literal["helpfulness", "relevance", "depth", "creativity", "detail"]


class DataExample(NamedTuple):
    """A prompt before and after data of a format was added to it."""

    format: str
    given: str
    rewritten: str


def evolution_prompt(operation: Operation, asked: str, formats: Sequence[DataExample]) -> str:
    """What evolves this instruction; of the formats the last one is asked for, the others shown."""
    if operation == "breadth":
        return _BREADTH.format(prompt=asked)
    if operation != "data":
        return _DEPTH.format(method=_METHODS[operation], prompt=asked)
    *shown, wanted = formats
    examples = "".join(_SHOWN.format(*one) for one in shown)
    return _DATA.format(examples=examples, format=wanted.format, prompt=asked)


def equality_prompt(first: str, second: str) -> str:
    """Asks whether two instructions are equal."""
    return _EQUALITY.format(first=first, second=second)


def better_answer_prompt(improvement: Improvement, instruction: str, answer: str) -> str:
    """Asks for an answer that is better in one respect."""
    respect = _RESPECTS[improvement]
    return _BETTER.format(respect=respect, instruction=instruction, answer=answer)


_DEPTH = """\
You rewrite prompts: of the prompt below you make one that is a little harder for well-known AI \
systems. People must still find it reasonable, understand it and be able to answer it. What is not \
plain text in #The Given Prompt#, such as a table or code, stays in it, and so does its input.
Make it harder in this way: {method}
Do not let it grow long: #Rewritten Prompt# has only 10 to 20 words more than #The Given Prompt#.
#Rewritten Prompt# must not hold the words "#The Given Prompt#", "#Rewritten Prompt#", \
"given prompt" or "rewritten prompt".

#The Given Prompt#:
{prompt}
#Rewritten Prompt#:
"""
_METHODS: Mapping[Operation, str] = {
    "constraints": "add one more constraint or requirement to #The Given Prompt#.",
    "deepening": "where it inquires into something, let it inquire with more depth and breadth.",
    "concretizing": "put more specific concepts in the place of general ones.",
    "reasoning": "where a few simple steps of thought are enough to solve it, let it ask openly"
    " for reasoning in several steps.",
}
_DATA = """\
You rewrite prompts: of a prompt you make one that is a little harder for well-known AI systems, \
by adding data for it to work on, in a format that is named. People must still find it reasonable, \
understand it and be able to answer it. #Rewritten Prompt# must not hold the words \
"#The Given Prompt#", "#Rewritten Prompt#", "given prompt" or "rewritten prompt".

{examples}The data to add: {format}
#The Given Prompt#:
{prompt}
#Rewritten Prompt#:
"""
_SHOWN = """\
The data to add: {0}
#The Given Prompt#:
{1}
#Rewritten Prompt#:
{2}

"""
DATA_EXAMPLES = (
    DataExample(
        "XML",
        "Which of my plants need water?",
        "Which of these plants need water today, if each goes without for at most five days?\n"
        '<plants><plant name="fern" dry_days="6"/><plant name="cactus" dry_days="2"/></plants>',
    ),
    DataExample(
        "SQL",
        "Find our best customers.",
        "Write the query for the three customers who paid most in 2021, with these tables:\n"
        "CREATE TABLE customer (id INT, name TEXT);\n"
        "CREATE TABLE payment (customer_id INT, paid DATE, euros DECIMAL);",
    ),
    DataExample(
        "Python code",
        "Why is my loop slow?",
        "Why does this loop take longer with every name, and how is it made fast?\n"
        "seen = []\nfor name in names:\n    if name not in seen:\n        seen.append(name)",
    ),
    DataExample(
        "an HTML page",
        "How do I help blind readers of my page?",
        "What in this page is lost on a reader who cannot see it, and what should it say instead?\n"
        '<h1>Our shop</h1><img src="map.png"><a href="/way">here</a>',
    ),
    DataExample(
        "shell commands",
        "Why is my backup empty?",
        "After these commands the archive holds no letters. Which one is wrong, and why?\n"
        "$ cd ~/letters\n$ mkdir backup && cd backup\n$ tar -czf letters.tgz *.txt",
    ),
    DataExample(
        "JSON",
        "How warm was it?",
        "On which days was it warmer than the mean of all the days below, and by how much?\n"
        '[{"day": "Mon", "celsius": 11}, {"day": "Tue", "celsius": 17}, {"day": "Wed"}]',
    ),
)
_BREADTH = """\
You create prompts: with #Given Prompt# as a start, create a prompt that is new altogether. \
It belongs to the same domain as #Given Prompt# but is rarer. It is about as long and as hard as \
#Given Prompt#. People must find it reasonable, understand it and be able to answer it.
#Created Prompt# must not hold the words "#Given Prompt#", "#Created Prompt#", "given prompt" or \
"created prompt".

#Given Prompt#:
{prompt}
#Created Prompt#:
"""
_EQUALITY = """\
Here are two instructions to an AI system. Are they equal? They are, if both of these hold:
1. Their constraints and requirements are the same.
2. They inquire with the same depth and the same breadth.

The First Prompt: {first}

The Second Prompt: {second}

Say only Equal or Not Equal, without a reason. Your judgement:"""
_BETTER = """\
Rewrite the answer below to make it better: {respect}. It stays an answer to the same instruction, \
and has only a little more words. Write the new answer and nothing else.

#Instruction#:
{instruction}
#Answer#:
{answer}
#Better Answer#:
"""
_RESPECTS: Mapping[Improvement, str] = {
    "helpfulness": "let it be of more help to who asked",
    "relevance": "keep it to what was asked, and leave out what was not",
    "depth": "let it go deeper into the matter",
    "creativity": "let it have a more original idea",
    "detail": "give more details",
}
