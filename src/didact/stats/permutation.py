"""Sign-flip tests of many models against one, on the same flips, adjusted for how many there are.

Under "no difference" the sign of an item's difference is arbitrary (Fisher 1935), so the observed
mean is compared with those of random signs. Where several training seeds answered the same items,
or items come in families, the whole cluster flips as one. The p-values of all comparisons are
adjusted by Holm's procedure.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from didact.stats.bootstrap import Interval
from didact.stats.holm import holm
from didact.stats.resampling import column_intervals

__all__ = ["Comparison", "compare_all", "sign_flips"]

_CELLS = 1 << 21


class Comparison(NamedTuple):
    """One model against the baseline."""

    model: str
    difference: Interval
    """Mean of the paired differences."""
    p: float
    """Of "no difference", for this comparison alone."""
    adjusted: float
    """The same, adjusted by Holm for all comparisons made."""


def sign_flips(
    differences: Sequence[Sequence[float]],
    *,
    seed: int,
    clusters: Sequence[Hashable] | None = None,
    flips: int = 10_000,
) -> list[float]:
    """The two-sided p-value of each list of paired differences (one list for a comparison)."""
    data = np.asarray(differences, dtype=np.float64).T
    if data.ndim != 2 or not len(data) or not np.isfinite(data).all():
        raise ValueError("a sign-flip test needs finite differences, lists of one length")
    if clusters is not None:
        names = {name: n for n, name in enumerate(dict.fromkeys(clusters))}
        if len(clusters) != len(data):
            raise ValueError(f"{len(clusters)} clusters named for {len(data)} differences")
        sums = np.zeros((len(names), data.shape[1]))
        np.add.at(sums, [names[name] for name in clusters], data)
        data = sums
    # Flipped sums that tie with the observed one up to rounding count as reaching it.
    reach = np.abs(data.sum(axis=0)) - 1e-9 * np.abs(data).sum(axis=0)
    rng = np.random.default_rng(seed)
    count, rows = np.zeros(data.shape[1]), max(1, _CELLS // len(data))
    for start in range(0, flips, rows):
        size = (min(rows, flips - start), len(data))
        signs = rng.integers(2, size=size, dtype=np.int8) * 2.0 - 1.0
        count += (np.abs(signs @ data) >= reach).sum(axis=0)
    # The observed labelling is one of the permutations: never a p-value of 0.
    return ((count + 1) / (flips + 1)).tolist()


def compare_all(
    scores: Mapping[str, Sequence[float]], *, baseline: str, seed: int, draws: int = 10_000
) -> list[Comparison]:
    """Every model against the baseline, all scored on the same items in the same order."""
    if baseline not in scores:
        raise ValueError(f"no scores of the baseline {baseline!r}")
    others = [model for model in scores if model != baseline]
    if not others:
        return []
    base = np.asarray(scores[baseline], dtype=np.float64)
    gaps = np.array([np.asarray(scores[model], dtype=np.float64) - base for model in others])
    p_values = sign_flips(gaps.tolist(), seed=seed, flips=draws)
    intervals = column_intervals(gaps.T, seed=seed, draws=draws)
    return [
        Comparison(*row) for row in zip(others, intervals, p_values, holm(p_values), strict=True)
    ]
