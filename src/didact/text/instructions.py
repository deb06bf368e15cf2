"""Numbered lists of instructions, as prompts and as replies: written, split, judged, tidied.

Self-Instruct (Wang et al. 2022, arXiv 2212.10560) shows a model a numbered list of instructions
and lets it write on. `numbered` writes that list; `parse_instructions` reads the continuation.
Every piece of a reply becomes a `Candidate`, kept or with the reason of its drop: no text is lost.

Two readings. *Faithful* does what the published code does, defects included. *Corrected* differs:

- only the first letter is raised; published: all others are lowered (NASA becomes Nasa);
- a reply cut at the token limit loses its last item; published: all its items;
- items also begin with ``11)``, ``10.`` without a space, and at the very start of the reply;
- a leading bullet is taken off; published: the item is dropped, as is one in quotation marks;
- letters of every script may begin an instruction, and in scripts without spaces every character
  counts as a word; published: non-ASCII beginnings are dropped, and such texts are "too short";
- "Write a programme for the school concert" stays: the prefix ends at a word's end;
- text is normalised (NFC), so that look-alikes are equal before they are compared.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from didact.text.words import count_words

__all__ = [
    "BLACKLIST",
    "BLACKLISTED_PREFIX",
    "LONGEST",
    "SHORTEST",
    "Candidate",
    "fault_of",
    "numbered",
    "parse_instructions",
]

BLACKLIST = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files"),
    *("map", "maps", "draw", "plot", "go to"),
)
"""Words of tasks that a model of text alone cannot do, as published."""
BLACKLISTED_PREFIX = "Write a program"
SHORTEST, LONGEST = 4, 150
"""Bounds of an instruction in words, both kept."""

_OPENING = "\"'`“‘«「『(¿¡["  # noqa: RUF001
_FAITHFUL_SPLIT = re.compile(r"\n\d+\s?\. ")
_SPLIT = re.compile(r"(?:\A|\n)[ \t]*\d{1,4}[ \t]?[.)](?!\d)")
_BULLET = re.compile(r"^[-*•–]\s+")  # noqa: RUF001


class Candidate(NamedTuple):
    """One item of a reply."""

    text: str
    """The instruction, tidied."""
    reason: str = ""
    """Why it is dropped; "" when it is kept."""

    @property
    def keep(self) -> bool:
        """Whether it passed."""
        return not self.reason


def numbered(instructions: Sequence[str]) -> str:
    """The list on one line each, then the bare next number for the model to write on."""
    lines = [
        f"{number}. {' '.join(instruction.split()).rstrip(':')}"
        for number, instruction in enumerate(instructions, 1)
    ]
    return "\n".join([*lines, f"{len(instructions) + 1}."])


def parse_instructions(
    reply: str,
    *,
    finish: str = "stop",
    faithful: bool = False,
    blacklist: Sequence[str] = BLACKLIST,
) -> list[Candidate]:
    """Every item of the reply, in order, kept or with the reason of its drop."""
    if faithful:
        pieces = _FAITHFUL_SPLIT.split(reply)
    else:
        pieces = _SPLIT.split(unicodedata.normalize("NFC", reply))
    # str.split() and \s agree on what white space is, so this is the published collapse and strip.
    tidy = [text for piece in pieces if (text := " ".join(piece.split()))]
    cased = [_faithful_case(text) if faithful else _corrected_case(text) for text in tidy]
    candidates = [
        Candidate(text, fault_of(text, faithful=faithful, blacklist=blacklist)) for text in cased
    ]
    if finish == "stop" or not candidates:
        return candidates
    lost = candidates if faithful or finish != "length" else candidates[-1:]
    whole = candidates[: len(candidates) - len(lost)]
    reason = "cut off" if finish == "length" else "refused"
    return [*whole, *(Candidate(candidate.text, reason) for candidate in lost)]


def _faithful_case(text: str) -> str:
    return text.capitalize()


def _corrected_case(text: str) -> str:
    text = _BULLET.sub("", text)
    return text[:1].upper() + text[1:]


def fault_of(text: str, *, faithful: bool, blacklist: Sequence[str]) -> str:
    """Why this instruction is dropped; "" when it is kept."""
    words = len(text.split()) if faithful else count_words(text)
    if words < SHORTEST:
        return "too short"
    if words > LONGEST:
        return "too long"
    if any(re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) for word in blacklist):
        return "blacklisted word"
    prefix = BLACKLISTED_PREFIX if faithful else rf"(?i:{BLACKLISTED_PREFIX}s?\b)"
    if re.match(prefix, text):
        return "asks for a program"
    return "bad first character" if _bad_start(text[0], faithful) else ""


def _bad_start(first: str, faithful: bool) -> bool:
    if faithful:
        return first in string.punctuation or not first.isascii()
    return unicodedata.category(first)[0] not in "LN" and first not in _OPENING
