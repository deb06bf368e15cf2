"""Who sees what when: an order and sides of its own for every rater, from the seed of the study.

Hashes and not a generator of random numbers, so that the order is the same on any machine and with
any version of Python: whoever comes back goes on exactly where they were.
"""

from __future__ import annotations

from collections.abc import Sequence

from didact.records import digest

__all__ = ["flipped", "in_order"]


def in_order(keys: Sequence[str], *, seed: int, study: str, rater: str) -> list[str]:
    """The keys of the tasks in the order of one rater."""
    return sorted(keys, key=lambda key: digest([seed, study, rater, key]))


def flipped(keys: Sequence[str], *, seed: int, study: str, rater: str) -> frozenset[str]:
    """The tasks whose first answer this rater sees on the right: half of them."""
    mixed = sorted(keys, key=lambda key: digest([seed, study, rater, "side", key]))
    return frozenset(mixed[::2])
