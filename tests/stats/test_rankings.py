"""Bradley-Terry, seeds, win rates, relative scores and length control on known truths."""

import math

import numpy as np
import pytest

from didact.stats.bradley_terry import ELO, Game, bradley_terry, strengths
from didact.stats.length_control import Judged, length_control
from didact.stats.seeds import across_seeds, paired_across_seeds
from didact.stats.win_rates import relative_score, weighted_preference, win_rate

# A. Agresti, "Categorical Data Analysis": American League East 1987, wins of rows over columns.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = [
    [0, 7, 9, 7, 7, 9, 11], [6, 0, 7, 5, 11, 9, 9], [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10], [6, 2, 6, 7, 0, 7, 12], [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]  # fmt: skip


def games_of(wins):
    return [
        Game(TEAMS[a], TEAMS[b], 1.0)
        for a, row in enumerate(wins)
        for b, count in enumerate(row)
        for _ in range(count)
    ]


def test_bradley_terry_gives_the_published_strengths():
    found = strengths(np.array([WINS], dtype=float))[0]
    above_last = np.round(found - found[-1], 2).tolist()
    assert above_last == [1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0.0]


def test_teams_come_by_strength_with_intervals_and_games():
    lines = bradley_terry(games_of(WINS), seed=0, draws=200)
    assert [line.model for line in lines] == list(TEAMS)
    assert all(line.strength.low < line.strength.mean < line.strength.high for line in lines)
    assert {line.games for line in lines} == {78}
    assert sum(line.strength.mean for line in lines) == pytest.approx(0, abs=1e-9)


def test_two_models_differ_by_the_logit_of_their_wins_and_a_tie_is_half_a_win():
    games = [Game("a", "b", 1.0)] * 30 + [Game("b", "a", 1.0)] * 10 + [Game("a", "b", 0.5)] * 20
    first, second = bradley_terry(games, seed=0, draws=50)
    gap = first.strength.mean - second.strength.mean
    assert gap == pytest.approx(math.log(40 / 20), abs=1e-3)
    assert gap * ELO == pytest.approx(400 * math.log10(2), abs=0.2)


def test_a_model_that_never_lost_is_first_and_finite_and_order_changes_nothing():
    games = [Game("a", "b", 1.0, n) for n in range(20)] + [Game("b", "c", 1.0, n) for n in range(9)]
    lines = bradley_terry(games, seed=0, draws=50)
    assert [line.model for line in lines] == ["a", "b", "c"]
    assert all(math.isfinite(line.strength.mean) for line in lines)
    back = bradley_terry([Game(g.b, g.a, 1 - g.outcome, g.item) for g in games], seed=0, draws=50)
    for one, other in zip(back, lines, strict=True):
        assert one.strength == pytest.approx(other.strength)


def test_games_of_one_item_are_no_independent_evidence():
    rng = np.random.default_rng(0)
    wins = rng.random(40) < 0.6
    once = [Game("a", "b", float(won), n) for n, won in enumerate(wins)]
    five = [Game("a", "b", float(won), n) for n, won in enumerate(wins) for _ in range(5)]
    one, many = (bradley_terry(games, seed=0, draws=300)[0].strength for games in (once, five))
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.05)


def test_seeds_that_agree_leave_the_items_and_seeds_that_do_not_widen():
    items = np.random.default_rng(1).normal(size=50)
    rng = np.random.default_rng(2)
    alike = across_seeds(items + rng.normal(0, 0.1, (3, 50)))
    apart = across_seeds(items + np.array([[-1.0], [0.0], [1.0]]) + rng.normal(0, 0.1, (3, 50)))
    assert alike.seed_sd < 0.1
    assert alike.item_sd == pytest.approx(items.std(ddof=1), rel=0.1)
    assert apart.seed_sd == pytest.approx(1, abs=0.1)
    assert apart.df < 4 < alike.df
    assert apart.score.high - apart.score.low > 3 * (alike.score.high - alike.score.low)


def test_what_seeds_and_items_share_cancels_in_a_paired_comparison():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(3, 40)) + rng.normal(size=40) * 5
    found = paired_across_seeds(a + 0.5, a)
    assert found.score == pytest.approx((0.5, 0.5, 0.5))
    assert across_seeds(np.ones((2, 3))).score == (1, 1, 1)


# methods.md 16.1: wins, losses, draws, then the published win rate and standard error.
@pytest.mark.parametrize(
    ("counts", "rate", "error"),
    [
        ((706, 96, 2), 87.9353, 1.1461),
        ((672, 130, 2), 83.7065, None),
        ((205, 584, 16), 26.4596, 1.5357),
    ],
)
def test_the_published_win_rates(counts, rate, error):
    wins, losses, draws = counts
    found = win_rate([2.0] * wins + [1.0] * losses + [1.5] * (draws - 1) + [0.0, None, math.nan])
    assert round(found.win_rate.mean, 4) == rate
    assert error is None or round(found.standard_error, 4) == error
    assert (found.wins, found.losses, found.draws) == counts
    assert (found.total, found.unread) == (sum(counts), 2)
    assert found.win_rate.low < rate < found.win_rate.high


# methods.md 16.2
@pytest.mark.parametrize(
    ("first", "second", "preference"),
    [(-4.048847, -0.017597131, 1.98256), (-1.0, None, 1.0), (None, -1.0, 2.0), (-2, -2, 1.5)],
)
def test_the_preference_from_log_probabilities(first, second, preference):
    assert weighted_preference(first, second) == pytest.approx(preference, abs=1e-5)


def test_without_either_token_there_is_no_preference():
    assert weighted_preference(None, None) is None


# methods.md 12.7: 638 of 693 is the 92 % of the Vicuna post.
def test_the_relative_score_is_total_over_total():
    found = relative_score([7, 8, 9, 9], [8, 8, 9, 10])
    assert (found.total, found.reference) == (33, 35)
    assert found.ratio.mean == pytest.approx(100 * 33 / 35)
    assert found.ratio.low < found.ratio.mean <= found.ratio.high
    assert (found.wins, found.losses, found.ties) == (0, 2, 2)


def verdicts(rng, *, ability=0.4, slope=1.2, longer=300, number=800, model="m"):
    by = rng.normal(longer, 500, number)
    chance = 1 / (1 + np.exp(-(ability + slope * np.tanh(by / 580))))
    won = rng.random(number) < chance
    return [
        Judged(n, model, float(w), float(b)) for n, (w, b) in enumerate(zip(won, by, strict=True))
    ]


def mirrored(judged):
    return [Judged(v.item, v.model, 1 - v.preference, -v.longer_by) for v in judged]


def test_length_alone_moves_the_raw_rate_and_hardly_the_controlled_one():
    """methods.md 16.2: the property that gave the metric its name."""
    short = length_control(verdicts(np.random.default_rng(0), longer=-300), seed=0, draws=100)
    long = length_control(verdicts(np.random.default_rng(1), longer=300), seed=0, draws=100)
    raw = [found.models[0].raw.mean for found in (short, long)]
    level = [found.models[0].controlled.mean for found in (short, long)]
    assert raw[1] - raw[0] > 15
    assert abs(level[1] - level[0]) < 6
    assert all(abs(rate - 100 / (1 + math.exp(-0.4))) < 5 for rate in level)
    assert all(found.slope.low > 0.8 for found in (short, long))


def test_swapping_the_sides_gives_the_rest_of_a_hundred():
    judged = verdicts(np.random.default_rng(2))
    one, other = (length_control(v, seed=0, draws=50) for v in (judged, mirrored(judged)))
    assert one.models[0].controlled.mean + other.models[0].controlled.mean == pytest.approx(100)
    assert one.slope.mean == pytest.approx(other.slope.mean)


def test_the_baseline_against_itself_is_fifty():
    found = length_control([Judged(n, "m", 0.5, 0.0) for n in range(40)], seed=0, draws=50)
    assert found.models[0].controlled.mean == 50
    assert "nothing to control" in found.warnings[0]


def test_single_adjusted_preferences_average_to_the_controlled_rate():
    rng = np.random.default_rng(3)
    judged = [v for m in "abcd" for v in verdicts(rng, model=m, number=60)]
    found = length_control(judged, seed=0, draws=50)
    for line in found.models:
        assert len(line.adjusted) == 60
        assert np.mean(line.adjusted) == pytest.approx(line.controlled.mean)


def test_diagnostics_say_when_not_to_trust_it():
    judged = [Judged(n, "m", 1.0, 50.0 + n) for n in range(10)]
    said = " ".join(length_control(judged, seed=0, draws=20).warnings)
    assert "only 10 verdicts" in said
    assert "always longer" in said
    assert "every verdict is the same" in said


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bradley_terry([], seed=0), "needs games"),
        (lambda: bradley_terry([Game("a", "b", 2.0)], seed=0), "from 0 to 1"),
        (lambda: across_seeds([[1.0, 2.0]]), "two seeds"),
        (lambda: paired_across_seeds([[1.0]], [[1.0, 2.0]]), "one shape"),
        (lambda: win_rate([None]), "at least one"),
        (lambda: win_rate([3.0]), "between 1 and 2"),
        (lambda: relative_score([1], [0]), "above 0"),
        (lambda: length_control([], seed=0), "needs verdicts"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
