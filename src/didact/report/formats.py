"""How the page writes numbers, times and texts: the template's filters, pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from math import isfinite
from operator import attrgetter
from typing import Any

from didact.prices import money

__all__ = [
    "FILTERS",
    "bound",
    "clip",
    "count",
    "duration",
    "figure",
    "p_value",
    "points",
    "score",
    "share",
    "signed",
    "tidy",
    "two",
    "usd",
]

_MINUS = "\N{MINUS SIGN}"
_LONGEST = 1_200
"""Characters of one text that the page shows; `didact show` prints the rest."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def count(number: float) -> str:
    """A whole number with thousands set apart: 52,445."""
    return f"{number:,.0f}".replace("-", _MINUS)


def figure(number: float) -> str:
    """A count as it is, a mean with one decimal: 52,445 and 15.9."""
    return count(number) if isinstance(number, int) else points(number)


def points(number: float) -> str:
    """One decimal, never a minus before zero: 83.1."""
    text = f"{number:,.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", _MINUS)


def signed(number: float) -> str:
    """One decimal with its sign: +62.4, and nothing before 0.0."""
    text = points(number)
    return text if text == "0.0" or text.startswith(_MINUS) else f"+{text}"


def score(number: float) -> str:
    """A filter's score: three digits after the point at most."""
    return f"{number:,.3f}".rstrip("0").rstrip(".").replace("-", _MINUS)


def p_value(p: float) -> str:
    """Three digits at most, and never 0: 0.034, below 0.001."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def two(number: float) -> str:
    """Two decimals, as kappas are written; an end that is open as such."""
    if not isfinite(number):
        return "no limit"
    text = f"{number:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", _MINUS)


def bound(number: float) -> str:
    """One decimal; an end that is open as such."""
    return points(number) if isfinite(number) else "no limit"


def share(part: float) -> str:
    """Per cent: 4.2 %."""
    return f"{part * 100:.1f}\N{NO-BREAK SPACE}%"


def duration(seconds: float) -> str:
    """0.4 s, 42 s, 4 min 12 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def tidy(html: str) -> str:
    """A page without the control characters that HTML forbids."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", html)


def clip(text: str) -> str:
    """A text, cut where it is longer than a page can bear."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({count(len(text) - _LONGEST)} more characters)"


def _in_order(rows: Iterable[Any], attribute: str) -> list[tuple[Any, list[Any]]]:
    return [(key, list(group)) for key, group in groupby(rows, attrgetter(attribute))]


def usd(amount: float | None) -> str:
    """Money; a dash where the price is not known."""
    return "\N{EN DASH}" if amount is None else money(amount)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "bound": bound,
    "two": two,
    "clip": clip,
    "count": count,
    "duration": duration,
    "figure": figure,
    "p_value": p_value,
    "groupby_in_order": _in_order,
    "points": points,
    "score": score,
    "share": share,
    "signed": signed,
    "usd": usd,
}
