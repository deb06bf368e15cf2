"""Exemplars before a question: how they are written, and how many fit.

FLAN (Wei et al. 2021, arXiv 2109.01652) shows up to 16 solved examples of the same task, as many of
them, from the first, as leave room for the question; its serialised form has the turn marks of the
model it trained. The Flan Collection (Longpre et al. 2023, arXiv 2301.13688) joins them by blank
lines. Pure functions; no calls.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SHOTS", "FewShotForm", "Shot", "dialogue", "fitting"]

SHOTS = (1, 2, 3, 5, 10)
"""Numbers of exemplars that FLAN registers, beside up to 16."""

Shot = tuple[str, str]
"""An input and its target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShotForm:
    """How exemplars and question are joined; the defaults are the 2022 collection's."""

    inputs_prefix: str = ""
    targets_prefix: str = ""
    x_y_delimiter: str = "\n\n"
    """Between an input and its target."""
    example_separator: str = "\n\n\n"
    """Between two exemplars: two blank lines."""
    final_suffix: str = ""
    """After the question."""

    def write(self, shots: Sequence[Shot], question: str) -> str:
        """One prompt; without exemplars, the question alone."""
        if not shots:
            return question
        parts = [
            f"{self.inputs_prefix}{given}{self.x_y_delimiter}{self.targets_prefix}{target}"
            for given, target in shots
        ]
        last = f"{self.inputs_prefix}{question}{self.final_suffix}"
        if self.targets_prefix:
            last += f"{self.x_y_delimiter}{self.targets_prefix.rstrip()}"
        return self.example_separator.join([*parts, last])


def dialogue(shots: Sequence[Shot], question: str) -> str:
    """The 2021 form: the marks 0 and 1 for the two speakers, X between turns, FLAN at the end."""
    turns = [f"0 {given} X 1 {target}" for given, target in shots]
    return " X ".join([*turns, f"0 {question} X 1"]) + " FLAN"


def fitting(lengths: Sequence[int], *, room: int) -> int:
    """How many of the first exemplars fit; a later, shorter one is not taken in place of one."""
    return sum(total <= room for total in itertools.accumulate(lengths))
