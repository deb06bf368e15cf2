"""An interval from lots: parts of what there is, drawn without putting back.

What a part of a given size shows (distinct n-grams, say, which grow with the number of words) has
no resampling: a resample has the same things twice. Lots without putting back have none twice
(subsampling, D. Politis and J. Romano 1994). They are drawn two by two, with nothing in common: how
the two differ is what the data do to a lot, and a share f of it, squared, is what they do to the
mean over all lots; what only the choice of a lot does falls out where two lots are the whole.
No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from didact.stats.bootstrap import Interval
from didact.stats.student import student_quantile

__all__ = ["lot_interval"]


def lot_interval(
    pairs: Sequence[tuple[float, float]], part: float, *, level: float = 0.95
) -> Interval:
    """The mean over lots of a share ``part`` of the data each; those of a pair share nothing.

    ValueError for fewer than two pairs, and for a part that is not between 0 and a half.
    """
    if len(pairs) < 2 or not 0 < part <= 0.5:
        raise ValueError("needs two pairs of lots at least, each lot half of the data at most")
    means = [fmean(pair) for pair in pairs]
    of_data = part * fmean((a - b) ** 2 for a, b in pairs) / 2
    half = student_quantile((1 + level) / 2, len(pairs)) * sqrt(
        of_data + variance(means) / len(means)
    )
    return Interval(fmean(means), fmean(means) - half, fmean(means) + half)
