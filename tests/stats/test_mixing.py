"""What a mixture takes: proportions exact, items by their own id. methods.md 7.2, 8.1, 8.5."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.stats.mixing import (
    Portion,
    Sample,
    allot,
    apportion,
    probabilities,
    proportional_rates,
)

FLAN_2022 = {"flan2021": 0.40, "t0": 0.32, "niv2": 0.20, "cot": 0.05, "dialog": 0.03}


def sample(ids, size, seed=0):
    taken = Sample(size, seed=seed)
    for item in ids:
        taken.offer(item, item)
    return taken.items()


def test_the_worked_example_of_examples_proportional_mixing():
    """methods.md 7.2: sizes 30,000, 3,000, 500 give rates 3000, 3000, 500, .4615 .4615 .0769."""
    rates = proportional_rates([30_000, 3_000, 500], 3_000)
    assert rates == [3000, 3000, 500]
    assert [round(p, 4) for p in probabilities(rates)] == [0.4615, 0.4615, 0.0769]


def test_evaluation_mixtures_use_the_plain_sizes():
    """methods.md 7.2."""
    sizes = [200, 100]
    assert probabilities(proportional_rates(sizes, max(sizes))) == [2 / 3, 1 / 3]


def test_a_huge_data_set_contributes_the_cap():
    """methods.md 8.5: 2,000,000 rows contribute rate 30,000."""
    assert proportional_rates([2_000_000], 30_000) == [30_000]


def test_a_hundred_thousand_items_have_the_shares_of_the_2022_collection():
    """methods.md 8.1, 8.5: .40/.32/.20/.05/.03 within 1 %; here they are exact."""
    taken = allot([Portion(10**6, weight=w) for w in FLAN_2022.values()])
    total = sum(taken.counts)
    for count, weight in zip(taken.counts, FLAN_2022.values(), strict=True):
        assert count / total == pytest.approx(weight, abs=1e-6)
    counts = apportion(100_000, list(FLAN_2022.values()))
    assert counts == [40_000, 32_000, 20_000, 5_000, 3_000]


def test_the_older_default_weights_are_four_three_and_ones():
    """methods.md 8.1."""
    assert apportion(1000, [4, 3, 1, 1, 1]) == [400, 300, 100, 100, 100]


def test_parts_without_weight_or_share_are_taken_whole():
    assert allot([Portion(7), Portion(0), Portion(3)]) == ((7, 0, 3), None)


def test_the_part_that_runs_dry_sets_how_much_there_is():
    assert allot([Portion(100, weight=3), Portion(10, weight=1)]) == ((30, 10), 1)
    assert allot([Portion(100, weight=1), Portion(100, weight=1)]) == ((100, 100), None)


def test_a_share_is_that_share_of_the_whole_also_beside_weights():
    taken = allot([Portion(95), Portion(50, share=0.05)])
    assert taken.counts == (95, 5)
    taken = allot([Portion(60, weight=2), Portion(90, weight=1), Portion(90, share=0.1)])
    assert taken.counts == (60, 30, 10)


def test_a_share_that_is_short_cuts_the_others():
    assert allot([Portion(1000), Portion(5, share=0.05)]) == ((95, 5), 1)


def test_shares_alone_must_make_the_whole():
    assert allot([Portion(50, share=0.5), Portion(100, share=0.5)]).counts == (50, 50)
    with pytest.raises(ValueError, match=r"add up to 0\.8, and no entry makes up the rest"):
        allot([Portion(9, share=0.5), Portion(9, share=0.3)])
    with pytest.raises(ValueError, match="leave nothing for the other"):
        allot([Portion(9, share=1.0), Portion(9)])
    with pytest.raises(ValueError, match="more than 1"):
        allot([Portion(9, share=0.9), Portion(9, share=0.9)])


def test_a_part_with_nothing_in_it_is_left_out():
    assert allot([Portion(10, weight=1), Portion(0, weight=9)]).counts == (10, 0)
    assert allot([Portion(0), Portion(8, share=0.1)]).counts == (0, 8)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.sampled_from([(None, None), (1, None), (0.3, None)])),
        min_size=1,
        max_size=6,
    ),
    st.one_of(st.none(), st.tuples(st.integers(0, 500), st.floats(0.01, 0.9))),
)
def test_no_part_gives_more_than_it_has_and_the_proportion_holds(parts, shared):
    portions = [Portion(n, weight=w) for n, (w, _) in parts]
    if shared:
        portions.append(Portion(shared[0], share=shared[1]))
    counts, _ = allot(portions)
    assert all(0 <= count <= p.available for count, p in zip(counts, portions, strict=True))
    live = [(c, p.weight) for c, p in zip(counts, portions, strict=True) if p.weight and c]
    for (a, v), (b, w) in itertools.combinations(live, 2):
        assert abs(a / v - b / w) <= 1.01 / min(v, w)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 100), min_size=1, max_size=8))
def test_apportioning_adds_up_and_is_off_by_less_than_one(total, weights):
    counts = apportion(total, weights)
    assert sum(counts) == total
    for count, weight in zip(counts, weights, strict=True):
        assert abs(count - total * weight / sum(weights)) < 1 + 1e-6


def test_what_is_taken_of_a_part_depends_on_its_items_alone():
    ids = [f"item {n}" for n in range(200)]
    twenty, fifty = sample(ids, 20), sample(ids, 50)
    assert len(twenty) == 20
    assert set(twenty) < set(fifty)
    assert sorted(sample(ids[::-1], 20)) == sorted(twenty)
    assert twenty == [item for item in ids if item in set(twenty)]
    assert sample(ids, 20, seed=1) != twenty
    assert sample(ids, 0) == []
    assert sample(ids[:5], 20) == ids[:5]
