"""Selections: who is taken, in which order, and why the others are not."""

import pytest

from didact.errors import ConfigError
from didact.filters.balance import Balance
from didact.filters.contamination import Contamination
from didact.filters.diverse import Diverse
from didact.filters.longest import Longest
from didact.filters.random import Random
from didact.filters.top import Top
from didact.records import Example, Origin


def example(instruction, output="done", **meta):
    return Example.single(instruction, output, origin=Origin(recipe="test"), meta=meta)


def kept(filter, rows):
    return [e.instruction for e, v in zip(rows, filter.sift(rows), strict=True) if v.keep]


SCORED = [example(name, score=score) for name, score in zip("abcdef", (1, 5, None, 5, True, 3.5),
                                                            strict=True)]  # fmt: skip


def test_the_best_are_kept_in_the_order_of_the_data_and_ties_go_to_the_first():
    """methods.md 17.8: ties are broken by the original order."""
    assert kept(Top(count=1), SCORED) == ["b"]
    assert kept(Top(count=3), SCORED) == ["b", "d", "f"]
    assert kept(Top(count=2, lowest=True), SCORED) == ["a", "f"]
    assert kept(Top(count=9), SCORED) == ["a", "b", "d", "f"]


def test_what_has_no_score_is_left_out_for_that_and_is_not_the_worst():
    verdicts = list(Top(count=3).sift(SCORED))
    assert [v.reason for v in verdicts] == [
        "not among the best", "", "unscored", "", "unscored", "",
    ]  # fmt: skip
    assert verdicts[0].evidence == {"last_kept": 3.5}
    assert kept(Top(count=9, lowest=True), SCORED) == ["a", "b", "d", "f"]


def test_a_score_can_come_from_an_earlier_filter():
    top = Top(score="judged", count=1)
    top.hear({"judged": {SCORED[0].id: 2.0, SCORED[1].id: None, SCORED[2].id: 7.0}})
    assert kept(top, SCORED) == ["c"]
    top.hear({})
    assert kept(top, SCORED) == []


def test_adding_a_constant_to_all_scores_changes_nothing_of_a_share():
    """methods.md 17.8, invariants."""
    rows = [example(str(n), score=n * 7 % 11) for n in range(11)]
    raised = [example(str(n), score=n * 7 % 11 + 100) for n in range(11)]
    assert kept(Top(share=0.4), rows) == kept(Top(share=0.4), raised)
    assert len(kept(Top(share=0.4), rows)) == 4


def test_a_share_of_what_was_kept_is_smaller_again_and_a_count_is_not():
    """methods.md 17.9: a share is not idempotent, a frozen count is."""
    rows = [example(str(n), score=n) for n in range(10)]
    half = [e for e in rows if e.instruction in kept(Top(share=0.5), rows)]
    assert len(kept(Top(share=0.5), half)) == 2
    assert kept(Top(count=len(half)), half) == [e.instruction for e in half]


def test_a_random_sample_is_the_same_in_any_order_and_part_of_a_larger_one():
    rows = [example(str(n)) for n in range(60)]
    ten, twenty = kept(Random(count=10), rows), kept(Random(count=20), rows)
    assert set(ten) < set(twenty)
    assert sorted(kept(Random(count=10), rows[::-1])) == sorted(ten)
    assert kept(Random(count=10, seed=1), rows) != ten
    verdict = next(v for v in Random(share=0.5).sift(rows) if not v.keep)
    assert verdict.evidence == {"kept": 30, "of": 60, "seed": 0}


def test_the_longest_answers_are_counted_in_words_of_every_script():
    rows = [example("a", "one two three"), example("b", "一二三四五"), example("c", "w " * 4)]
    assert kept(Longest(count=1), rows) == ["b"]
    assert kept(Longest(count=2), rows) == ["b", "c"]
    assert kept(Longest(count=1, part="instruction"), rows) == ["a"]


def test_kinds_are_kept_in_equal_numbers():
    kinds = ["x"] * 5 + ["y"] * 2 + [None]
    rows = [example(f"{n}", **({"kind": k} if k else {})) for n, k in enumerate(kinds)]
    assert len(kept(Balance(by="kind"), rows)) == 3
    assert len(kept(Balance(by="kind", most=2), rows)) == 5
    dropped = next(v for v in Balance(by="kind", most=2).sift(rows) if not v.keep)
    assert dropped.evidence == {"kind": "x", "most": 2, "of": 5}
    assert kept(Balance(by="kind", most=9), rows) == [str(n) for n in range(8)]


def test_a_diverse_set_has_one_of_each_group_and_names_who_stands_for_the_rest():
    sea = [f"write a poem about the {word} sea" for word in ("cold", "grey", "wide")]
    add = [f"add the numbers {n} and seven" for n in ("two", "five", "nine")]
    rows = [example(text) for text in [*sea, *add]]
    for method in ("facility", "centre"):
        taken = kept(Diverse(count=2, method=method), rows)
        assert [text in sea for text in taken] == [True, False]
    verdict = next(v for v in Diverse(count=2).sift(rows) if not v.keep)
    assert verdict.reason == "covered by others"
    assert verdict.evidence["nearest"] in sea


@pytest.mark.parametrize("kind", [Top, Random, Longest, Diverse])
def test_a_selection_is_told_how_many(kind):
    with pytest.raises(ConfigError, match="either"):
        kind()
    with pytest.raises(ConfigError, match="count"):
        kind(count=0)
    with pytest.raises(ConfigError, match="most"):
        Balance(by="kind", most=0)


ITEM = example("Write a poem of four lines about the cold sea in winter.")


def test_what_touches_a_test_item_of_the_run_or_of_a_file_is_dropped(tmp_path):
    rows = [
        example("Grade this.", "Q1: Write a poem of four lines about the cold sea. Good."),
        example("Write a song of four lines about the cold sea in winter."),
        example("Name three animals."),
    ]
    filter = Contamination()
    assert kept(filter, rows) == [e.instruction for e in rows]
    filter.protect([ITEM])
    words, like, fine = filter.sift(rows)
    assert (words.reason, words.score) == ("words of a test item", 10 / 12)
    assert words.evidence == {
        "item_id": ITEM.id, "span": "write a poem of four lines about the cold sea", "items": 1,
    }  # fmt: skip
    assert (like.keep, fine.keep) == (False, True)
    filter.protect([])
    assert kept(filter, rows) == [e.instruction for e in rows]

    file = tmp_path / "items.jsonl"
    file.write_text('{"instruction": "name three animals", "output": "cat"}\n', encoding="utf-8")
    assert kept(Contamination(against=(file,)), rows) == [e.instruction for e in rows[:2]]


@pytest.mark.parametrize(
    "settings", [{"run": -1}, {"coverage": 0}, {"rouge": 1.5}, {"cosine": -0.1}]
)
def test_limits_that_make_no_sense_are_config_errors(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Contamination(**settings)
