"""The coefficient by which data sets are compared."""

import math

import numpy as np
import pytest

from didact.stats.scaling import fit_log, scaling

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


def test_the_line_of_a_block_is_the_line_of_its_means_and_says_how_far_it_is_off():
    rng = np.random.default_rng(0)
    sizes = [100, 400, 1600]
    block = rng.normal(50, 5, (3, 4, 30)) + 6.95 * np.log(sizes)[:, None, None]
    found = scaling(sizes, block)
    line = fit_log(zip(sizes, block.mean(axis=(1, 2)), strict=True))
    assert found.alpha.mean == pytest.approx(line.alpha)
    assert found.constant.mean == pytest.approx(line.constant)
    assert found.alpha.low < 6.95 < found.alpha.high
    residuals = [abs(m - line.at(n)) for n, m in zip(sizes, block.mean(axis=(1, 2)), strict=True)]
    assert found.off == pytest.approx(max(residuals))


def test_the_interval_of_alpha_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    sizes = np.array([50.0, 200.0, 800.0])
    held = 0
    for _ in range(400):
        # Items and seeds have slopes of their own, and every score has noise.
        slopes = 3 + rng.normal(0, 2, 25)[None, :] + rng.normal(0, 1, 3)[:, None]
        block = slopes * np.log(sizes)[:, None, None] + rng.normal(0, 4, (3, 3, 25))
        found = scaling(sizes.tolist(), block).alpha
        held += found.low <= 3 <= found.high
    # 95 % of 400, give or take three standard errors.
    assert 0.917 <= held / 400 <= 0.983


def test_one_seed_gives_an_interval_over_items_and_an_incomplete_block_none():
    block = np.arange(24, dtype=float).reshape(2, 1, 12)
    found = scaling([10, 100], block)
    assert found.alpha.low <= found.alpha.mean <= found.alpha.high
    block[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="full block"):
        scaling([10, 100], block)
    with pytest.raises(ValueError, match="full block"):
        scaling([10], np.zeros((2, 1, 12)))
