"""The filter that asks a judge: what it asks, what it reads, what it does without a rating."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from didact import pipeline
from didact.config import RunConfig
from didact.context import Context
from didact.errors import ConfigError, DidactError, ModelError
from didact.filters.judged import Judged
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, Reply
from didact.store import Run
from didact.text.backtranslation import read_score
from didact.text.rating_forms import FORMS
from toys import Feedback, Some
from toys import config as toy_config

ORIGIN = Origin(recipe="test")


def example(output, instruction="Say a word.", **meta):
    return Example.single(instruction, output, origin=ORIGIN, meta=meta)


def judge(component, examples, reply, **settings):
    """The verdicts, the judge that gave them, and the context they were given in."""
    model = Scripted(replies=reply)
    ctx = Context({"judge": model}, **settings)

    async def every():
        return [verdict async for verdict in component.sift(ctx, examples)]

    return asyncio.run(every()), model, ctx


def says(**ratings):
    """A judge that rates an answer by what it is."""

    def reply(request):
        text = "\n".join(turn.content for turn in request.messages)
        return next(said for word, said in ratings.items() if word in text)

    return reply


CURATION = [
    ("good.\nScore: 4", 4), ("Score: 5\n", 5), ("score:3", 3), ("Score: 4\nScore: 5", 5),
    ("Score: 4.", None), ("Score: 4/5", None), ("Score: <4>", None),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "rating"), CURATION, ids=[case[0] for case in CURATION])
def test_the_curation_form_reads_the_golden_table(reply, rating):
    """methods.md 5.3: the form shares its parser with backtranslation."""
    assert read_score(reply, "faithful") == FORMS["curation"].read(reply, True) == rating
    assert FORMS["curation"].read(reply, False) == (rating or 4)


def test_what_is_rated_below_the_threshold_is_dropped_with_the_judges_words():
    filter = Judged(form="dimension")
    verdicts, model, _ = judge(
        filter, [example("apple"), example("pear")], says(apple="5\nRight.", pear="4\nVague.")
    )
    assert [(v.keep, v.reason, v.score) for v in verdicts] == [
        (True, "", 5),
        (False, "rated too low", 4),
    ]
    assert verdicts[1].evidence["said"] == "4\nVague."
    assert verdicts[1].evidence["threshold"] == 4.5
    assert len(model.asked) == len(verdicts[0].evidence["calls"]) + 1 == 2


def test_a_reply_without_a_rating_is_asked_for_again_as_another_draw_and_warmer():
    replies = iter(["I cannot say.", "Well...", "Score: 5"])
    verdicts, model, _ = judge(Judged(), [example("apple")], lambda _: next(replies))
    assert [(v.keep, v.score) for v in verdicts] == [(True, 5)]
    assert [request.draw for request in model.asked] == [0, 1, 2]
    assert [request.sampling.temperature for request in model.asked] == [0.0, 0.7, 0.7]
    assert verdicts[0].evidence["unread"] == ["no rating", "no rating"]


def test_what_stays_without_a_rating_is_unscored_and_never_the_worst():
    [verdict], model, ctx = judge(Judged(retries=3), [example("apple")], lambda _: "Who knows?")
    assert (verdict.keep, verdict.reason, verdict.score) == (False, "unscored", None)
    assert len(model.asked) == 4
    assert ctx.failures == []


@pytest.mark.parametrize("finish", ["length", "refused"])
def test_a_reply_that_is_not_complete_gives_no_rating(finish):
    [verdict], _, _ = judge(
        Judged(retries=0), [example("apple")], lambda _: Reply(text="Score: 5", finish=finish)
    )
    assert verdict.reason == "unscored"


def test_a_reply_cut_in_its_reasons_has_the_rating_of_its_first_line():
    def cut(text):
        return lambda _: Reply(text=text, finish="length")

    filter = Judged(form="dimension", retries=0)
    assert judge(filter, [example("apple")], cut("4.5\nIt is ri"))[0][0].score == 4.5
    assert judge(filter, [example("apple")], cut("4"))[0][0].reason == "unscored"


def test_a_judge_that_does_not_answer_leaves_it_unscored_and_counts_as_a_failure():
    def reply(request):
        if "pear" in request.messages[0].content:
            raise ModelError("it is down")
        return "Score: 5"

    verdicts, _, ctx = judge(Judged(), [example("pear"), example("apple")], reply)
    assert [verdict.reason for verdict in verdicts] == ["unscored", ""]
    assert verdicts[0].evidence["error"] == "it is down"
    assert [failure.item for failure in ctx.failures] == [example("pear").id]


def test_several_samples_are_averaged_and_each_is_a_draw_of_its_own():
    replies = iter(["Score: 4", "Score: 5", "?", "Score: 5"])
    filter = Judged(samples=3, temperature=1, at_least=4.5, retries=1)
    [verdict], model, _ = judge(filter, [example("apple")], lambda _: next(replies))
    assert verdict.score == pytest.approx(14 / 3)
    assert verdict.keep
    assert verdict.evidence["ratings"] == [4, 5, 5]
    assert [request.draw for request in model.asked] == [0, 2, 4, 5]


@pytest.mark.parametrize(
    ("ratings", "mean", "whole"),
    [((4, 5, 5), True, True), ((5, 5, 3), False, True), ((4, 4, 5), False, False),
     ((4, 5), True, False), ((5,), True, True), ((4,), False, False)],
)  # fmt: skip
def test_a_threshold_of_four_and_a_half_has_two_readings(ratings, mean, whole):
    """methods.md 5.1: a mean of several ratings, or the whole number 5."""
    for reading, kept in (("mean", mean), ("whole", whole)):
        replies = iter(f"Score: {rating}" for rating in ratings)
        filter = Judged(samples=len(ratings), temperature=1, at_least=4.5, reading=reading)
        [verdict], _, _ = judge(filter, [example("apple")], lambda _: next(replies))  # noqa: B023
        assert verdict.keep == kept, reading


def test_every_aspect_is_asked_about_and_their_mean_counts():
    """methods.md 17.6: the mean of the four ratings is the fine-grained score."""
    filter = Judged(form="aspects", at_least=3.5)
    verdicts, model, _ = judge(
        filter,
        [example("apple")],
        says(following="Rating: 5\nRationale: it does.", truthfulness="Rating: 1\nRationale: no.",
             honesty="Rating: 4", helpfulness="Rating: 4/5"),
    )  # fmt: skip
    assert [(v.keep, v.score) for v in verdicts] == [(True, 3.5)]
    assert verdicts[0].evidence["aspects"] == [
        {"instruction_following": 5, "honesty": 4, "truthfulness": 1, "helpfulness": 4}
    ]
    assert len(model.asked) == 4


def test_one_aspect_without_a_rating_leaves_the_example_unscored():
    filter = Judged(form="aspects", aspects=("honesty", "charm"), retries=0)
    reply = says(honesty="Rating: 5", charm="I do not rate charm.")
    assert judge(filter, [example("apple")], reply)[0][0].reason == "unscored"


def test_the_faithful_mode_makes_the_published_errors():
    """methods.md 17.2: one character after "Score:", and a run that breaks off."""
    examples = [example("apple"), example("pear")]
    reply = says(apple="Score:4.5\nIt", pear="Score: 4.5\nIt")
    faithful = Judged(form="dimension", mode="faithful", retries=0)
    assert [v.score for v in judge(faithful, examples, reply)[0]] == [4.0, None]
    assert [v.score for v in judge(Judged(form="dimension"), examples, reply)[0]] == [4.5, 4.5]


def test_nothing_is_asked_about_an_example_without_an_answer():
    nothing = Example(messages=(Message("user", "Say a word."),), origin=ORIGIN)
    verdicts, model, _ = judge(Judged(), [nothing, example(" \n")], lambda _: "Score: 5")
    assert [verdict.reason for verdict in verdicts] == ["no answer to rate"] * 2
    assert model.asked == ()


def test_the_judge_sees_a_conversation_whole_and_braces_as_they_are():
    turns = ("user", "Hello {asked}"), ("assistant", "Yes?"), ("user", "Sing."), ("assistant", "La")
    talk = Example(messages=tuple(Message(*turn) for turn in turns), origin=ORIGIN)
    for form in FORMS:
        _, model, _ = judge(Judged(form=form, retries=0), [talk], lambda _: "5")
        asked = model.asked[0]
        shown = asked.prompt or "\n".join(turn.content for turn in asked.messages)
        assert "User: Hello {asked}\n\nAssistant: Yes?\n\nUser: Sing." in shown


def test_the_statistics_say_what_became_of_every_example_and_reply():
    events = []
    examples = [example(word) for word in ("apple", "pear", "plum", "")]
    reply = says(apple="Score: 5", pear="Score: 2", plum="?")
    filter = Judged(retries=1)
    judge(filter, examples, reply, on_event=lambda event, fields: events.append((event, fields)))
    [told] = [fields for event, fields in events if event == "statistics"]
    assert (told["rated"], told["unscored"], told["without_answer"]) == (2, 1, 1)
    assert told["ratings"] == {"2": 1, "5": 1}
    assert told["unread"] == {"no rating": 2}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"at_least": 6}, "from 1 to 5"),
        ({"samples": 2}, "temperature"),
        ({"retries": -1}, "retries"),
        ({"form": "aspects", "aspects": ()}, "aspects"),
        ({"agreement": 2}, "share"),
    ],
)
def test_settings_that_make_no_sense_are_config_errors(settings, told):
    with pytest.raises(ConfigError, match=told):
        Judged(**settings)


def labelled(path, *rows):
    path.write_text(
        "".join(
            json.dumps({"instruction": "Say.", "output": text, "label": label}) + "\n"
            for text, label in rows
        )
    )
    return path


def test_a_judge_below_the_set_agreement_is_refused_before_it_decides(tmp_path):
    file = labelled(tmp_path / "l.jsonl", ("apple", 1), ("pear", 0), ("plum", 0), ("fig", 1))
    lenient = Judged(audit=file, agreement=0.6)
    with pytest.raises(DidactError, match=r"agrees with 50% .* below the 60%"):
        judge(lenient, [example("kiwi")], lambda _: "Score: 5")
    reply = says(
        apple="Score: 5", pear="Score: 1", plum="Score: 5", fig="Score: 5", kiwi="Score: 5"
    )
    verdicts, model, _ = judge(lenient, [example("kiwi")], reply)
    assert verdicts[0].keep
    # Four labelled examples, each rated twice, and the one.
    assert len(model.asked) == 9
    assert len({json.dumps(request.to_json()) for request in model.asked}) == 9


def test_an_audit_needs_a_label_in_every_row(tmp_path):
    file = tmp_path / "l.jsonl"
    file.write_text('{"instruction": "Say.", "output": "apple"}\n')
    with pytest.raises(ConfigError, match="label"):
        judge(Judged(audit=file), [example("kiwi")], lambda _: "Score: 5")


def rate(request):
    """A judge that finds few words good, and nothing to say of some."""
    text = "\n".join(turn.content for turn in request.messages)
    number = sum(map(ord, text)) % 7
    return f"Score: {number}" if 1 <= number <= 5 else "?"


def filtered(tmp_path, **settings):
    model = Scripted(replies=rate)
    base = toy_config(tmp_path / "calls")
    config: RunConfig = replace(
        base,
        models={**base.models, "judge": model},
        filter=(Judged(**settings),),
        generate=(replace(base.generate[0], use=Feedback(target=20)),),
    )
    run = tmp_path / "run"
    pipeline.generate(config, run)
    summary = pipeline.filter(config, run)
    return summary, model, Run.open(run).verdicts()


def test_another_threshold_decides_anew_without_asking_anybody(tmp_path):
    first, model, before = filtered(tmp_path, at_least=4)
    assert first.calls.made == len(model.asked) > 0
    second, again, after = filtered(tmp_path, at_least=2)
    assert again.asked == ()
    assert second.calls.made == 0
    assert second.calls.replayed == first.calls.made
    assert [verdict.score for *_, verdict in after] == [verdict.score for *_, verdict in before]
    assert second.kept > first.kept
    unscored = [verdict for *_, verdict in after if verdict.reason == "unscored"]
    assert first.dropped["judged: unscored"] == second.dropped["judged: unscored"] == len(unscored)


def test_it_works_after_a_filter_that_asks_nobody(tmp_path):
    base = toy_config(tmp_path / "calls")
    config = replace(
        base,
        models={**base.models, "judge": Scripted(replies=rate)},
        filter=(Some(last="d"), Judged(at_least=3)),
    )
    pipeline.generate(config, tmp_path / "run")
    summary = pipeline.filter(config, tmp_path / "run")
    assert summary.kept + sum(summary.dropped.values()) == summary.read
