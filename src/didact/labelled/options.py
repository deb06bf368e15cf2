"""The list of possible answers at the end of a classification prompt.

FLAN (Wei et al. 2021, arXiv 2109.01652) writes ``OPTIONS:`` and a line with a dash for each. The
Flan Collection (Longpre et al. 2023, arXiv 2301.13688) varies the line before, the names of the
items (dashes, letters, numbers, Roman numerals: 87 styles) and what ends them. Where the names tell
the items apart, the answer to give is the name of the right item, ``(B).``, no longer its text.

Pure functions; no calls.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

__all__ = ["MOST", "PLACES", "STYLES", "Style", "dashed", "draw_style", "styled", "without_options"]

MOST = 26
"""Options that the styles have names for."""
PLACES = ("options", "options_", "options_str")
"""How templates call the list: ours, and the public ones."""


class Style(NamedTuple):
    """A way to write the list."""

    start: str
    names: tuple[str, ...]
    """What goes before each item, with the spaces around it."""
    end: str = ""
    """What goes after each item."""

    def tells_apart(self, count: int) -> bool:
        """Whether so many items have different names."""
        return len({name.strip() for name in self.names[:count]}) == count


def dashed(options: Sequence[str]) -> str:
    """``OPTIONS:`` and a line with a dash for each."""
    return "OPTIONS:" + "".join(f"\n- {option}" for option in options)


def styled(options: Sequence[str], answer: str, style: Style) -> tuple[str, str]:
    """The list in a style, and the answer to give: with different names, the right item's name.

    ValueError for more than 26 options.
    """
    if len(options) > MOST:
        raise ValueError(f"{len(options)} options, and there are names for {MOST}")
    items = zip(style.names, options, strict=False)
    text = style.start + "".join(f"{name}{option}{style.end}" for name, option in items)
    found = [n for n, option in enumerate(options) if option.strip() == answer.strip()]
    if found and len(options) > 1 and style.tells_apart(len(options)):
        return text, style.names[found[0]].strip()
    return text, answer


def draw_style(rng: Random) -> Style:
    """A start, names and an end, each drawn alone."""
    return Style(rng.choice(_STARTS), rng.choice(STYLES), rng.choice(("", ";", ".")))


def without_options(pattern: str) -> str:
    """The template without its place for the list and the line breaks before it."""
    return _PLACE.sub("", pattern).rstrip() if _PLACE.search(pattern) else pattern


_PLACE = re.compile(r"\n*\{(?:options|options_|options_str)\}")

# fmt: off
_BULLETS = (
    "\n - ", "\n -", "\n -- ", "\n --", "\n + ", "\n +", "\n * ", "\n *", "\n- ", "\n+ ", "\n* ",
    "\n[-] ",
    "\n[+] ", " - ", " -- ", " + ", " * ", " -", " --", " +", " *", " [+] ", " [-] ",
)
_ROMAN = (
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv",
    "xv", "xvi", "xvii", "xviii", "xix", "xx", "xxi", "xxii", "xxiii", "xxiv", "xxv", "xxvi",
)
# fmt: on
_SERIES = (
    tuple(string.ascii_lowercase),
    tuple(string.ascii_uppercase),
    tuple(str(n) for n in range(1, MOST + 1)),
)
_ROMAN_FORMS = (" {}. ", " [{}] ", " ({}) ", " ({}). ", "\n{}. ", "\n[{}] ", "\n({}) ", "\n({}). ")
_FORMS = ("\n[{}]. ", "\n({}). ", "\n{}). ", "\n ({}). ", "\n {}). ", " ({}). ", " {}). ", " {}. ")


def _styles() -> tuple[tuple[str, ...], ...]:
    bullets = [(bullet,) * MOST for bullet in _BULLETS]
    roman = [
        tuple(form.format(case(number)) for number in _ROMAN)
        for case in (str.lower, str.upper)
        for form in _ROMAN_FORMS
    ]
    series = [tuple(form.format(name) for name in names) for form in _FORMS for names in _SERIES]
    # The public list holds these twice, which makes them twice as likely.
    return (*bullets, *roman, *series, *series)


STYLES = _styles()
"""The 87 ways to name the items."""

_STARTS = (
    "",
    "OPTIONS:",
    "Options:",
    "Choices:",
    "OPT:",
    "The answers to choose from:",
    "It is one of:",
    "Answers:",
    "Choose one:",
    "Choose one of these:",
    "One of these is right:",
    "What it may be:",
    "Take one of:",
    "These are the choices:",
    "Name the right one.",
    "name the right one.",
)
