"""Where the sentences of an English text end, by rules.

A sentence ends at a full stop, question or exclamation mark and what closes behind it, where white
space follows and what comes next does not begin in lower case, unless the text has no capitals at
all. Titles, abbreviations, initials and the numbers of a list end none, nor does a line break
alone, as in the splitters of the field.
"""

from __future__ import annotations

import re

__all__ = ["sentences"]

_OPENING = "\"'“\u2018([*_"
_CLOSING = "\"'”\u2019)]}*_"
_END = re.compile(rf"[.?!]+[{re.escape(_CLOSING)}]*(?=\s+(\S+)|$)")
_ABBREVIATED = frozenset(
    "adm approx assn ave bldg blvd capt cf cmdr co col corp dept dr e.g est etc ext fig gen gov"  # noqa: SIM905
    " hon i.e inc jr lt ltd maj messrs mr mrs ms mt no nos p.m a.m ph.d pp prof rep rev sen sgt sr"
    " st u.k u.n u.s viz vol vs".split()
)


def sentences(text: str) -> list[str]:
    """The sentences, stripped; none of a blank text."""
    found: list[str] = []
    start = 0
    lower = text.islower()
    for end in _END.finditer(text):
        if end[1] is not None and not _ends(text[start : end.end()], end, lower=lower):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends(said: str, end: re.Match[str], *, lower: bool) -> bool:
    """Whether a sentence ends here, where more text follows."""
    following = end[1].lstrip(_OPENING)
    if following[:1].islower() and not lower:
        return False
    if not end[0].startswith(".") or end[0].startswith(".."):
        return True
    words = said.rstrip(_CLOSING).rstrip(".").rsplit(None, 1)
    word = words[-1].lstrip(_OPENING) if words else ""
    # "J. Smith", "1. Wash", "Dr. Who".
    initial = len(word) == 1 and word.isupper() and word != "I"
    return not (initial or word.isdigit() or word.lower() in _ABBREVIATED)
