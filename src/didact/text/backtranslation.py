"""The texts of instruction backtranslation: prompts, the tags of its two kinds of data, the score.

Li et al. 2023 (arXiv 2308.06259), structure and markers theirs, words ours. The backward model
reads an output and writes the instruction; every example of the forward models carries one sentence
that says where its answer is from; curation asks for a score of 1 to 5 in a last line
``Score: ...``. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Literal, TypeAlias

from didact.records import INPUT_MARK, JSON, Example, Message

__all__ = [
    "ASSISTANT_TAG",
    "BACKWARD_INTRODUCTION",
    "BOTH_TAGS",
    "HIGHEST",
    "LOWEST",
    "PUBLISHED",
    "WEB_TAG",
    "Mode",
    "backward_messages",
    "characters",
    "curation_prompt",
    "page_prompt",
    "read_score",
    "tagged",
    "untagged",
]

Mode: TypeAlias = Literal["corrected", "faithful"]

LOWEST, HIGHEST = 1.0, 5.0
"""The ends of the scale."""

PUBLISHED: dict[str, JSON] = {
    "seed": {"examples": 3200, "instruction": [148, 322], "output": [1072, 818]},
    "A_5": {"examples": 41_821, "instruction": [115, 175], "output": [1663, 616]},
    "A_4": {"examples": 195_043, "instruction": [206, 298], "output": [1985, 649]},
    "A": {"examples": 502_133, "instruction": [352, 134], "output": [1722, 653]},
}
"""The paper's data, the sets A_k those of its second iteration: characters, mean and deviation."""


def backward_messages(text: str, introduction: str) -> tuple[Message, ...]:
    """What the backward model is asked: the output in the place of the instruction."""
    question = Message("user", text)
    return (Message("system", introduction), question) if introduction else (question,)


def tagged(
    messages: Sequence[Message], tag: str, place: Literal["instruction", "system"]
) -> tuple[Message, ...]:
    """The conversation with a tag: after its first instruction, before any input, or as system."""
    if place == "system":
        first, *rest = messages
        if first.role == "system":
            return (Message("system", f"{first.content}\n{tag}"), *rest)
        return (Message("system", tag), *messages)
    at = _first_user(messages)
    instruction, mark, given = messages[at].content.partition(INPUT_MARK)
    said = Message("user", f"{instruction}{_GAP}{tag}{mark}{given}")
    return (*messages[:at], said, *messages[at + 1 :])


def untagged(text: str, tag: str) -> str:
    """What a user said without the tag that `tagged` put there."""
    instruction, mark, given = text.partition(INPUT_MARK)
    return f"{instruction.removesuffix(f'{_GAP}{tag}')}{mark}{given}" if tag else text


def _first_user(messages: Sequence[Message]) -> int:
    return next(n for n, message in enumerate(messages) if message.role == "user")


def curation_prompt(instruction: str, output: str) -> str:
    """Asks for a score of 1 to 5, a reason before it."""
    return f"{_CURATION}\n\n{instruction}\n\n{output}"


def page_prompt(instruction: str, output: str) -> str:
    """The same for a model too small to read the scale: a page of graded answers, begun.

    The score comes first: tuned on short answers, a small model ends after one line.
    """
    asked, mark, given = instruction.partition(INPUT_MARK)
    lines = [f"Task: {asked}", f"Input: {given}" if mark else "", f"Answer: {output}", "Score:"]
    return "\n".join(line for line in lines if line)


def read_score(reply: str, mode: Mode = "corrected") -> float | None:
    """The score; None where there is none.

    *Faithful* is the open replication's: a whole number, of any size, that ends the reply.
    *Corrected*: what the last "Score:" names, with "/5", brackets, marks of emphasis or a full stop
    about it; a number outside 1 to 5 is no score, and neither is a choice of two ("4-5").
    """
    if mode == "faithful":
        found = _STRICT.search(reply)
        return float(found[1]) if found else None
    said = _SAID.findall(reply)
    number = _NUMBER.fullmatch(said[-1].strip()) if said else None
    score = float(number[1]) if number else 0.0
    return score if LOWEST <= score <= HIGHEST else None


def characters(examples: Iterable[Example]) -> dict[str, JSON]:
    """How many, and the characters of instructions and outputs, as the paper's table has them."""
    sizes = [
        (len(untagged(_asked(example), str(example.meta.get("tag", "")))), len(example.output))
        for example in examples
    ]
    return {
        "examples": len(sizes),
        "instruction": _spread([asked for asked, _ in sizes]),
        "output": _spread([answered for _, answered in sizes]),
    }


def _asked(example: Example) -> str:
    return next((turn.content for turn in example.messages if turn.role == "user"), "")


def _spread(sizes: Sequence[int]) -> JSON:
    if not sizes:
        return None
    return [round(fmean(sizes), 1), round(stdev(sizes), 1) if len(sizes) > 1 else 0.0]


_GAP = "\n\n"
_STRICT = re.compile(r"[Ss]core:\s*(\d+)$")
_SAID = re.compile(r"\bscore\b[\s*_]*[:=](.*)$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(
    r"[\s*_<\[(]*(\d+(?:\.\d+)?)[\s*_>\])]*(?:(?:/|out\s+of)\s*5(?:\.0+)?)?[\s*_>\]).!]*",
    re.IGNORECASE,
)

BACKWARD_INTRODUCTION = "Here is a response. Write the instruction that it carries out."

ASSISTANT_TAG = "Reply in the way of a helpful AI assistant."
WEB_TAG = "Reply with knowledge found by searching the web."
BOTH_TAGS = f"{ASSISTANT_TAG} {WEB_TAG}"

_CURATION = """\
A user's instruction and a candidate answer to it follow. Judge whether the answer shows well how \
an AI assistant should reply to that instruction, and rate it on this scale of five points:
1: The answer is incomplete, vague, off the topic, disputed, or not what was asked for: parts of \
it are missing or repeat the question, it tells what somebody else thinks or lived through, as a \
blog or a reader's reply does, or it holds advertising, links of a navigation or other text \
beside the matter.
2: The answer covers most of what was asked, but does not go to the user's question directly: it \
may give the general way of it and not the solution that was wanted.
3: The answer helps, and covers all that was asked, complete in itself; but it is written from \
the view of another person or of a web page, and not of an AI assistant: it tells of its author, \
of comments or of sharing, or reads like an article.
4: The answer is written from the view of an AI assistant and goes to the question directly; it \
is clear, complete, well ordered and helpful, and only small things could be better, such as \
being more to the point.
5: The answer is perfect, of an AI assistant that sets out to help: high in quality, as by an \
expert of the matter, well written, easy to follow and engaging, with no sentence that does not \
belong.
First say briefly what your rating rests on. Then end with one last line of the form
Score: <rating>

The instruction and the answer:"""
