"""The audit of judges whose faults are known."""

import numpy as np
import pytest

from didact.stats.audit import Judgement, audit, length_slope
from didact.stats.bradley_terry import Game


def both_orders(better, lengths=None, items=60):
    """``better(item)`` is what a judge says of the first of two answers, in each order."""
    found = []
    for item in range(items):
        by = float(lengths[item]) if lengths is not None else 0.0
        for first, second, sign in (("a", "b", 1), ("b", "a", -1)):
            found.append(Judgement(item, first, second, better(item, first), sign * by))
    return found


def test_a_judge_of_places_flips_always():
    found = audit(both_orders(lambda *_: 1.0))
    assert found.flips.mean == found.first.mean == 1
    assert found.wavers.mean == 0
    assert found.unreadable == (0, 0, found.unreadable.high)


def test_a_fair_judge_never_flips_and_prefers_no_place():
    found = audit(both_orders(lambda item, first: float((first == "a") == (item % 2 == 0))))
    assert found.flips.mean == 0
    assert found.first.mean == 0.5


def test_a_tie_in_one_order_is_no_flip():
    found = audit(both_orders(lambda _, first: 1.0 if first == "a" else 0.5))
    assert (found.flips.mean, found.wavers.mean) == (0, 1)


def test_a_judge_of_length_has_a_slope_and_one_of_quality_has_none():
    rng = np.random.default_rng(0)
    by = rng.normal(0, 300, 300)
    likes_long = both_orders(lambda n, f: float((by[n] > 0) == (f == "a")), by, 300)
    truth = rng.random(300) < 0.5
    fair = both_orders(lambda n, f: float(truth[n] == (f == "a")), by, 300)
    assert audit(likes_long, draws=100).longer.mean == 1
    assert audit(likes_long, draws=100).slope.low > 2
    slope = audit(fair, draws=200).slope
    assert slope.low < 0 < slope.high


def test_a_longer_model_that_is_better_is_no_taste_for_length():
    """The better model wins whatever the lengths are: holding models equal leaves nothing."""
    rng = np.random.default_rng(1)
    by = rng.normal(300, 300, 400)
    won = rng.random(400) < 0.8
    found = audit(both_orders(lambda n, f: float(won[n] == (f == "a")), by, 400), draws=200)
    assert found.longer.mean > 0.6
    assert found.slope.low < 0 < found.slope.high


def test_one_order_alone_says_nothing_about_flips():
    only = [Judgement(n, "a", "b", float(n % 2), 10.0 * (-1) ** n) for n in range(40)]
    found = audit(only, draws=50)
    assert found.flips is None
    assert found.first.mean == 0.5
    assert length_slope(only[:2], seed=0) is None


def test_what_cannot_be_read_is_counted_and_takes_no_part():
    judged = both_orders(lambda item, first: None if item < 15 else float(first == "a"))
    found = audit(judged)
    assert found.unreadable.mean == 0.25
    assert found.flips.mean == 0
    silent = audit(both_orders(lambda *_: None))
    assert silent.unreadable.mean == 1
    assert silent.first is silent.flips is silent.slope is silent.people is None


def test_self_preference_is_what_people_do_not_share():
    judged = both_orders(lambda _, first: float(first == "a"), items=80)
    people = [Game("b", "a", float(n % 2), n) for n in range(80)]
    with_people = audit(judged, people=people, own="a")
    assert with_people.own.mean == pytest.approx(0.5)
    assert audit(judged, own="a").own.mean == 0.5
    agreeing = audit(judged, people=[Game("a", "b", 1.0, n) for n in range(80)], own="a")
    assert agreeing.own == (0, 0, 0)
    assert audit(judged, own="c").own is None


def test_repeats_and_people_are_agreement_with_kappa():
    rng = np.random.default_rng(2)
    truth = rng.random(200) < 0.5
    noisy = truth ^ (rng.random(200) < 0.1)
    first = [Judgement(n, "a", "b", float(truth[n])) for n in range(200)]
    again = [Judgement(n, "a", "b", float(noisy[n]), draw=1) for n in range(200)]
    found = audit(first + again, people=[Game("a", "b", float(truth[n]), n) for n in range(200)])
    assert found.people.same.mean == found.people.kappa.mean == 1
    assert found.repeats.same.mean == pytest.approx(0.9, abs=0.05)
    assert found.repeats.kappa.mean == pytest.approx(0.8, abs=0.1)
    assert found.repeats.pairs == 200


def test_without_verdicts_there_is_no_audit():
    with pytest.raises(ValueError, match="no verdicts"):
        audit([])
