"""Counts, shares and lots."""

import random

import pytest

from didact.errors import ConfigError
from didact.stats.portions import by_lot, check_portion, portion


@pytest.mark.parametrize(
    ("total", "count", "share", "expected"),
    [(10, 3, None, 3), (2, 3, None, 2), (100, None, 0.29, 29), (100, None, 0.07, 7),
     (52_002, None, 0.05, 2600), (10, None, 1.0, 10), (0, None, 0.5, 0)],
)  # fmt: skip
def test_a_share_is_that_of_what_there_is(total, count, share, expected):
    """methods.md 17.4: the published code takes it of a fixed 52,002."""
    assert portion(total, count=count, share=share) == expected


def test_the_lot_depends_on_id_and_seed_alone_and_samples_are_nested():
    ids = [f"id{n}" for n in range(200)]
    order = [ids[place] for place in by_lot(ids, seed=1)]
    mixed = random.Random(0).sample(ids, len(ids))
    assert [mixed[place] for place in by_lot(mixed, seed=1)] == order
    assert [ids[place] for place in by_lot(ids, seed=2)] != order
    assert set(order) == set(ids)
    # Every tenth of the ids is drawn about as often among the first hundred.
    assert all(5 <= sum(int(one[2:]) % 10 == k for one in order[:100]) <= 15 for k in range(10))


@pytest.mark.parametrize(
    ("count", "share", "says"),
    [(None, None, "either"), (1, 0.5, "either"), (0, None, "count"), (None, 1.5, "share")],
)
def test_what_makes_no_sense_is_a_config_error(count, share, says):
    with pytest.raises(ConfigError, match=says):
        check_portion(count=count, share=share)
