"""What a model made of an instruction it was to evolve: read, and eliminated where it failed.

Evol-Instruct (Xu et al. 2023, arXiv 2304.12244) eliminates an evolution for one of four reasons: a
judge finds it equal to what it came from; the answer to it apologises in a few words; the answer
has nothing but punctuation and stop words; it copies words of the prompt that asked for it. The
eliminator was never published as code: `faithful` is the paper's text read literally. *Corrected*
differs:

- a reply that repeats the mark it was to write after, or puts quotation marks around all of it,
  is read without them; literally: it copies words of the prompt, and fails;
- a judge that says neither "equal" nor "not equal" has not judged, and the evolution fails for
  that; literally: only "equal" fails.

In both "not equal" is looked for before "equal", which it contains; a reply that was cut is no
evolution; and the stop words are a list of ours, without "yes" and "no", which do answer.
"""

from __future__ import annotations

import re

from didact.text.words import all_words, count_words

__all__ = [
    "MARKERS",
    "SHORTEST_APOLOGY",
    "STOP_WORDS",
    "fault_of_answer",
    "fault_of_evolution",
    "read_evolution",
    "says_equal",
]

MARKERS = ("given prompt", "rewritten prompt", "created prompt")
"""Words of the prompts that an evolution must not hold, also without their ``#``; any case."""
SHORTEST_APOLOGY = 80
"""An answer of this many words may hold the word "sorry"."""
STOP_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being between
    both but by can could did do does doing down during each few for from further had has have
    having he her here hers him his how i if in into is it its itself just may me might more most
    must my of off on once only or other our ours out over own same shall she should so some such
    than that the their theirs them then there these they this those through to too under until up
    upon us very was we were what when where which while who whom whose why will with would you
    your yours""".split()  # noqa: SIM905  (a list of words reads best as one)
)

_ECHO = re.compile(
    r"\A[\s*#]*(?:the )?(?:given|rewritten|created) prompt[\s*#]*:[\s*]*", re.IGNORECASE
)
_QUOTES = {'"': '"', "“": "”", "'": "'", "«": "»"}
_NOT_EQUAL = re.compile(r"\b(?:not|non|never|isn't|aren't)[\s\-]*(?:\w+\s+)?equal|\b(?:un|in)equal")
_EQUAL = re.compile(r"\bequal")


def read_evolution(reply: str, *, faithful: bool = False) -> str:
    """The evolved instruction of a reply."""
    text = reply.strip()
    if faithful:
        return text
    text = _ECHO.sub("", text).strip()
    closing = _QUOTES.get(text[:1])
    if closing and len(text) > 2 and text.endswith(closing) and closing not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def fault_of_evolution(text: str) -> str:
    """Why an evolved instruction fails before anyone is asked about it; "" when it does not."""
    if not all_words(text):
        return "empty evolution"
    low = text.lower()
    return "copies the prompt" if any(marker in low for marker in MARKERS) else ""


def says_equal(reply: str) -> bool | None:
    """What the judge of equality said; None where it said neither."""
    low = reply.lower().replace("’", "'")  # noqa: RUF001  (as models write it)
    if _NOT_EQUAL.search(low):
        return False
    return True if _EQUAL.search(low) else None


def fault_of_answer(answer: str) -> str:
    """Why the answer shows that the instruction has gone wrong; "" when it does not."""
    words = all_words(answer)
    if all(word in STOP_WORDS for word in words):
        return "empty answer"
    if "sorry" in answer.lower() and count_words(answer) < SHORTEST_APOLOGY:
        return "apology"
    return ""
