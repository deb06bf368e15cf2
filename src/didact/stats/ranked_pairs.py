"""One ranking of many, by ranked pairs: how OpenAssistant's ranks came of its people's.

Ranked pairs (Tideman 1987) as the OpenAssistant project used it (Köpf et al. 2023, arXiv
2304.07327) to bring several people's orders of the same answers together. Who beats whom is counted
over all orders; the clearest majorities are locked in first, and one that would close a circle is
left out; what nobody locked in beats comes next. Ours differs in that ties are broken by the first
order, not by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import TypeVar

__all__ = ["ranked_pairs"]

Item = TypeVar("Item", bound=Hashable)


def ranked_pairs(orders: Sequence[Sequence[Item]]) -> list[Item]:
    """The items of all orders, the best first; each order ranks what it names, best first."""
    items = list(dict.fromkeys(item for order in orders for item in order))
    wins: Counter[tuple[Item, Item]] = Counter()
    for order in orders:
        wins.update(combinations(order, 2))
    majorities = [pair for pair in wins if wins[pair] > wins[pair[1], pair[0]]]
    place = {item: number for number, item in enumerate(items)}
    majorities.sort(
        key=lambda pair: (-wins[pair], wins[pair[1], pair[0]], place[pair[0]], place[pair[1]])
    )
    below: dict[Item, set[Item]] = {item: set() for item in items}
    for better, worse in majorities:
        if not _reaches(below, worse, better):
            below[better].add(worse)
    found: list[Item] = []
    left = items
    while left:
        beaten = {item for other in left for item in below[other]}
        best = next(item for item in left if item not in beaten)
        found.append(best)
        left = [item for item in left if item != best]
    return found


def _reaches(below: dict[Item, set[Item]], start: Item, goal: Item) -> bool:
    """Whether the goal is below the start, by any way."""
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        if here == goal:
            return True
        ahead += below[here] - seen
        seen |= below[here]
    return False
