"""The rules by which ShareGPT's conversations became Vicuna's data.

Vicuna (Chiang et al. 2023) was tuned on conversations that people had shared; FastChat's cleaning
decides what is left of one, and its split cuts those longer than the model's context. Both are here
as functions of texts; ``faithful`` repeats their faults:

- the split loses the last pair where it overflows, and emits empty conversations (``split``);
- one word of the company's name drops a conversation about anything.

"Corrected" keeps every pair that fits and says which do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

__all__ = [
    "IDENTITY_WORDS",
    "Cleaned",
    "Piece",
    "Turn",
    "clean",
    "limited",
    "refuses",
    "repeats_a_digit",
    "restarts_a_list",
    "split",
]

IDENTITY_WORDS: Mapping[str, tuple[str, ...]] = {
    "keep": (),
    "vicuna": ("openai", "chatgpt"),
    "koala": (
        "openai", "chatgpt", "gpt-3", "chadgpt", "gpt3", "chat-gpt", "open-ai", "open ai",
    ),
}  # fmt: skip
"""Substrings, in any letter case, of conversations that say whose model was talking."""

_RESTART = re.compile(r"\n1\. [^2]*\n1\. ")
_DIGITS = re.compile(r"(\d)\1{8}")
_LIMIT = re.compile(r"!?too many requests in 1 hour", re.IGNORECASE)


_UNABLE = r"(?:can't|cannot|can not|unable|not able|not capable|do not|don't|won't)"
_REFUSAL = re.compile(
    rf"(?:(?:i'm|i am) )?(?:very |really |truly |so )?(?:sorry|afraid)\b.{{0,60}}?\b{_UNABLE}"
    rf"|as an? (?:ai|artificial intelligence|(?:large )?language model)\b.{{0,80}}?\b{_UNABLE}"
    r"|i (?:can't|cannot|can not|am unable to|am not able to|won't)"
    r" (?:help|assist|fulfil|comply|provide|do that|answer|continue|create|write)",
    re.IGNORECASE | re.DOTALL,
)


class Turn(NamedTuple):
    """One turn as the file has it."""

    speaker: str
    text: str


class Cleaned(NamedTuple):
    """What the rules leave of a conversation."""

    turns: tuple[Turn, ...]
    dropped: str
    """Why it is dropped, "" where it is kept: ``too short``, ``wrong format``, ``blocked words``,
    ``unreadable markup``."""
    trimmed: int
    """Turns that were cut from either end."""


def clean(
    turns: Sequence[Turn],
    *,
    markdown: Callable[[str], str],
    blocked: Sequence[str] = (),
    least: int = 16,
) -> Cleaned:
    """Even turns, human first, as Markdown; ``least`` counts the characters of all turns."""
    whole = len(turns)

    def dropped(why: str) -> Cleaned:
        return Cleaned((), why, 0)

    if len(turns) < 2:
        return dropped("too short")
    turns = turns if turns[0].speaker == "human" else turns[1:]
    if len(turns) < 2:
        return dropped("too short")
    turns = turns[:-1] if turns[-1].speaker == "human" else turns
    if len(turns) < 2:
        return dropped("too short")
    kept: list[Turn] = []
    for n, turn in enumerate(turns):
        if turn.speaker != ("human", "gpt")[n % 2]:
            return dropped("wrong format")
        if blocked and any(word in turn.text.lower() for word in blocked):
            return dropped("blocked words")
        if turn.speaker == "gpt" and limited(turn.text):
            return dropped("blocked words")
        try:
            text = markdown(turn.text)
        except ValueError:
            return dropped("unreadable markup")
        # An answer that is missing, or a control character first: what follows answers nothing.
        if not text or not text[0].isprintable():
            break
        kept.append(Turn(turn.speaker, text))
    kept = kept[: len(kept) // 2 * 2]
    if not kept or sum(len(turn.text) for turn in kept) < least:
        return dropped("too short")
    return Cleaned(tuple(kept), "", whole - len(kept))


def limited(answer: str) -> bool:
    """Whether an answer is the message about too many requests."""
    return _LIMIT.match(answer) is not None


def restarts_a_list(text: str) -> bool:
    """Whether a list starts at 1 again without ever reaching 2: numbers that markup lost."""
    return _RESTART.search(text) is not None


def repeats_a_digit(text: str) -> bool:
    """Whether a digit stands nine times or more in a row."""
    return _DIGITS.search(text) is not None


def refuses(answer: str) -> bool:
    """Whether an answer begins with a refusal."""
    return _REFUSAL.match(answer[:300].replace("\u2019", "'").lstrip()) is not None


class Piece(NamedTuple):
    """A part of a long conversation: turns from ``start`` to before ``end``."""

    start: int
    end: int


def split(
    lengths: Sequence[int],
    most: int,
    *,
    mode: Literal["corrected", "faithful"] = "corrected",
) -> tuple[list[Piece], list[Piece]]:
    """Cut at pairs so that no piece is longer than ``most``; the pieces, and what fits in none.

    ``lengths`` are those of the turns. Faithful, a pair that overflows emits all before it, even
    where that is nothing, and the last pair is emitted only where it does not overflow.
    """
    pairs = [Piece(n, n + 2) for n in range(0, len(lengths) // 2 * 2, 2)]
    pieces: list[Piece] = []
    over: list[Piece] = []
    start = total = 0
    for pair in pairs:
        length = lengths[pair.start] + lengths[pair.start + 1]
        last = pair is pairs[-1]
        if mode == "faithful":
            if total + length > most:
                pieces.append(Piece(start, pair.start))
                start, total = pair.start, length
            else:
                total += length
                if last:
                    pieces.append(Piece(start, pair.end))
            continue
        if total + length > most:
            if pair.start > start:
                pieces.append(Piece(start, pair.start))
            start, total = pair.start, 0
        if length > most:
            over.append(pair)
            start = pair.end
            continue
        total += length
        if last:
            pieces.append(Piece(start, pair.end))
    return pieces, over
