"""The Super-NaturalInstructions metrics: its golden cases, and the reference package."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.context import Context
from didact.evaluators.exact_match import ExactMatch
from didact.evaluators.rouge import Rouge
from didact.records import Answer, Example, Origin

ORIGIN = Origin(recipe="test")


def answer(text, references, number=0):
    first, *rest = references or [""]
    example = Example.single(f"Task {number}", first, origin=ORIGIN, meta={"references": rest})
    return Answer(example=example, model="m", text=text, call="")


def values(evaluator, answers):
    async def collect():
        return [score async for score in evaluator.score(Context({}), answers)]

    found = {}
    for score in asyncio.run(collect()):
        found.setdefault(score.metric, []).append(score.value)
    return found


def test_the_golden_predictions_get_the_published_numbers():
    """methods.md 10.5, golden (ran)."""
    answers = [
        answer("The cat!", ["the cat", "dog"], 1),
        answer("no", ["Yes"], 2),
        answer("runs fast", ["running fast"], 3),
    ]
    scores = values(Rouge(), answers) | values(ExactMatch(), answers)
    means = {metric: round(sum(column) / 3, 4) for metric, column in scores.items()}
    assert means == {"exact_match": 33.3333, "rouge1": 66.6667, "rougeL": 66.6667}


def test_a_longer_answer_around_the_right_one_is_no_exact_match():
    """methods.md 10.5, golden (ran)."""
    wordy = [answer("the answer is A", ["A"])]
    assert values(ExactMatch(), wordy) == {"exact_match": [0.0]}
    assert values(Rouge(), wordy)["rougeL"] == [pytest.approx(40)]


def test_case_ascii_punctuation_and_spaces_do_not_count_and_articles_do():
    """methods.md 10.5, normalisation."""
    matches = [
        answer("  It's  a  U.S.-based Co.  ", ["its a usbased co"]),
        answer("its usbased co", ["its a usbased co"]),
        answer("«oui»", ["oui"]),
    ]
    assert values(ExactMatch(), matches) == {"exact_match": [100.0, 0.0, 0.0]}


def test_without_stemming_inflections_differ():
    runs = [answer("runs fast", ["running fast"])]
    assert values(Rouge(stem=False), runs)["rougeL"] == [50.0]
    assert values(Rouge(), runs)["rougeL"] == [100.0]


def test_a_reference_in_another_script_scores_0_and_says_why():
    score = asyncio.run(anext(Rouge().score(Context({}), [answer("你好", ["你好"])])))
    assert (score.value, score.reason) == (0.0, "no Latin words in any reference")


@pytest.fixture(scope="module")
def reference():
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL", "rouge1"], use_stemmer=True)


WORDS = st.lists(
    st.sampled_from(["the", "The", "cat", "cats", "running", "runs,", "3.5", "a-b", "über", "你好"])
).map(" ".join)


@settings(deadline=None)
@given(st.one_of(WORDS, st.text()), st.lists(st.one_of(WORDS, st.text()), min_size=1, max_size=3))
def test_both_are_the_best_of_rouge_score_over_the_references(reference, text, references):
    given_references = [target for target in references if target.strip()]
    scores = values(Rouge(), [answer(text, references)])
    for metric in ("rougeL", "rouge1"):
        expected = [
            100 * reference.score(target, text)[metric].fmeasure for target in given_references
        ]
        assert scores[metric] == [pytest.approx(max(expected), abs=1e-9) if expected else None]
