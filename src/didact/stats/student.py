"""Student's distribution: what a normal quantile becomes when the spread is estimated from few.

Gosset (1908). The cumulative probability is the regularised incomplete beta function by its
continued fraction (Abramowitz and Stegun 1964, 26.5.8), the quantile its inverse by bisection; for
very many degrees of freedom both are the normal ones with a correction (26.7.5, 26.7.8). About
eight digits, for degrees of freedom that need not be whole.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import exp, inf, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

__all__ = ["expanded_tail", "student_cdf", "student_quantile"]

_TINY = 1e-300
_ENOUGH = 1e-14
_NORMAL_FROM = 1e5
"""Degrees of freedom from which the correction is as good as the fraction, and faster."""


@cache
def expanded_tail(units: int, level: float) -> float:
    """What to leave out at each end of a bootstrap of ``units`` independent things.

    The percentile interval is too narrow for few; with this tail its ends stand where Student's
    interval has them for a mean (T. Hesterberg 2015, arXiv 1411.5279), and for many where they
    stood. ValueError where ``level`` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    if units < 2:
        return (1 - level) / 2
    reach = student_quantile((1 + level) / 2, units - 1) * sqrt(units / (units - 1))
    return 1 - NormalDist().cdf(reach)


def student_cdf(t: float, df: float) -> float:
    """The probability of a value up to ``t``; ``df`` above 0."""
    if df >= _NORMAL_FROM:
        return NormalDist().cdf(t * (1 - 1 / (4 * df)) / sqrt(1 + t * t / (2 * df)))
    if abs(t) < 1e-3 and t * t < 1e-10 * df:
        # The fraction's argument would be 1 after rounding; here the density hardly changes.
        return 0.5 + t * exp(lgamma((df + 1) / 2) - lgamma(df / 2)) / sqrt(df * pi)
    tail = _beta(df / (df + t * t), df / 2, 0.5) / 2
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=4096)
def student_quantile(p: float, df: float) -> float:
    """The value up to which the probability is ``p``."""
    if not 0 < p < 1 or df <= 0:
        raise ValueError(f"no quantile at {p} of {df} degrees of freedom")
    if df >= _NORMAL_FROM:
        z = NormalDist().inv_cdf(p)
        return z + (z**3 + z) / (4 * df)
    if p < 0.5:
        return -student_quantile(1 - p, df)
    low, high = 0.0, 1.0
    while student_cdf(high, df) < p and high < inf:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if student_cdf(middle, df) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    # The fraction converges fast only on this side of the mean.
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(1 - x, b, a) / b
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, int(200 + 10 * sqrt(max(a, b)))):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + step * d)
            c = _away(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
