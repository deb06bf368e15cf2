"""Two texts with the words marked that one has and the other has not."""

from __future__ import annotations

from markupsafe import Markup

from didact.text.differences import differences
from didact.web.texts import shown

__all__ = ["marked"]

_MOST = 3_000
"""Characters above which nothing is marked: the comparison grows with their square."""


def marked(one: str, other: str) -> tuple[Markup, Markup]:
    """Both as HTML: what only the first has as deleted, what only the second has as inserted."""
    if one == other or len(one) > _MOST or len(other) > _MOST:
        return shown(one), shown(other)
    left: list[Markup] = []
    right: list[Markup] = []
    for mark, text in differences(one, other):
        piece = shown(text)
        if mark in "=-":
            left.append(piece if mark == "=" else Markup("<del>{}</del>").format(piece))
        if mark in "=+":
            right.append(piece if mark == "=" else Markup("<ins>{}</ins>").format(piece))
    return Markup("").join(left), Markup("").join(right)
