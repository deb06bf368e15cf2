"""Which instructions stood in the pre-training text to the letter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources

import numpy as np

__all__ = ["seen_share", "wording_hash"]


def wording_hash(text: str) -> int:
    """32 bits of a wording; two of a million differ with a chance of a few in ten thousand."""
    plain = " ".join(text.split())
    return int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=4).digest(), "big")


@cache
def _seen() -> frozenset[int]:
    with resources.files("didact.embedded").joinpath("wordings.npy").open("rb") as file:
        return frozenset(int(value) for value in np.load(file, allow_pickle=False))


def seen_share(instructions: Iterable[str]) -> float:
    """Share of instructions that the embedded model's pre-training pages contain to the letter."""
    hashes = [wording_hash(text) for text in instructions]
    return sum(value in _seen() for value in hashes) / len(hashes) if hashes else 0.0
