"""The interval of what lots show."""

import numpy as np
import pytest

from didact.stats.lots import lot_interval


def test_halves_of_a_sample_give_the_interval_of_its_mean():
    rng = np.random.default_rng(0)
    data = rng.normal(5, 2, 400)
    mixed = [data[rng.permutation(400)] for _ in range(60)]
    found = lot_interval([(one[:200].mean(), one[200:].mean()) for one in mixed], 0.5)
    assert found.mean == pytest.approx(data.mean())
    assert found.high - found.low == pytest.approx(2 * 2.0 * data.std() / 20, rel=0.3)


def test_what_gives_no_interval_is_refused():
    with pytest.raises(ValueError, match="two pairs"):
        lot_interval([(1, 2)], 0.5)
    with pytest.raises(ValueError, match="half of the data"):
        lot_interval([(1, 2), (2, 3)], 0.6)
