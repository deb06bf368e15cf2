"""What a person types, a line at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator

__all__ = ["typed_lines"]


def typed_lines() -> Iterator[str]:
    """The lines of standard input, with a prompt at a terminal; an empty one or Ctrl-D ends."""
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return
        if not line.strip():
            return
        yield line
