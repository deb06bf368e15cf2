"""A number of many items: how many a count or a share is, and which by lot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from math import floor

import numpy as np
from numpy.typing import NDArray

from didact.errors import ConfigError

__all__ = ["by_lot", "check_portion", "drawn", "portion"]


def check_portion(*, count: int | None, share: float | None) -> None:
    """ConfigError unless it is one of both, and possible."""
    if (count is None) == (share is None):
        raise ConfigError("give either count or share")
    if count is not None and count < 1:
        raise ConfigError(f"count must be at least 1, not {count}")
    if share is not None and not 0 < share <= 1:
        raise ConfigError(f"share must be above 0 and at most 1, not {share}")


def portion(total: int, *, count: int | None, share: float | None) -> int:
    """How many of ``total`` a count or a share is, at most all; all where neither is given."""
    if count is not None:
        return min(count, total)
    # Not a plain floor: 0.07 * 100 is 7.000000000000001, and 0.29 * 100 is 28.999999999999996.
    return total if share is None else min(floor(share * total + 1e-9), total)


def by_lot(ids: Sequence[str], *, seed: int) -> list[int]:
    """The places in an order drawn by lot from the ids and the seed, whatever order they come in.

    The first of them are a random sample, of a larger sample still the first.
    """
    return drawn(ids, seed=seed).tolist()


def drawn(ids: Iterable[str], *, seed: int) -> NDArray[np.int64]:
    """The same for ids as they come, of which none is held: 40 bytes an item."""
    lots = bytearray()
    for one in ids:
        lots += hashlib.blake2b(f"{seed} {one}".encode(), digest_size=16).digest()
    halves = np.frombuffer(lots, dtype=">u8").reshape(-1, 2)
    # By the lots as bytes are compared, equal ones in their order.
    return np.lexsort((halves[:, 1], halves[:, 0]))
