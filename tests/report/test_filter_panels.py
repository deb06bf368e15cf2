"""The panel of the filters: who drops the same, at what cost, where the line is, how rightly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from didact import pipeline
from didact.components import find
from didact.filters.length import Length
from didact.filters.novelty import Novelty
from didact.filters.parsable import Parsable
from didact.ledger import read_ledger
from didact.records import Example, Origin, Verdict
from didact.report.filters import (
    Cost,
    Truth,
    alone,
    costs,
    edges,
    overlaps,
    truths,
    with_seen,
)
from didact.stats.bootstrap import wilson
from didact.store import Run
from toys import config as toy_config

ORIGIN = Origin(recipe="test")


def example(output, instruction="Name one word of any kind."):
    return Example.single(instruction, output, origin=ORIGIN)


def test_overlap_counts_what_two_filters_drop_alike_and_apart():
    kept = {
        "a": {"1": True, "2": False, "3": False, "4": True},
        "b": {"1": True, "2": False, "3": True, "4": False, "5": False},
    }
    [overlap] = overlaps(kept)
    assert (overlap.seen, overlap.both, overlap.only_first, overlap.only_second) == (4, 1, 1, 1)
    assert overlap.share == pytest.approx(1 / 3)
    assert overlaps({"a": {"1": True}, "b": {"1": True}})[0].share is None


def test_alone_every_filter_judges_what_another_would_have_taken_from_it():
    examples = [
        example("red", "Say."), example("", "Say."), example("blue", "Name a colour of the sky."),
        example("azure", "Name a colour of the sea."),
    ]  # fmt: skip
    kept = alone([Parsable(), Length(), Length(instruction_min=1), Novelty()], examples)
    assert {name: list(found.values()) for name, found in kept.items()} == {
        "parsable": [True, False, True, True],
        "length": [False, False, True, True],
        "length-2": [True, True, True, True],
        # Instances of one instruction share its verdict.
        "novelty": [True, True, True, False],
    }
    pairs = {(o.first, o.second): o.both for o in overlaps(kept)}
    assert pairs["parsable", "length"] == 1
    assert pairs["length", "novelty"] == 0


def test_filters_that_ask_and_selections_by_number_are_not_judged_alone():
    top = find("filters", "random")(count=1)
    assert alone([find("filters", "judged")(), top], [example("red")]) == {}


def test_seeds_prime_a_filter_that_compares_with_them():
    kept = alone([Novelty()], [example("a", "Write a poem about the sky.")],
                 [example("b", "Write a poem about the sea.")])  # fmt: skip
    assert list(kept["novelty"].values()) == [False]


def verdict(keep, score, reason="rated too low"):
    return Verdict(keep=keep, reason="" if keep else reason, score=score)


def test_both_sides_of_a_line_are_shown_the_nearest_first():
    examples = [example(str(n)) for n in range(40)]
    verdicts = [(e.id, "judged", verdict(n >= 20, float(n))) for n, e in enumerate(examples)]
    [edge] = edges(verdicts, examples, count=3)
    assert [side.score for side in edge.kept] == [20, 21, 22]
    assert [side.score for side in edge.dropped] == [19, 18, 17]
    assert edge.dropped[0].example.output == "19"
    assert len(edges(verdicts, examples)[0].kept) == 10


def test_a_filter_with_a_line_above_and_one_below_has_two_edges():
    examples = [example(str(n)) for n in range(9)]
    verdicts = [
        (e.id, "perplexity", verdict(2 <= n <= 6, float(n), "too low" if n < 2 else "too high"))
        for n, e in enumerate(examples)
    ]
    low, high = edges(verdicts, examples, count=2)
    assert (low.reason, high.reason) == ("too low", "too high")
    assert [side.score for side in low.kept] == [2, 3]
    assert [side.score for side in low.dropped] == [1, 0]
    assert [side.score for side in high.kept] == [6, 5]
    assert [side.score for side in high.dropped] == [7, 8]


def test_what_has_no_score_stands_on_no_side():
    examples = [example("a"), example("b"), example("c")]
    verdicts = [
        (examples[0].id, "novelty", Verdict(keep=True)),
        (examples[1].id, "novelty", verdict(False, 0.71, "too similar")),
        (examples[2].id, "judged", Verdict(keep=False, reason="unscored", score=0.0)),
    ]
    [edge] = edges(verdicts, examples)
    assert edge.kept == ()
    assert [side.score for side in edge.dropped] == [0.71]


def test_a_filter_is_a_test_for_what_is_wrong():
    examples = [example(word) for word in ("good", "fine", "bad", "wrong")]
    keeps = {"good": True, "fine": False, "bad": False, "wrong": True}
    verdicts = [(e.id, "f", verdict(keeps[e.output], None)) for e in examples]
    [test] = truths(verdicts, examples, right=lambda e: e.output in ("good", "fine"))
    assert (test.seen, test.wrong, test.dropped, test.caught) == (4, 2, 2, 1)
    assert test.precision == test.recall == wilson(1, 2)
    assert test.chance == 0.5
    assert Truth(name="f", seen=0, wrong=0, dropped=0, caught=0).precision is None
    assert Truth(name="f", seen=0, wrong=0, dropped=0, caught=0).recall is None


def test_the_auditor_knows_what_is_wrong_in_the_microworld():
    good = list(find("sources", "microworld")(count=30).read())
    bad = [
        Example.single(task.instruction, "a wrong answer", input=task.input, origin=ORIGIN)
        for task in good[:10]
    ]
    verdicts = [(e.id, "f", verdict(e not in bad[:6], None)) for e in [*good, *bad]]
    [test] = truths(verdicts, [*good, *bad])
    assert test.dropped == 6
    assert test.caught >= 5
    assert test.wrong >= 9
    assert test.precision.mean > test.chance


def test_what_a_filter_that_asks_said_stands_beside_what_others_say_alone():
    kept = {"length": {"1": True, "2": False, "3": False}}
    verdicts = [("1", "judged", verdict(False, 1.0)), ("3", "judged", verdict(False, 2.0)),
                ("2", "length", verdict(False, None))]  # fmt: skip
    [overlap] = overlaps(with_seen(kept, verdicts))
    assert (overlap.first, overlap.second) == ("length", "judged")
    # The second never saw 2.
    assert (overlap.seen, overlap.both, overlap.only_second) == (2, 1, 1)


def test_costs_are_told_for_each_example_kept_and_unscored_is_counted_apart(tmp_path):
    config = toy_config(tmp_path / "calls")
    pipeline.generate(config, tmp_path / "run")
    pipeline.filter(config, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    found = {cost.name: cost for cost in costs(read_ledger(run), run.verdicts())}
    assert list(found) == ["Some", "Unseen"]
    for name, cost in found.items():
        dropped = sum(not v.keep for _, n, v in run.verdicts() if n == name)
        assert (cost.dropped, cost.kept) == (dropped, cost.seen - dropped)
        assert (cost.calls, cost.tokens, cost.unscored) == (0, 0, 0)
    cost = Cost(name="judged", seen=10, dropped=6, unscored=1, calls=12, prompt_tokens=300,
                completion_tokens=100, usd=0.2, seconds=1.0)  # fmt: skip
    assert (cost.usd_per_kept, cost.tokens_per_kept) == (0.05, 100)
    assert replace(cost, dropped=10).usd_per_kept is None
    assert replace(cost, usd=None).usd_per_kept is None
