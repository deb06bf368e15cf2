"""Self-curation as in backtranslation: the judge's form `curation`, and `page` for small models."""

import asyncio
from contextlib import aclosing

import pytest

from didact.context import Context
from didact.errors import ConfigError, DidactError, ModelError
from didact.filters.judged import Judged
from didact.judging import verdicts
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, Reply
from didact.text.backtranslation import WEB_TAG, tagged

ORIGIN = Origin(recipe="t")


def example(number, **meta):
    return Example.single(f"Do {number}.", f"done {number}", origin=ORIGIN, meta=meta)


def judge(component, examples, replies, **options):
    told = {}

    def hear(event, fields):
        told[event] = fields

    model = Scripted(replies=replies)

    async def within():
        ctx = Context({"judge": model}, on_event=hear, **options)
        async with aclosing(verdicts(component, ctx, examples, name="judged")) as found:
            return [verdict async for verdict in found], ctx

    found, ctx = asyncio.run(within())
    return found, told, model, ctx


def scored(request):
    """The number in the instruction is the score."""
    text = request.prompt or request.messages[-1].content
    return f"So it is.\nScore: {text.rpartition('done ')[2].partition(chr(10))[0]}"


def test_those_of_the_highest_score_stay_and_every_score_is_counted():
    """methods.md 5.1, step 5: A_k are the pairs with a score of k or more; default 5."""
    examples = [example(n) for n in (1, 2, 3, 4, 5, 7)]
    found, told, _, ctx = judge(Judged(retries=0), examples, scored)
    assert [verdict.keep for verdict in found] == [False, False, False, False, True, False]
    assert [verdict.score for verdict in found] == [1, 2, 3, 4, 5, None]
    assert found[0].reason == "rated too low"
    assert found[5].reason == "unscored"
    assert found[4].evidence["said"] == "So it is.\nScore: 5"
    assert ctx.failures == []
    statistics = told["statistics"]
    assert (statistics["rated"], statistics["unscored"]) == (5, 1)
    assert statistics["ratings"] == {"1": 1, "2": 1, "3": 1, "4": 1, "5": 1}
    sets = statistics["sets"]
    assert [sets[name]["examples"] for name in ("A", "A_4", "A_5")] == [6, 2, 1]


@pytest.mark.parametrize(("least", "kept"), [(1, 5), (3, 3), (4, 2), (4.5, 1), (5, 1)])
def test_the_sets_are_monotone_in_the_threshold(least, kept):
    """methods.md 5.9: |A_5| <= |A_4| <= |A|; 5.1: A_5 is 4.5 or more, or 5."""
    examples = [example(n) for n in range(1, 6)]
    found, *_ = judge(Judged(at_least=least), examples, scored)
    assert sum(verdict.keep for verdict in found) == kept


def test_several_ratings_are_averaged_and_those_without_a_score_left_out():
    """methods.md 5.1: the other reading of 4.5, a mean of sampled ratings."""
    said = iter(["Score: 5", "Score: 4", "none", "Score: 4", "Score: 4", "Score: 5"])
    component = Judged(at_least=4.5, samples=3, retries=0, temperature=0.7)
    found, _, model, _ = judge(component, [example(1)], lambda request: next(said))
    assert (found[0].keep, found[0].score) == (True, 4.5)
    assert found[0].evidence["ratings"] == [5, 4]
    assert [request.draw for request in model.asked] == [0, 1, 2]
    found, *_ = judge(component, [example(1)], lambda request: next(said))
    assert found[0].keep is False
    assert found[0].score == pytest.approx(13 / 3)


def test_seeds_pass_unasked_unless_they_are_to_be_judged():
    """methods.md 5.1, step 6: M_1 is trained on the seeds and A_k."""
    examples = [example(1, data="seed"), example(2, data="augmented")]
    found, told, model, _ = judge(Judged(retries=0), examples, scored)
    assert [verdict.keep for verdict in found] == [True, False]
    assert found[0].score is None
    assert len(model.asked) == 1
    assert told["statistics"]["seeds_passed"] == 1
    found, _, model, _ = judge(Judged(seeds="judge"), examples, scored)
    assert [verdict.keep for verdict in found] == [False, False]
    assert len(model.asked) == 2


@pytest.mark.parametrize("place", ["instruction", "system"])
def test_the_curator_reads_the_instruction_without_its_tag(place):
    plain = example(5)
    marked = Example(
        messages=tagged(plain.messages, WEB_TAG, place), meta={"tag": WEB_TAG}, origin=ORIGIN
    )
    for form in ("curation", "page"):
        asked = [
            judge(Judged(form=form, retries=0), [one], scored)[2].asked[0]
            for one in (plain, marked)
        ]
        assert asked[0] == asked[1]


def test_a_page_is_continued_as_plain_text_to_its_end():
    component = Judged(form="page", max_tokens=48, retries=0)
    _, _, model, _ = judge(component, [example(5)], scored)
    assert model.asked[0].prompt == "Task: Do 5.\nAnswer: done 5\nScore:"
    assert model.asked[0].sampling.stop == ("\n\n", "\nTask:")
    assert component.needs == {"model": {"completion"}}
    assert Judged().needs == {"model": {"chat"}}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(text="It is good.\nScore: 5", finish="length"), "cut off"),
        (Reply(text="Score: 5", finish="refused"), "refused"),
        ("Five.", "no rating"),
        ("", "no rating"),
    ],
)
def test_a_reply_without_a_whole_score_is_unscored_and_counted_apart(reply, why):
    """methods.md 5.3: count and report "none" separately; 5.8: cut off before "Score:"."""
    found, told, _, ctx = judge(Judged(retries=0), [example(5)], lambda request: reply)
    assert (found[0].keep, found[0].score, found[0].reason) == (False, None, "unscored")
    assert told["statistics"]["unscored"] == 1
    assert told["statistics"]["unread"] == {why: 1}
    assert found[0].evidence["unread"] == [why]
    assert ctx.failures == []


def test_faithful_keeps_what_the_open_replication_kept():
    """methods.md 5.3: numbers off the scale, and "4/5" unread."""
    said = {"1": "Score: 91", "2": "Score: 5/5"}
    found, *_ = judge(
        Judged(mode="faithful"),
        [example(1), example(2)],
        lambda request: said[request.messages[-1].content[-1]],
    )
    assert [verdict.keep for verdict in found] == [True, False]
    found, *_ = judge(
        Judged(retries=0),
        [example(1), example(2)],
        lambda request: said[request.messages[-1].content[-1]],
    )
    assert [verdict.keep for verdict in found] == [False, True]


def failing(fault):
    def answer(request):
        if "done 2" in request.messages[-1].content:
            raise ModelError("it does not go", fault=fault)
        return scored(request)

    return answer


def test_a_call_that_fails_leaves_its_example_unscored_and_is_a_failure():
    examples = [example(n) for n in (5, 2, 4)]
    found, _, _, ctx = judge(Judged(retries=0), examples, failing("down"))
    assert [verdict.reason for verdict in found] == ["", "unscored", "rated too low"]
    assert len(ctx.failures) == 1
    with pytest.raises(DidactError, match="more than 0 items failed"):
        judge(Judged(retries=0), examples, failing("down"), max_failures=0)


def test_an_example_too_long_for_the_curator_is_unscored_and_no_failure():
    found, _, _, ctx = judge(Judged(retries=0), [example(2)], failing("too_long"), max_failures=0)
    assert found[0].reason == "unscored"
    assert ctx.failures == []


def test_whole_conversations_are_judged_by_their_last_answer():
    turns = [("user", "Do 1."), ("assistant", "no"), ("user", "?"), ("assistant", "done 5")]
    talk = Example(messages=tuple(Message(*turn) for turn in turns), origin=ORIGIN)
    found, *_ = judge(Judged(retries=0), [talk], scored)
    assert found[0].keep


@pytest.mark.parametrize(
    "wrong", [{"at_least": 6}, {"at_least": 0}, {"samples": 0}, {"samples": 2}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        Judged(**wrong)


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        (" 5\nReason: It says all.", 5),
        ("2", 2),
        (Reply(text=" 4\nReason: It is of the right", finish="length"), 4),
        ("It says all.\nScore: 5", 5),
        ("The answer is right.", None),
        ("7", None),
    ],
)
def test_the_score_of_a_page_comes_first_and_its_reason_may_follow_or_not(reply, score):
    component = Judged(form="page", retries=0)
    found, _, _, _ = judge(component, [example(5)], lambda request: reply)
    assert found[0].score == score
