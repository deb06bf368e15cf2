"""Agreement against published worked examples, statsmodels where it is there, and edge cases."""

import numpy as np
import pytest

from didact.stats.agreement import cohen, cohen_of_table, fleiss, krippendorff

# J. Fleiss (1971) as worked in many textbooks: 14 raters, 10 items, 5 categories.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
# K. Krippendorff (2011), example E: four observers, twelve units, gaps.
GAPS = list(
    zip(
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
        strict=True,
    )
)
# The human ratings of the Self-Instruct paper (methods.md 1.8): A, B, C, D of 252 answers each.
LEVELS = {
    "GPT3": (1, 0, 64, 187), "GPT3+T0": (44, 31, 59, 118), "GPT3+SuperNI": (74, 30, 80, 68),
    "Self-Instruct+SuperNI": (83, 54, 84, 31), "Self-Instruct": (112, 49, 66, 25),
    "InstructGPT-001": (128, 45, 61, 18), "InstructGPT-002": (168, 40, 34, 10),
    "InstructGPT-003": (192, 30, 28, 2),
}  # fmt: skip


def test_cohens_kappa_of_the_textbook_table():
    kappa = cohen_of_table([[20, 5], [10, 15]], seed=0)
    assert kappa.mean == pytest.approx(0.4)
    # The large-sample interval is 0.151 to 0.649.
    assert kappa.low == pytest.approx(0.151, abs=0.04)
    assert kappa.high == pytest.approx(0.649, abs=0.04)


def test_kappa_of_two_lists_is_kappa_of_their_table():
    a = ["yes"] * 25 + ["no"] * 25
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen(a, b, seed=0, order=("yes", "no")) == cohen_of_table([[20, 5], [10, 15]], seed=0)
    assert cohen(a, a, seed=0).mean == 1


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_weighted_kappa_is_that_of_statsmodels(weights):
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    table = np.random.default_rng(1).integers(1, 20, size=(4, 4))
    kinds = {"none": None, "linear": "linear", "quadratic": "quadratic"}
    theirs = rater.cohens_kappa(table, wt=kinds[weights])
    ours = cohen_of_table(table, seed=0, weights=weights)
    assert ours.mean == pytest.approx(theirs.kappa, abs=1e-12)
    assert ours.low == pytest.approx(theirs.kappa_low, abs=0.03)
    assert ours.high == pytest.approx(theirs.kappa_upp, abs=0.03)


def test_fleiss_kappa_of_the_published_example():
    kappa = fleiss(FLEISS, seed=0)
    assert round(kappa.mean, 3) == 0.210
    assert kappa.low < kappa.mean < kappa.high


@pytest.mark.parametrize(
    ("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_krippendorffs_alpha_of_the_published_example(scale, alpha):
    found = krippendorff(GAPS, seed=0, scale=scale)
    assert round(found.mean, 3) == alpha
    assert found.low < alpha < found.high <= 1


def test_alpha_and_kappa_of_chance_are_about_zero_and_of_one_mind_one():
    rng = np.random.default_rng(2)
    noise = rng.integers(3, size=(2000, 3)).astype(float)
    found = krippendorff(noise.tolist(), seed=0)
    assert found.low < 0 < found.high
    assert krippendorff([[1, 1], [2, 2], [1, 1]], seed=0).mean == 1


def test_the_counts_of_the_papers_human_table_give_its_figures():
    """methods.md 1.8: 252 answers each; five points behind InstructGPT-001 when B counts."""
    assert all(sum(row) == 252 for row in LEVELS.values())
    acceptable = {name: 100 * (a + b) / 252 for name, (a, b, _, _) in LEVELS.items()}
    assert round(100 * LEVELS["Self-Instruct"][0] / 252, 1) == 44.4
    assert round(acceptable["InstructGPT-001"] - acceptable["Self-Instruct"]) == 5
    assert sorted(acceptable, key=acceptable.__getitem__) == list(LEVELS)


def test_the_kappa_of_the_paper_from_counts_with_its_margins():
    """methods.md 1.8, kappa 0.57: the table of two raters who share the ratings of one system.

    The paper does not print the joint table; with these margins and independence for the rest,
    its kappa means that 57 % of the answers were rated by the same mind.
    """
    share = np.array(LEVELS["Self-Instruct"]) / 252
    joint = 0.57 * np.diag(share) + 0.43 * np.outer(share, share)
    found = cohen_of_table(np.rint(joint * 252_000).astype(int), seed=0, draws=50)
    assert found.mean == pytest.approx(0.57, abs=1e-3)
    assert np.trace(joint) == pytest.approx(0.57 + 0.43 * (share**2).sum())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cohen([], [], seed=0), "at least one"),
        (lambda: cohen([1], [2], seed=0, order=(1,)), "not among the categories"),
        (lambda: cohen_of_table([[1, 2]], seed=0), "square table"),
        (lambda: fleiss([[2, 0], [1, 0]], seed=0), "same number of raters"),
        (lambda: krippendorff([[1, None]], seed=0), "no item has two ratings"),
    ],
)
def test_what_has_no_agreement_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
