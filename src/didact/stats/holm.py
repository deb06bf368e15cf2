"""P-values of several comparisons, adjusted so that one false find among all stays rare.

S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979): valid whatever the
dependence between the comparisons, and never weaker than Bonferroni's.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """The adjusted p-values, in the order given: below 0.05 is a find at 5 % for all together."""
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError("a p-value lies between 0 and 1")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
