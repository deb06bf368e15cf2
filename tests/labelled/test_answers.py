"""Final answers taken from texts and compared."""

import gzip
import json
import time

import pytest

from didact.labelled.answers import final_answer, same_answer, worked_solution


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Two and two.\nAnswer: 4", ("Two and two.", "4")),
        ("a\nb\n**Answer:** 4", ("a\nb", "4")),
        ("a\nThe final answer is: **(B)**", ("a", "(B)")),
        ("Answer: 3\nNo, wait.\nanswer = 4\n", ("Answer: 3\nNo, wait.", "4")),
        ("Answer: 4", ("", "4")),
        ("a\nAnswer:\n", None),
        ("The answer is four", None),
        ("", None),
    ],
)
def test_the_last_line_that_says_so_is_the_answer(reply, found):
    assert final_answer(reply) == found


@pytest.mark.parametrize(
    "text", ["\n" * 200_000, "answer " * 50_000, "*" * 200_000, " \t" * 99_999]
)
def test_any_text_is_looked_through_quickly(text):
    start = time.process_time()
    assert final_answer(text) is None
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("one", "other"),
    [("72", "72.0"), ("$1,200", "1200"), ("1,200.50", "1200.5"), ("-3", "-3.0"),
     ("(B)", "b"), ("B.", "(B)"), ("Yes.", "yes"), ("no  way", "No way"), ("50%", "50"),
     ("\uff17\uff12", "72")],
)  # fmt: skip
def test_answers_that_are_the_same(one, other):
    assert same_answer(one, other)
    assert same_answer(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("72", "7"), ("yes", "no"), ("(A)", "(B)"), ("", ""), ("1/2", "0.5"), ("a b", "b a"),
     ("1,2", "12"), ("72 apples", "72")],
)  # fmt: skip
def test_answers_that_are_not(one, other):
    assert not same_answer(one, other)


def test_the_notes_of_a_worked_solution_go_and_its_answer_is_isolated():
    """methods.md 8.3."""
    text = "She has 48/2 = <<48/2=24>>24 left.\nSo 1,000 in all.\n#### 1,072"
    assert worked_solution(text) == ("She has 48/2 = 24 left.\nSo 1,000 in all.", "1072")
    assert worked_solution("no mark") is None
    assert worked_solution("#### 3") is None


def test_the_worked_solutions_of_gsm8k_come_out_as_the_collection_has_them(data):
    """methods.md 8.3: annotations removed, the answer isolated; 7,473 rows."""
    with gzip.open(data / "flan/cot_data/gsm8k_train.tsv.gz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    with gzip.open(data / "gsm8k/train.jsonl.gz", "rt", encoding="utf-8") as file:
        ours = [worked_solution(json.loads(line)["answer"]) for line in file]
    assert len(rows) == len(ours) == 7473
    assert all(found is not None for found in ours)
    same = sum(same_answer(found.answer, row[1]) for found, row in zip(ours, rows, strict=True))
    assert same >= 7470, same
    assert not any("<<" in found.rationale for found in ours)
