from __future__ import annotations

import pytest

from didact.records import Score
from didact.report.comparison import compare
from didact.stats.bootstrap import wilson
from didact.stats.holm import holm


def scores(model: str, values: list[float | None], metric: str = "rougeL") -> list[Score]:
    return [
        Score(example_id=str(i), model=model, metric=metric, value=value)
        for i, value in enumerate(values)
    ]


def test_a_gain_is_paired_on_the_items_that_both_models_have() -> None:
    rows = scores("base", [10.0, 20, 30, 90]) + scores("trained", [40.0, 50, 60, None])
    (metric,) = compare(rows, families={})
    trained = metric.of("trained")
    assert trained is not None
    assert trained.gain == (30.0, 30.0, 30.0)
    assert (trained.items, trained.abstained) == (3, 1)
    assert metric.models[0].gain is None


def test_scores_that_are_all_right_or_wrong_still_have_an_interval() -> None:
    (metric,) = compare(
        scores("base", [0.0] * 20, "exact_match"), families={str(i): str(i % 4) for i in range(20)}
    )
    # Of four families, for new families.
    assert metric.models[0].score == tuple(bound * 100 for bound in wilson(0, 4))
    assert metric.families[0].scores[0] == tuple(bound * 100 for bound in wilson(0, 5))


def test_an_interval_over_families_is_wider_than_one_over_items() -> None:
    values: list[float | None] = [90.0 - i % 3 if i % 4 == 0 else 10.0 + i % 3 for i in range(80)]
    families = {str(i): str(i % 4) for i in range(80)}
    (flat,) = compare(scores("base", values), families={})
    (nested,) = compare(scores("base", values), families=families)
    a, b = flat.models[0].score, nested.models[0].score
    assert b.high - b.low > 1.5 * (a.high - a.low)


def test_a_metric_between_0_and_1_is_shown_as_points_and_any_other_as_it_is() -> None:
    rows = scores("base", [0.25, 0.75], "agreement") + scores("base", [1.0, 4.0], "grade")
    agreement, grade = compare(rows, families={})
    assert (agreement.models[0].score.mean, agreement.points, agreement.top) == (50.0, True, 100.0)
    assert (grade.models[0].score.mean, grade.points) == (2.5, False)


def test_our_own_metrics_are_never_stretched() -> None:
    (metric,) = compare(scores("base", [0.0, 0.9, 0.3]), families={})
    assert round(metric.models[0].score.mean, 6) == 0.4


def test_roles_stand_in_the_order_of_the_run_file() -> None:
    rows = [row for role in ("zeta", "trained", "base") for row in scores(role, [1.0, 2.0])]
    (metric,) = compare(rows, families={}, order=("base", "trained"))
    assert [line.model for line in metric.models] == ["base", "trained", "zeta"]
    assert metric.against == "base"


def test_every_distance_has_a_p_value_adjusted_for_all_comparisons_of_all_metrics() -> None:
    rows = [
        row
        for metric, lift in (("exact_match", 90.0), ("rougeL", 1.0))
        for role, plus in (("base", 0.0), ("human", lift), ("trained", lift))
        for row in scores(role, [float(i % 7) + plus for i in range(30)], metric)
    ]
    metrics = compare(rows, families={})
    lines = [line for metric in metrics for line in metric.models if line.model != "base"]
    assert len(lines) == metrics[0].comparisons == 4
    assert [line.adjusted for line in lines] == holm([line.p for line in lines if line.p])
    assert all(line.p is None for metric in metrics for line in metric.models[:1])


def test_no_difference_at_all_is_not_certain() -> None:
    rows = scores("base", [100.0, 0.0] * 15, "exact_match")
    rows += scores("trained", [100.0, 0.0] * 15, "exact_match")
    (metric,) = compare(rows, families={})
    gain, rare = metric.models[1].gain, 100 * wilson(0, 30).high
    assert gain == pytest.approx((0.0, -rare, rare))


def test_one_item_alone_says_all_that_the_scale_allows() -> None:
    (metric,) = compare(scores("base", [7.0], "graded"), families={})
    assert metric.models[0].score == (7.0, 1.0, 10.0)


@pytest.mark.parametrize(
    ("metric", "values", "mean", "ends", "points"),
    [
        ("four_level", [1.0, 1.0], 1.0, (1, 4), False),
        ("graded", [1.0, 1.0], 1.0, (1, 10), False),
        ("pairwise", [0.5, 1.0], 75.0, (0, 100), True),
        ("choice", [0.0, 1.0], 0.5, (0, 100), True),
        ("mt-bench/graded", [2.0, 4.0], 3.0, (1, 10), False),
        ("mine", [-2.0, 4.0], 1.0, (-2, 4), False),
    ],
)
def test_a_metric_has_its_own_scale_whatever_values_occur(
    metric: str, values: list[float | None], mean: float, ends: tuple[int, int], points: bool
) -> None:
    (found,) = compare(scores("base", values, metric), families={})
    assert found.models[0].score.mean == mean
    assert (found.low, found.top, found.points) == (*ends, points)


def test_a_suite_stands_before_its_metric() -> None:
    (metric,) = compare(scores("base", [1.0, 2.0], "gsm8k/final_answer"), families={})
    assert metric.name == "gsm8k: Final answer right"


def test_items_are_told_apart_by_category_and_turn_and_drawn_by_question() -> None:
    values: list[float | None] = [2.0 + i % 5 for i in range(40)]
    (metric,) = compare(
        scores("base", values, "graded"),
        families={str(i): "math" if i % 4 == 0 else "writing" for i in range(40)},
        turns={str(i): f"turn {i % 2 + 1}" for i in range(40)},
        clusters={str(i): str(i // 2) for i in range(40)},
    )
    assert [(part.name, part.items) for part in metric.families] == [
        ("math", 10), ("writing", 30), ("turn 1", 20), ("turn 2", 20),
    ]  # fmt: skip
    assert metric.clusters == 20
