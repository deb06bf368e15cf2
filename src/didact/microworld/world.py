"""Every family, and the split by family into seeds and evaluation."""

from __future__ import annotations

from didact.microworld import facts, lists, numbers, sentences, stories, words
from didact.microworld.family import Family

__all__ = ["BY_NAME", "FAMILIES", "HELD_OUT", "SEED"]

FAMILIES: tuple[Family, ...] = (
    *lists.FAMILIES,
    *words.FAMILIES,
    *sentences.FAMILIES,
    *facts.FAMILIES,
    *numbers.FAMILIES,
    *stories.FAMILIES,
)
BY_NAME: dict[str, Family] = {fam.name: fam for fam in FAMILIES}
HELD_OUT: tuple[Family, ...] = tuple(fam for fam in FAMILIES if fam.held_out)
"""Families no seed belongs to: evaluation draws only from these."""
SEED: tuple[Family, ...] = tuple(fam for fam in FAMILIES if not fam.held_out)
