"""The simulated cluster of the benchmarks, where its answer is known."""

from __future__ import annotations

import math
import random
import statistics
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from cluster_model import Plan, Range, best_spacing, farm, gang, gang_expected, run


@pytest.mark.parametrize(("shards", "workers", "waves"), [(12, 4, 3), (13, 4, 4), (3, 8, 1)])
def test_without_failures_shards_go_in_waves(shards: int, workers: int, waves: int) -> None:
    done = farm(shards, 10.0, nodes=2, workers=workers // 2, rng=random.Random(0))
    assert done.seconds == waves * 10
    assert done.busy == shards * 10
    assert done.lost == done.failures == 0


def test_a_slow_driver_is_what_all_wait_for() -> None:
    done = farm(100, 1.0, nodes=50, feed=2.0, rng=random.Random(0))
    assert done.seconds == pytest.approx(201, abs=2)


def test_lots_of_shards_take_as_long_as_shards() -> None:
    rng = random.Random(0)
    alone = farm(9_000, 1.0, nodes=30, rng=rng)
    lots = farm(9_000, 1.0, nodes=30, rng=rng, most=900)
    assert lots.seconds == pytest.approx(alone.seconds, rel=0.05)
    assert lots.busy == pytest.approx(alone.busy)


@pytest.mark.parametrize("most", [20_000, 1_000])
def test_a_failure_costs_half_a_shard_and_the_time_away(most: int) -> None:
    """Work that counts is done once whatever fails; each failure loses half a shard on average."""
    seconds, shards, mtbf, away = 20.0, 10_000, 2_000.0, 100.0
    found = [
        farm(
            shards, seconds, nodes=10, mtbf=mtbf, away=away, rng=random.Random(seed), most=most
        )
        for seed in range(20)
    ]  # fmt: skip
    assert {round(one.busy) for one in found} == {round(shards * seconds)}
    lost = sum(one.lost for one in found) / sum(one.failures for one in found)
    assert lost == pytest.approx(seconds / 2, rel=0.1)
    # A node is there for mtbf of each mtbf + away seconds, of which it loses half a shard.
    expected = shards * seconds / 10 * (mtbf + away) / (mtbf - seconds / 2)
    assert statistics.mean(one.seconds for one in found) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("every", [600.0, 3_600.0, 14_400.0])
def test_a_training_that_fails_takes_as_long_as_the_closed_form(every: float) -> None:
    work, how = 144_000.0, {"every": every, "checkpoint": 60.0, "mtbf": 20_000.0, "away": 300.0}
    rng = random.Random(1)
    found = statistics.mean(gang(work, **how, rng=rng).seconds for _ in range(600))
    assert found == pytest.approx(gang_expected(work, **how), rel=0.03)


def test_no_spacing_is_much_better_than_the_best_one() -> None:
    checkpoint, mtbf = 60.0, 20_000.0
    best = best_spacing(checkpoint, mtbf)
    assert best == pytest.approx(math.sqrt(2 * 60 * 20_000))

    def cost(every: float) -> float:
        how = {"every": every, "checkpoint": checkpoint, "mtbf": mtbf, "away": 300.0}
        return gang_expected(1e6, **how)

    around = [cost(best * factor) for factor in (0.25, 0.5, 0.8, 1.25, 2, 4)]
    assert cost(best) < min(around) * 1.001
    assert around == sorted(around[:3], reverse=True) + sorted(around[3:])


def test_without_failures_nothing_is_lost() -> None:
    done = gang(1000.0, every=300.0, checkpoint=10.0, mtbf=math.inf, away=5.0, rng=random.Random(0))
    assert done == (1030.0, 0.0, 30.0, 0)


def test_one_seed_is_one_answer_and_stages_wait_for_what_is_short() -> None:
    small = Plan(examples=1e6)
    assert run(small.drawn(random.Random(3)), random.Random(4)) == run(
        small.drawn(random.Random(3)), random.Random(4)
    )
    limits = {stage.name: stage.limit for stage in run(small, random.Random(0))}
    assert limits["generate"] == "servers"
    fast = small._replace(output_rate=Range(1e6, 1e6, 1e6), input_rate=Range(1e7, 1e7, 1e7))
    limits = {stage.name: stage.limit for stage in run(fast, random.Random(0))}
    assert limits["generate"] == "driver"
    slow = run(small._replace(servers=16), random.Random(0))[0]
    assert slow.hours == pytest.approx(2 * run(small, random.Random(0))[0].hours, rel=0.05)
