"""A template that reads both ways: it writes wordings, and recognises them again.

``(a|b)`` is a choice, ``[a]`` is optional, ``{slot}`` is a hole. From one template come the random
wordings of the pre-training pages and the regular expression with which the auditor finds the
family and the slots of an instruction that a model wrote.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Template"]

_TOKEN = re.compile(r"[()|\[\]]|\{\w+\}|[^()|\[\]{}]+")


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[tuple[_Choice | str, ...], ...]


class Template:
    """One compiled template."""

    def __init__(self, source: str) -> None:
        self.source = source
        # A space beside an optional part belongs to it: "of [the] word" must not leave two.
        source = re.sub(r"\[([^\[\]]*)\] ", r"[(\1) ]", source)
        source = re.sub(r" \[([^\[\]]*)\](?=$|[?.,|)])", r"[ (\1)]", source)
        tokens = _TOKEN.findall(source)
        self._tree, rest = _parse(tokens, 0)
        if rest != len(tokens):
            raise ValueError(f"unbalanced template: {source!r}")
        self.slots = tuple(dict.fromkeys(re.findall(r"\{(\w+)\}", source)))
        self._pattern = re.compile(_regex(self._tree, Counter()), re.IGNORECASE | re.DOTALL)

    def write(self, rng: random.Random, slots: Mapping[str, str]) -> str:
        """One random wording with the slots filled in."""
        return _write(self._tree, rng, slots)

    def read(self, text: str) -> dict[str, str] | None:
        """The slots of a text this template could have written, or None."""
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        slots: dict[str, str] = {}
        for group, value in match.groupdict().items():
            # A slot may stand in several branches; where two of them matched they must agree.
            if value is not None and slots.setdefault(group.partition("__")[0], value) != value:
                return None
        return slots


def _parse(tokens: list[str], at: int, close: str = "") -> tuple[_Choice, int]:
    options: list[list[_Choice | str]] = [[]]
    while at < len(tokens):
        token = tokens[at]
        if token == close:
            break
        if token == "|":
            options.append([])
        elif token in "([":
            inner, at = _parse(tokens, at + 1, ")" if token == "(" else "]")
            if token == "[":
                inner = _Choice((*inner.options, ()))
            options[-1].append(inner)
        else:
            options[-1].append(token)
        at += 1
    return _Choice(tuple(tuple(option) for option in options)), at


def _write(choice: _Choice, rng: random.Random, slots: Mapping[str, str]) -> str:
    parts: list[str] = []
    for part in rng.choice(choice.options):
        if isinstance(part, _Choice):
            parts.append(_write(part, rng, slots))
        elif part.startswith("{"):
            parts.append(slots[part[1:-1]])
        else:
            parts.append(part)
    return "".join(parts)


def _regex(choice: _Choice, seen: Counter[str]) -> str:
    branches: list[str] = []
    for option in choice.options:
        pieces: list[str] = []
        for part in option:
            if isinstance(part, _Choice):
                pieces.append(_regex(part, seen))
            elif part.startswith("{"):
                name = part[1:-1]
                seen[name] += 1
                pieces.append(f"(?P<{name}__{seen[name]}>.+?)")
            else:
                pieces.append(re.escape(part))
        branches.append("".join(pieces))
    # Longest first, or "all" would leave the "the" of "all the" to the slot behind it.
    return "(?:" + "|".join(sorted(branches, key=len, reverse=True)) + ")"
