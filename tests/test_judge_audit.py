"""What an audit says of judges whose faults are known."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest

from didact.judge_audit import Rated, audit_judge
from didact.stats.bootstrap import wilson


def items(scores, labels, words=None):
    words = words or range(10, 10 + len(scores))
    return [
        Rated(label=label, scores=score if isinstance(score, tuple) else (score,), words=count)
        for score, label, count in zip(scores, labels, words, strict=True)
    ]


def test_agreement_is_the_share_decided_as_people_did():
    audit = audit_judge(items([5, 4, 2, 1], [1, 0, 0, 0]), at_least=4)
    assert audit.agreement == wilson(3, 4)
    # People say yes to 1 of 4, the judge to 2: chance gives .125 + .375.
    assert audit.kappa == pytest.approx((0.75 - 0.5) / 0.5)


def test_labels_on_the_scale_are_decided_by_the_same_threshold():
    audit = audit_judge(items([5, 4, 2, 1], [4, 3, 4, 2]), at_least=4)
    assert audit.agreement.mean == 0.5


def test_a_judge_that_always_says_yes_agrees_with_most_and_knows_nothing():
    audit = audit_judge(items([5] * 10, [1] * 9 + [0]), at_least=4)
    assert audit.agreement.mean == 0.9
    assert audit.kappa == 0
    assert audit_judge(items([5] * 4, [1] * 4), at_least=4).kappa is None


def test_what_could_not_be_read_is_counted_and_is_in_no_other_number():
    audit = audit_judge(items([5, (None, 5), 1], [1, 0, 0]), at_least=4)
    assert (audit.items, audit.unscored) == (3, 1)
    assert audit.agreement.mean == 1


def test_repeating_oneself_is_measured_in_decisions_and_in_points():
    audit = audit_judge(items([(5, 5), (5, 3), (2, 1), (4, None)], [1, 1, 0, 1]), at_least=4)
    assert audit.repeated == pytest.approx(2 / 3)
    assert audit.spread == pytest.approx(1)
    assert audit_judge(items([5, 1], [1, 0]), at_least=4).repeated is None


@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_the_length_slope_finds_the_points_that_a_judge_gives_for_words(bias):
    slopes = []
    for seed in range(12):
        draw, rows = Random(seed), []
        for _ in range(100):
            label, doublings = draw.choice([0, 1]), draw.uniform(2, 8)
            words = round(2**doublings) - 1
            rows.append((2 * label + bias * doublings + draw.gauss(0, 0.5), label, words))
        slopes.append(audit_judge(items(*zip(*rows, strict=True)), at_least=1).slope)
    # An interval of 95%, over a dozen judges.
    assert sum(slope.low < bias < slope.high for slope in slopes) >= 10
    assert fmean(slope.mean for slope in slopes) == pytest.approx(bias, abs=0.02)
    assert all((slope.low > 0) for slope in slopes) == bool(bias)


def test_no_slope_is_told_where_all_answers_are_of_one_length():
    assert audit_judge(items([1, 2, 3, 4], [1, 0, 1, 0], [7] * 4), at_least=2).slope is None
    assert audit_judge(items([1, 2], [1, 0]), at_least=2).slope is None


def test_the_words_of_an_audit_name_every_number_it_has():
    audit = audit_judge(items([(5, 4), (1, 1), (4, 2), (2, 2)], [1, 0, 0, 0]), at_least=4)
    text = "\n".join(audit.lines())
    assert "75%" in text
    assert "kappa 0.50" in text
    assert "asked again     75% decided alike, 0.75 points apart" in text
    assert "points for twice the words" in text
    assert audit.to_json()["kappa"] == audit.kappa


def test_an_audit_of_nothing_says_so():
    audit = audit_judge([], at_least=4)
    assert audit.agreement is audit.kappa is audit.slope is None
    assert audit.lines()[0] == "labelled items  0 rated, 0 unscored"
