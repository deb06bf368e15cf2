"""Many rankings become one."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from didact.stats.ranked_pairs import ranked_pairs

orders = st.lists(st.permutations("abcd"), min_size=1, max_size=7)


def test_the_order_of_the_majority_wins():
    """methods.md 13.2, the check of Tideman's ranked pairs."""
    assert ranked_pairs(["abc", "acb", "abc"]) == list("abc")


def test_the_weakest_majority_of_a_circle_is_left_out():
    # a beats b by 5 of 7, b beats c by 6, c beats a by 4.
    votes = ["abc"] * 3 + ["bca"] * 2 + ["cab"] * 1 + ["abc"] * 0 + ["cab"] * 1
    assert ranked_pairs(votes) == list("abc")


@given(orders, st.randoms())
def test_whom_all_prefer_comes_first_and_nobody_is_lost(votes, rng):
    found = ranked_pairs(votes)
    assert sorted(found) == list("abcd")
    first = {vote[0] for vote in votes}
    if len(first) == 1:
        assert found[0] in first
    # Whoever beats everyone else by majority (Condorcet) is the first.
    for one in "abcd":
        against = [sum(v.index(one) < v.index(o) for v in votes) for o in "abcd" if o != one]
        if all(2 * wins > len(votes) for wins in against):
            assert found[0] == one


def test_one_order_is_the_ranking_and_none_is_empty():
    for order in permutations("abc"):
        assert ranked_pairs([order]) == list(order)
    assert ranked_pairs([]) == []
