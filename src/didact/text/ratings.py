"""One rating in a judge's reply: how published methods have it written, and how it is read.

- ``first_rating``: the number alone in the first line, reasons after it. AlpaGasus from 0 to 5
  (Chen et al. 2023, arXiv 2307.08701). *Faithful* reads one single character after "Score:", so
  that "Score:4.5" is a 4, breaks off at "Score: 4.5", and knows no "4.5/5".
- ``critique_rating``: ``Overall Score: 7`` of a critique from 1 to 10, and the ratings of its
  aspects. UltraFeedback (Cui et al. 2023, arXiv 2310.01377). *Faithful* cuts decimals off.

*Corrected*, the default, reads a number with its scale ("4/5", "4 out of 5"), brackets, bold type
and a full stop, whatever the case of its label. What is outside the scale, a range ("4-5") or a
choice ("4 or 5") is no rating. None means that there is none: it is never the worst one. The last
line ``Score: 4`` of instruction backtranslation is read by ``didact.text.backtranslation``.
"""

from __future__ import annotations

import re

from didact.errors import ParseError

__all__ = ["critique_rating", "first_rating", "repaired_overall"]

_DECORATION = str.maketrans("", "", '*_`<>[]()"“”')
_LABEL = r"(?:(?:overall|final|total|quality)\s+)?(?:score|rating)\s*(?::|=|is\b)?\s*"
_VALUE = r"(?P<value>-?\d+(?:\.\d+)?)(?P<of>\s*(?:/|out\s+of)\s*(?P<scale>\d+)(?:\.0)?)?"
_END = r"(?:\s+(?:points?|stars?))?\s*[.!]?\s*\Z"
_BARE = re.compile(rf"\A\s*(?:{_LABEL})?{_VALUE}{_END}", re.IGNORECASE)
_CRITIQUE = re.compile(r"overall\s+score\s*:?\s*(?P<rest>[^\n]*)", re.IGNORECASE)


def first_rating(
    reply: str, *, lowest: float, highest: float, faithful: bool = False
) -> float | None:
    """The rating in the first line that says anything.

    Raises ParseError where the published code would have ended the run.
    """
    if faithful:
        return _published_first(reply)
    line = next((line for line in reply.splitlines() if line.strip()), "")
    return _checked(_BARE.match(line.translate(_DECORATION)), lowest=lowest, highest=highest)


def critique_rating(
    reply: str, *, lowest: float = 1.0, highest: float = 10.0, faithful: bool = False
) -> float | None:
    """The overall score of a critique; of a reply without that label, the whole reply is it."""
    labelled = _CRITIQUE.search(reply.translate(_DECORATION))
    text = labelled["rest"] if labelled else reply.translate(_DECORATION).strip()
    value = _checked(_BARE.match(text), lowest=lowest, highest=highest)
    return float(int(value)) if faithful and value is not None else value


def repaired_overall(overall: float, aspects: float) -> float | None:
    """UltraFeedback's own repair of a 10 that may have been a 1, by the mean of the aspects.

    Early code multiplied scores up to 1 by ten. None: it cannot be told, ask again.
    """
    if overall != 10:
        return overall
    if aspects <= 2:
        return 1.0
    return overall if aspects > 4 else None


def _published_first(reply: str) -> float | None:
    line = reply.split("\n", 1)[0]
    try:
        return float(line)
    except ValueError:
        pass
    try:
        if "score:" in reply:
            return float(reply.split("score:")[1].split("\n")[0])
        if "Score:" in reply:
            return float(reply.split("Score:")[1].split("\n")[0].strip(".")[0])
    except (ValueError, IndexError) as error:
        raise ParseError("the published code breaks off at this reply", reply=reply) from error
    return None


def _checked(found: re.Match[str] | None, *, lowest: float, highest: float) -> float | None:
    """The number, where it is on the scale and the scale it names is the one it was asked on."""
    if found is None or (found["scale"] and float(found["scale"]) != highest):
        return None
    value = float(found["value"])
    return value if lowest <= value <= highest else None
