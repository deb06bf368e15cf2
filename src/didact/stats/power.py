"""What an evaluation can see: the smallest true difference that it would probably find.

The arithmetic of a paired test of means (J. Cohen, "Statistical Power Analysis", 1988): with n
items and a standard deviation s of the paired differences, a difference of
``(z(1 - a/2) + z(power)) * s / sqrt(n)`` is found at level a with the power asked for; Student's
quantiles stand for the normal ones, so that few items are not flattered. Several comparisons
share the level (Bonferroni, which is the first step of Holm's procedure, hence on the safe side).
Meant to be printed before any money is spent.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import NamedTuple

from didact.stats.student import student_quantile

__all__ = ["Detectable", "detectable_share", "items_needed", "minimum_detectable_effect"]

_MOST = 10_000_000


class Detectable(NamedTuple):
    """What can be seen with this many items."""

    effect: float
    """Smallest true difference that is found with the power asked for, in the unit of ``sd``."""
    items: int
    power: float
    level: float
    comparisons: int

    def __str__(self) -> str:
        """One line for people, for scores that are shares of 1."""
        among = f", {self.comparisons} comparisons" if self.comparisons > 1 else ""
        return (
            f"{self.items} items: a true difference of {100 * self.effect:.1f} points or more is"
            f" found {100 * self.power:.0f} times in 100 (level {self.level:g}{among})"
        )


def minimum_detectable_effect(
    items: int, *, sd: float, power: float = 0.8, level: float = 0.05, comparisons: int = 1
) -> Detectable:
    """The smallest mean of paired differences that ``items`` items show.

    ``sd`` is the standard deviation of the differences; ValueError below two items.
    """
    if items < 2 or sd < 0 or comparisons < 1:
        raise ValueError("needs two items, a deviation that is not negative, one comparison")
    if not 0 < level < 1 or not 0 < power < 1:
        raise ValueError("power and level lie between 0 and 1")
    df = items - 1
    reach = student_quantile(1 - level / comparisons / 2, df) + student_quantile(power, df)
    return Detectable(reach * sd / sqrt(items), items, power, level, comparisons)


def detectable_share(
    items: int,
    *,
    agreement: float = 0.0,
    power: float = 0.8,
    level: float = 0.05,
    comparisons: int = 1,
) -> Detectable:
    """The same before anything is known: scores of 0 or 1, about half of them right.

    ``agreement`` is the correlation of two models over items: 0 is the worst case, and with it the
    number says what holds without a guess. A win rate has half the deviation of such a difference
    and none of this: ``minimum_detectable_effect(items, sd=0.5)``.
    """
    if not 0 <= agreement < 1:
        raise ValueError("agreement is a correlation from 0 to below 1")
    sd = sqrt(0.5 * (1 - agreement))
    return minimum_detectable_effect(
        items, sd=sd, power=power, level=level, comparisons=comparisons
    )


def items_needed(
    effect: float, *, sd: float, power: float = 0.8, level: float = 0.05, comparisons: int = 1
) -> int:
    """The fewest items that show ``effect``."""
    if effect <= 0:
        raise ValueError("the effect to find is above 0")

    def sees(items: int) -> bool:
        found = minimum_detectable_effect(
            items, sd=sd, power=power, level=level, comparisons=comparisons
        )
        return found.effect <= effect

    low, high = 1, 2
    while not sees(high):
        low, high = high, high * 2
        if high > _MOST:
            raise ValueError(f"more than {_MOST} items")
    while high - low > 1:
        middle = ceil((low + high) / 2)
        low, high = (low, middle) if sees(middle) else (middle, high)
    return high
