"""The coefficient by which data sets are compared."""

import math

import pytest

from didact.stats.scaling import fit_log

SIZES = (100, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200)


@pytest.mark.parametrize("alpha", [6.95, 5.69, 5.40, 4.53, 4.43, 2.86, 1.99, 0.22])
def test_the_coefficient_of_points_on_a_line_comes_back(alpha):
    """methods.md 5.9: w = 6.95 ln N + C must return 6.95; 5.6 for the other data sets."""
    fit = fit_log((size, alpha * math.log(size) - 12.5) for size in SIZES)
    assert fit.alpha == pytest.approx(alpha, abs=1e-9)
    assert fit.constant == pytest.approx(-12.5)
    assert fit.base == math.e
    assert fit.at(3200) == pytest.approx(alpha * math.log(3200) - 12.5)


def test_the_base_of_the_logarithm_is_told_and_can_be_another():
    """methods.md 5.6, 5.9: the base is not stated; report the one used."""
    fit = fit_log((size, 6.95 * math.log(size) + 1) for size in SIZES).in_base(10)
    assert fit.alpha == pytest.approx(6.95 * math.log(10))
    assert (fit.base, fit.constant) == (10, pytest.approx(1))
    again = fit.in_base(math.e)
    assert again.alpha == pytest.approx(6.95)


def test_points_that_give_no_line_are_refused():
    with pytest.raises(ValueError, match="two numbers"):
        fit_log([(100, 1.0), (100, 2.0)])
    with pytest.raises(ValueError, match="above 0"):
        fit_log([(0, 1.0), (100, 2.0)])
