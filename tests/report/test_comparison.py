from __future__ import annotations

from didact.records import Score
from didact.report.comparison import compare
from didact.stats.bootstrap import wilson


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
    assert metric.models[0].score == tuple(bound * 100 for bound in wilson(0, 20))
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
