"""How much of a preference is form: known judges, and the intervals."""

import numpy as np
import pytest

from didact.stats.form import form
from didact.stats.surfaces import surface_distance


def pairs(rng, *, form_logit, content, items=600, longer=1.0):
    """Answers that differ in length; a judge that goes by length, by content, or by both."""
    length = rng.normal(longer, 1.0, items)
    noise = rng.normal(0, 1, items)
    logits = form_logit * np.tanh(length / np.sqrt((length**2).mean())) + content
    chosen = rng.random(items) < 1 / (1 + np.exp(-logits))
    return chosen.astype(float), np.column_stack([length, noise])


def test_a_judge_of_length_alone_leaves_nothing_where_answers_look_alike():
    chosen, marks = pairs(np.random.default_rng(7), form_logit=2.5, content=0.0)
    found = form(chosen, marks, seed=0)
    assert found.alike is not None
    assert found.explained is not None
    assert found.raw.low > 60
    assert found.alike.low < 50 < found.alike.high
    assert found.share is not None
    assert found.share.low < 100 < found.share.high
    assert found.slopes[0].low > 0
    assert found.slopes[1].low < 0 < found.slopes[1].high


def test_a_judge_of_content_alone_loses_nothing():
    chosen, marks = pairs(np.random.default_rng(1), form_logit=0.0, content=1.2)
    found = form(chosen, marks, seed=0)
    assert found.alike is not None
    assert found.explained is not None
    assert found.alike.low < found.raw.mean < found.alike.high
    assert found.explained.low < 0 < found.explained.high


def test_changing_the_sides_changes_the_sign_of_everything():
    chosen, marks = pairs(np.random.default_rng(2), form_logit=1.0, content=0.5, items=200)
    one, other = form(chosen, marks, seed=0), form(1 - chosen, -marks, seed=0)
    assert one.alike is not None
    assert other.alike is not None
    assert one.alike.mean == pytest.approx(100 - other.alike.mean)
    assert one.slopes[0].mean == pytest.approx(other.slopes[0].mean)


def test_what_cannot_be_told_apart_is_not_told():
    rng = np.random.default_rng(8)
    marks = rng.uniform(1, 2, (50, 2)) * [1, -1]
    found = form([1.0] * 50, marks, seed=0, names=["words", "list"])
    assert (found.alike, found.explained, found.share) == (None, None, None)
    assert [warning.split()[:3] for warning in found.warnings] == [
        ["every", "verdict", "is"],
        ["always", "more", "words"],
        ["always", "less", "list"],
    ]


def test_a_draw_has_no_share_and_what_cannot_be_fitted_is_refused():
    marks = np.random.default_rng(3).normal(0, 1, (60, 2))
    assert form([0.5] * 60, marks, seed=0).share is None
    with pytest.raises(ValueError, match="three"):
        form([1.0], [[0.0]], seed=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        form([2.0, 1.0, 1.0], np.zeros((3, 1)), seed=0)


def test_the_interval_where_answers_look_alike_holds_the_truth():
    # 500 simulations at full size gave 95.0 %; here there are fewer.
    rng = np.random.default_rng(4)
    truth = 100 / (1 + np.exp(-0.4))
    held = 0
    for _ in range(60):
        chosen, marks = pairs(rng, form_logit=1.0, content=0.4, items=200)
        found = form(chosen, marks, seed=0, draws=100).alike
        assert found is not None
        held += found.low <= truth <= found.high
    assert held / 60 >= 0.86  # 95 %, less three standard errors


def test_the_surface_of_the_same_answers_is_near_and_of_others_far():
    rng = np.random.default_rng(5)
    teacher = rng.normal(0, 1, (300, 3))
    near = surface_distance(rng.normal(0, 1, (300, 3)), teacher)
    far = surface_distance(rng.normal(2, 1, (300, 3)), teacher)
    assert near.low == 0
    assert near.high < 0.3
    assert 1.5 < far.low < 2 < far.high < 2.5
    constant = surface_distance(np.ones((20, 1)), np.zeros((20, 1)))
    assert constant.mean == pytest.approx(2)


def test_the_distance_of_answers_in_families_is_less_sure():
    rng = np.random.default_rng(5)
    teacher = rng.normal(0, 1, (300, 2))
    mine = rng.normal(0.5, 1, (20, 2)).repeat(5, axis=0)
    alone = surface_distance(mine, teacher)
    families = surface_distance(mine, teacher, clusters=[n // 5 for n in range(100)])
    assert families.high - families.low > 1.5 * (alone.high - alone.low)
    with pytest.raises(ValueError, match="two answers"):
        surface_distance(mine[:1], teacher)
