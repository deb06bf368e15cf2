"""Characters that an eye cannot see but a browser obeys, and texts without them."""

from __future__ import annotations

import re

__all__ = ["ODD", "plain"]

ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
"""Control characters, marks that turn the direction of writing, and what has no width."""


def plain(text: str) -> str:
    """The text as one line, with U+FFFD for each of them: fit for an address or an attribute."""
    return " ".join(ODD.sub("\N{REPLACEMENT CHARACTER}", text).split())
