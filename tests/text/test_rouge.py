"""ROUGE-L and ROUGE-N against Google's ``rouge_score``, bit for bit."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from didact.text.rouge import common_subsequence, rouge_l, rouge_n

words = st.lists(st.sampled_from(["write", "a", "poem", "about", "running", "quickly", "é", "我"]))
texts = st.text(max_size=60) | words.map(" ".join)

PLAIN = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
STEMMED = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)


@pytest.mark.parametrize(
    ("prediction", "target", "f"),
    [
        ("Write a poem about the sea.", "Write a poem about the sky.", 0.8333333333333334),
        ("Write a short poem about the sea.", "Write a poem about the sea.", 0.923076923076923),
        ("a b c d e f g h i j", "a b c d e f g x y z", 0.7),
        ("今天天气很好", "今天天气很好", 0.0),
        ("", "something", 0.0),
        ("Running quickly", "run quick", 0.0),
    ],
)
def test_the_published_pairs_score_what_the_reference_gives(prediction, target, f):
    """methods.md 0.4, golden pairs (ran), and 0.3: non-Latin text scores 0."""
    assert rouge_l(prediction, target).f == pytest.approx(f, abs=1e-15)
    assert rouge_l(prediction, target).f == PLAIN.score(target, prediction)["rougeL"].fmeasure


def test_stemming_changes_the_number():
    """methods.md 0.3 and 10.5."""
    assert rouge_l("Running quickly", "run quick", stem=True).f == 0.5
    assert rouge_l("runs fast", "running fast", stem=True).f == 1.0
    assert rouge_l("the answer is A", "A", stem=True).f == 0.4


@settings(deadline=None)
@given(texts, texts, st.booleans())
def test_every_number_equals_the_reference_in_every_bit(prediction, target, stem):
    scores = (STEMMED if stem else PLAIN).score(target, prediction)
    assert rouge_l(prediction, target, stem=stem) == tuple(scores["rougeL"])
    assert rouge_n(prediction, target, stem=stem) == tuple(scores["rouge1"])
    assert rouge_n(prediction, target, n=2, stem=stem) == tuple(scores["rouge2"])


@settings(deadline=None)
@given(texts, texts)
def test_the_f_measure_does_not_depend_on_which_text_is_the_target(a, b):
    assert rouge_l(a, b).f == rouge_l(b, a).f


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcd"), max_size=200), st.lists(st.sampled_from("abcd")))
def test_a_text_contains_itself_and_whatever_is_left_when_words_are_taken_out(whole, added):
    assert common_subsequence(whole, whole) == len(whole)
    assert common_subsequence(whole, whole[::2]) == len(whole[::2])
    assert common_subsequence(whole + added, whole) == len(whole)


def test_recorded_similarities_of_a_real_run_come_out_to_the_last_digit(data):
    compared, different = 0, []
    for path in sorted((data / "self_instruct_runs" / "qwen").glob("*machine_generated_instr*")):
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
            row = json.loads(line)
            for text, recorded in row["most_similar"].items():
                compared += 1
                if rouge_l(row["instruction"], text).f != recorded:
                    different.append((row["instruction"], text))
    assert compared > 45_000
    assert different == []


@pytest.mark.slow
def test_recorded_answers_to_the_252_tasks_score_what_the_reference_gives(data):
    compared = 0
    for path in sorted((data / "self_instruct" / "predictions").glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
            row = json.loads(line)
            expected = STEMMED.score(row["target"], row["response"])
            assert rouge_l(row["response"], row["target"], stem=True) == tuple(expected["rougeL"])
            assert rouge_n(row["response"], row["target"], stem=True) == tuple(expected["rouge1"])
            compared += 1
    assert compared == 5 * 252
