"""What every evaluator must keep to, whatever it measures."""

import asyncio
import importlib
import pkgutil
import random

import pytest

import didact.evaluators
from didact.capabilities import needs_of
from didact.context import Context
from didact.evaluators.four_level import FourLevel
from didact.evaluators.graded import Graded
from didact.evaluators.length_controlled import LengthControlled
from didact.evaluators.scored_pair import ScoredPair
from didact.models.scripted import Scripted
from didact.records import Answer, Example, Origin
from judge_toys import judge_of, rating

ELSEWHERE = {"choice", "rated"}
"""They score no text: they ask the models under test, or read what people said. Their tests are
elsewhere."""
NAMES = [
    module.name
    for module in pkgutil.iter_modules(didact.evaluators.__path__)
    if module.name not in ELSEWHERE
]
ORIGIN = Origin(recipe="test")


def must_say(*keywords):
    """What an item asks to be checked by program."""
    return {"instructions": [{"kind": "keywords:existence", "keywords": list(keywords)}]}


ITEMS = [
    Example.single("Opposite of hot?", "cold", origin=ORIGIN, meta=must_say("cold")),
    Example.single(
        "Sort.",
        "a b c",
        input="c a b",
        origin=ORIGIN,
        meta={"references": ["A, B, C"], **must_say("a", "b", "c")},
    ),
    Example.single("Colour of the sky?", "It is blue.", origin=ORIGIN, meta=must_say("blue")),
    Example.single("Say nothing.", "", origin=ORIGIN),
    Example.single("Translate.", "日本語", origin=ORIGIN, meta=must_say("日本")),
]
GOOD = ["cold", "A B C", "Blue, it is.", "anything", "日本語"]
WITHOUT_REFERENCE = (Graded, FourLevel)
"""Those that can score an answer to an item that has no right one."""
BAD = ["hot", "", "It is green and large.", "", "\ud83d x" * 500]


@pytest.fixture(params=NAMES)
def evaluator(request):
    module = importlib.import_module(f"didact.evaluators.{request.param}")
    (name,) = module.__all__
    return getattr(module, name)()


def answers(model, texts):
    return [
        Answer(example=item, model=model, text=text, call="")
        for item, text in zip(ITEMS, texts, strict=True)
    ]


def scored(evaluator, given, judge=None):
    """Scores by a fair judge, where one is asked, or by the one given."""
    judge = judge or Scripted(replies=judge_of(*rating(GOOD)))

    async def collect():
        ctx = Context({"judge": judge} if needs_of(evaluator) else {})
        return [score async for score in evaluator.score(ctx, given)]

    return asyncio.run(collect())


def table(scores):
    return {(s.example_id, s.model, s.metric): s.value for s in scores}


def means(scores):
    columns = {}
    for score in scores:
        columns.setdefault((score.model, score.metric), []).append(score.value)
    return {
        key: sorted(value for value in column if value is not None)
        for key, column in columns.items()
    }


def test_identical_answers_tie(evaluator):
    both = table(scored(evaluator, answers("a", GOOD) + answers("b", GOOD)))
    assert {key[1] for key in both} == {"a", "b"}
    assert all(both[item, "a", metric] == both[item, "b", metric] for item, _, metric in both)


def test_swapping_two_systems_mirrors_the_result(evaluator):
    one = table(scored(evaluator, answers("a", GOOD) + answers("b", BAD)))
    other = table(scored(evaluator, answers("a", BAD) + answers("b", GOOD)))
    swapped = {"a": "b", "b": "a"}
    assert one == {(item, swapped[model], metric): v for (item, model, metric), v in other.items()}
    assert any(one[item, "a", metric] != one[item, "b", metric] for item, _, metric in one)


def test_permuting_the_answers_changes_no_aggregate(evaluator):
    given = answers("a", GOOD) + answers("b", BAD)
    shuffled = random.Random(0).sample(given, len(given))
    assert means(scored(evaluator, shuffled)) == means(scored(evaluator, given))


def test_every_answer_is_scored_once_per_metric_or_abstained_on_with_a_reason(evaluator):
    scores = scored(evaluator, answers("a", GOOD))
    metrics = {score.metric for score in scores}
    assert len(table(scores)) == len(scores) == len(metrics) * len(ITEMS)
    abstained = [score for score in scores if score.value is None]
    if not isinstance(evaluator, WITHOUT_REFERENCE):
        assert {score.example_id for score in abstained} == {ITEMS[3].id}
    assert all(score.reason for score in abstained)


def test_a_right_answer_scores_higher_than_a_wrong_one(evaluator):
    both = table(scored(evaluator, answers("a", GOOD) + answers("b", BAD)))
    right = [
        both[key] > both[key[0], "b", key[2]]
        for key in both
        if key[1] == "a" and key[0] == ITEMS[0].id
    ]
    assert right
    assert all(right)


@pytest.mark.parametrize("reply", ["Who can say?", "", "[[A]] or rather [[B]]", "1 2 3"])
def test_a_judge_who_answers_rubbish_scores_nothing(evaluator, reply):
    if not needs_of(evaluator):
        pytest.skip("it asks no judge")
    judge = Scripted(replies=(reply,))
    # No two answers are the same: what is the same ties without a judge.
    others = [text + " So it is." for text in BAD]
    scores = scored(evaluator, answers("a", others), judge)
    assert judge.asked
    assert all(score.value is None and score.reason for score in scores)


def test_a_judge_who_always_prefers_the_first_answer_is_half_right(evaluator):
    if not needs_of(evaluator) or isinstance(evaluator, WITHOUT_REFERENCE):
        pytest.skip("it does not compare two answers")
    judge = Scripted(replies=judge_of(lambda first, second: 1.0))
    columns = means(scored(evaluator, answers("a", GOOD) + answers("b", BAD), judge))
    half = 50.0 if isinstance(evaluator, LengthControlled) else 0.5
    for column in columns.values():
        # Both scores of a pair are 5 and 9 here: nobody has the better of it.
        expected = 7.0 if isinstance(evaluator, ScoredPair) else half
        assert column == pytest.approx([expected] * len(column), abs=1e-3)


def test_a_judge_who_does_not_reply_is_counted_and_scores_nothing(evaluator):
    if not needs_of(evaluator):
        pytest.skip("it asks no judge")

    async def run():
        ctx = Context({"judge": Scripted()})
        found = [s async for s in evaluator.score(ctx, answers("a", [t + "!" for t in BAD]))]
        return found, ctx.failures

    scores, failures = asyncio.run(run())
    assert failures
    assert all(score.value is None for score in scores)
    assert (
        {"no reply"}
        <= {score.reason for score in scores}
        <= {"no reply", "nothing to compare with"}
    )
