"""How near to its line was what a filter kept: the same numbers as comparing every pair."""

from __future__ import annotations

import random

import pytest

from didact.filters.contamination import Contamination
from didact.filters.judged import Judged
from didact.filters.length import Length
from didact.filters.near_duplicate import NearDuplicate
from didact.filters.novelty import Novelty
from didact.filters.repetition import Repetition
from didact.filters.semantic import Semantic
from didact.records import Example, Origin
from didact.report.margins import beside
from didact.text.rouge import rouge_l

WORDS = ["write", "name", "a", "the", "poem", "list", "sea", "sky", "three", "of", "winter", "ode"]


def example(instruction, output="done"):
    return Example.single(instruction, output, origin=Origin(recipe="t"))


def made(count, seed=0):
    rng = random.Random(seed)
    return [example(" ".join(rng.choices(WORDS, k=rng.randint(4, 9)))) for _ in range(count)]


def test_of_what_novelty_kept_the_nearest_have_the_score_of_their_nearest_neighbour():
    seeds, rows = made(5, seed=1), made(80)
    filter = Novelty()
    filter.prime(seeds)
    kept = [row for row, verdict in zip(rows, filter.sift(rows), strict=True) if verdict.keep]
    found = beside(filter, kept, seeds=seeds)["too similar"]
    assert found
    held = [seed.instruction for seed in seeds]
    for row in kept:
        nearest = max(rouge_l(row.instruction, other).f for other in held)
        held.append(row.instruction)
        assert nearest < filter.below
        # Down to 0.7 of the limit each has its score.
        assert found.get(row.id, nearest) == pytest.approx(nearest)
        assert (row.id in found) == (nearest >= 0.7 * filter.below)


def test_instances_of_one_instruction_are_not_held_against_each_other():
    rows = [example("Name a sea.", "one"), example("Name a sea.", "two")]
    assert beside(Novelty(), rows) == {"too similar": {}}


def jaccard(first, second):
    a, b = set(first.split()), set(second.split())
    return len(a & b) / len(a | b)


def test_near_duplicates_that_were_kept_are_compared_with_all_kept_before_them():
    filter = NearDuplicate(part="instruction")
    rows = made(60)
    kept = [row for row, verdict in zip(rows, filter.sift(rows), strict=True) if verdict.keep]
    found = beside(filter, kept)["near duplicate"]
    assert found
    for at, row in enumerate(kept):
        nearest = max(
            (jaccard(row.instruction, other.instruction) for other in kept[:at]), default=0
        )
        assert (row.id in found) == (nearest >= 0.7 * filter.below)
        assert found.get(row.id, nearest) == pytest.approx(nearest)


def test_embeddings_by_a_function_are_compared_and_a_model_is_not_loaded_for_it():
    rows = [example("north"), example("north east")]
    turn = {"north": [1.0, 0.0], "north east": [0.8, 0.6]}

    def encode(texts):
        return [turn[text] for text in texts]

    [[one, score]] = beside(Semantic(model=encode), rows)["means the same"].items()
    assert (one, score) == (rows[1].id, pytest.approx(0.8))
    assert beside(Semantic(model="some/model"), rows) is None


def test_words_are_counted_again_and_near_test_items_are_found():
    row = example("Write a poem of four lines about the warm lake in spring.", "a b c")
    assert beside(Length(), [row])["output too short"] == {row.id: 3.0}
    assert beside(Length(), [row])["instruction too long"] == {row.id: 12.0}
    item = example("Write a poem of four lines about the cold sea in winter.")
    [score] = beside(Contamination(), [row], items=[item])["like a test item"].values()
    assert 0.5 < score < 0.8


def test_long_answers_have_the_share_that_they_repeat():
    row = example("Go on.", "one two three four five six seven eight nine ten " * 6)
    [share] = beside(Repetition(), [row])["repeated words"].values()
    assert share > 0.5


def test_a_filter_that_scores_what_it_keeps_needs_no_help():
    assert beside(Judged(), [example("a")]) is None
