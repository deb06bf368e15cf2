"""What is particular to answering again: old beside new, pairs, another language, what it tells."""

import asyncio
import re
from itertools import combinations

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.scripted import Scripted
from didact.recipes.reanswer import Reanswer
from didact.records import Example, Message, Origin, Reply


def seed(text, output="done", *, given="", **meta):
    return Example.single(text, output, input=given, origin=Origin(recipe="t"), meta=meta)


SEEDS = [seed("Name a bird.", "A crow."), seed("Add them.", "4", given="1 and 2")]


def run(answers, seeds=SEEDS, **settings):
    """Roles and what each says; `teacher` says everything that no other role says."""
    events, models = [], {r: Scripted(replies=a, name=r) for r, a in answers.items()}

    async def collect():
        ctx = Context(models, on_event=lambda name, fields: events.append((name, fields)))
        return [example async for example in Reanswer(**settings).run(ctx, seeds)], ctx

    examples, ctx = asyncio.run(collect())
    [table] = [fields for name, fields in events if name == "statistics"]
    return examples, {role: model.asked for role, model in models.items()}, table, ctx


def says(text):
    return lambda request: text


def test_the_new_answer_stands_beside_the_old_one():
    examples, asked, table, _ = run({"teacher": says("A crow or an owl.")})
    first, second = examples
    assert (first.instruction, first.input, first.output) == (
        "Name a bird.",
        "",
        "A crow or an owl.",
    )
    assert second.input == "1 and 2"
    assert first.meta["old_output"] == "A crow."
    assert first.meta["differences"] == [["=", "A crow"], ["+", " or an owl"], ["=", "."]]
    assert first.meta["rouge_l_with_old"] == pytest.approx(2 * 2 / 7)
    assert first.origin.parents == (SEEDS[0].id,)
    assert (table["old_words"], table["new_words"], table["unchanged"]) == (1.5, 5, 0)
    assert list(table["rouge_l_by_old_words"]) == ["0-2"]
    assert table["distinct_outputs"] == 1
    assert table["paper"]["distinct_outputs"] == 51_749
    lost = {"dropped": {}, "dropped_instances": {}}
    assert table["funnel"] == {"candidates": 2, "accepted": 2, **lost}
    # methods.md 3.1: Alpaca's sections, and the sampling.
    request = asked["teacher"][1]
    assert "### Instruction:\nAdd them.\n\n### Input:\n1 and 2\n\n### Response:\n" in (
        request.messages[0].content
    )
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.0, 1.0, 512)


def test_a_conversation_can_be_asked_as_it_is():
    turns = (
        Message("system", "Be brief."),
        Message("user", "Hello."),
        Message("assistant", "Hi."),
        Message("user", "Name a bird."),
        Message("assistant", "Crow."),
    )
    chat = Example(messages=turns, origin=Origin(recipe="t"))
    [example], asked, _, _ = run({"teacher": says("Owl.")}, [chat], template="plain")
    assert asked["teacher"][0].messages == turns[:-1]
    assert example.messages == (*turns[:-1], Message("assistant", "Owl."))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "answer empty"),
        (Reply(text="It is a", finish="length"), "answer cut off"),
        (Reply(text="No.", finish="refused"), "answer refused"),
    ],
)
def test_what_is_no_whole_answer_is_counted_by_its_reason(reply, reason):
    examples, _, table, _ = run({"teacher": says(reply)})
    assert examples == []
    assert table["funnel"]["dropped"] == {reason: 2}


def test_a_failed_call_costs_its_instruction_and_is_counted():
    def down(request):
        if "bird" in request.messages[0].content:
            raise ModelError("the server is gone")
        return "3"

    examples, _, table, ctx = run({"teacher": down})
    assert [example.instruction for example in examples] == ["Add them."]
    assert table["funnel"]["dropped"] == {"no reply": 1}
    assert len(ctx.failures) == 1


def test_seeds_that_ask_the_same_get_answers_of_their_own():
    twice = [seed("Name a bird.", "Crow"), seed("Name a bird.", "Owl")]
    examples, _, _, _ = run({"teacher": lambda r: f"Bird {r.draw}"}, twice)
    assert [example.output for example in examples] == ["Bird 0", "Bird 1"]


def test_what_meta_says_of_the_old_answer_does_not_go_with_the_new_one():
    given = seed("Name a bird.", "Crow", references=["Owl"], generator="old model", topic="birds")
    [example], _, _, _ = run({"teacher": says("Jay")}, [given])
    assert "references" not in example.meta
    assert "generator" not in example.meta
    assert example.meta["topic"] == "birds"


def judging(scores):
    """A judge that gives each answer its score wherever it stands."""

    def judge(request):
        shown = re.findall(r"\[Answer \d\]\n(.*?)\n\[End", request.messages[0].content, re.S)
        return " ".join(str(scores[answer]) for answer in shown)

    return judge


TEACHERS = {"teacher": says("best"), "rival": says("fair"), "weak": says("poor")}
ARM = {"pairs": True, "rivals": ("rival", "weak"), "judge": "judge"}


# methods.md 3.1 and 3.3: three responses, scored 1-10, every pair of higher and lower.
def test_every_answer_that_beats_another_is_paired_with_those_it_beats():
    scores = {"best": 9, "fair": 7, "poor": 2, "A crow.": 7}
    examples, asked, table, _ = run({**TEACHERS, "judge": judging(scores)}, SEEDS[:1], **ARM)
    assert [example.output for example in examples] == ["best", "fair", "A crow."]
    assert [example.meta["rejected"] for example in examples] == [
        ["fair", "A crow.", "poor"],
        ["poor"],
        ["poor"],
    ]
    unequal = [1 for a, b in combinations(scores.values(), 2) if a != b]
    assert table["pairs"] == len(unequal) == sum(len(e.meta["rejected"]) for e in examples)
    assert table["ties"] == 1
    assert table["mean_scores"] == {"teacher": 9, "rival": 7, "weak": 2, "old": 7}
    assert examples[1].meta["answered_by"] == ["rival"]
    assert [turns[-1].content for turns in examples[0].rejected] == ["fair", "A crow.", "poor"]
    assert len(asked["judge"]) == 2


def test_a_judge_that_favours_a_place_favours_no_one():
    def first(request):
        return "9 5 5 5"

    _, asked, table, _ = run({**TEACHERS, "judge": first}, SEEDS[:1], **ARM)
    orders = [re.findall(r"\]\n(.*?)\n\[End", r.messages[0].content) for r in asked["judge"]]
    assert orders[0] == orders[1][::-1]
    # The first and the last place have the same mean, and so have the two between.
    assert sorted(table["mean_scores"].values()) == [5, 5, 7, 7]
    faithful, asked, table, _ = run({**TEACHERS, "judge": first}, SEEDS[:1], **ARM, mode="faithful")
    assert len(asked["judge"]) == 1
    assert table["mean_scores"] == {"teacher": 9, "rival": 5, "weak": 5, "old": 5}
    assert [example.output for example in faithful] == ["best"]


@pytest.mark.parametrize(
    ("said", "dropped"),
    [
        ("I cannot say.", {"scores not understood": 1}),
        ("5 5 5 5", {"all scored alike": 1}),
        (Reply(text="9 5 5 5", finish="refused"), {"scores not understood": 1}),
        (Reply(text="9 5 5 1", finish="length"), {"scores not understood": 1}),
    ],
)
def test_what_the_judge_does_not_decide_gives_no_pair_and_is_counted(said, dropped):
    examples, _, table, _ = run({**TEACHERS, "judge": says(said)}, SEEDS[:1], **ARM)
    assert examples == []
    assert table["funnel"]["dropped"] == dropped


def test_an_answer_that_is_lost_leaves_the_others_to_compete():
    answers = {**TEACHERS, "weak": says(""), "judge": lambda request: "9 5 7\nReasons"}
    examples, _, table, _ = run(answers, SEEDS[:1], **ARM, mode="faithful")
    assert [example.output for example in examples] == ["best", "A crow."]
    assert table["funnel"]["dropped"] == {}
    assert table["funnel"]["dropped_instances"] == {"answer empty": 1}


def test_the_same_answer_from_all_is_not_judged():
    answers = {"teacher": says("A crow."), "rival": says("A crow.")}
    examples, asked, table, _ = run(answers, SEEDS[:1], pairs=True, rivals=("rival",))
    assert examples == []
    assert len(asked["teacher"]) == 1
    assert table["funnel"]["dropped"] == {"nothing to compare": 1}


# methods.md 3.1: instructions translated, answered in the language.
def test_instructions_are_translated_piece_by_piece_and_answered_in_the_language():
    def translator(request):
        return request.messages[0].content.split("[Text]\n")[1].split("\n[Tr")[0].upper()

    answers = {"teacher": says("III"), "translator": translator}
    examples, asked, table, _ = run(answers, language="Latin", translator="translator")
    assert [(e.instruction, e.input) for e in examples] == [
        ("NAME A BIRD.", ""),
        ("ADD THEM.", "1 AND 2"),
    ]
    assert len(asked["translator"]) == 3
    assert "response in Latin" in asked["teacher"][0].messages[0].content
    assert (examples[0].meta["language"], examples[0].meta["original"]) == ("Latin", "Name a bird.")
    assert len(examples[1].origin.calls) == 3
    assert "old_words" not in table


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(" ", "translation empty"), (Reply(text="x", finish="length"), "translation cut off")],
)
def test_what_is_not_translated_is_not_answered(reply, reason):
    answers = {"teacher": says("III"), "translator": says(reply)}
    examples, asked, table, _ = run(answers, language="Latin", translator="translator")
    assert examples == []
    assert not asked["teacher"]
    assert table["funnel"]["dropped"] == {reason: 2}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rivals": ("b",)}, "only with `pairs: true`"),
        ({"pairs": True, "rivals": ("teacher",)}, "must be different roles"),
        ({"pairs": True, "rivals": ("old",)}, "must be different roles"),
        ({"pairs": True, "old_competes": False}, "nothing to be compared with"),
        ({"pairs": True, "language": "Latin"}, "nothing to be compared with"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Reanswer(**settings)


def test_a_rival_that_is_no_role_and_seeds_that_are_missing_are_told_before_any_call():
    with pytest.raises(ConfigError, match="no role ghost"):
        run({"teacher": says("a")}, pairs=True, rivals=("ghost",))
    with pytest.raises(ConfigError, match="nothing to answer"):
        run({"teacher": says("a")}, [])


def test_it_needs_only_what_its_arms_ask_for():
    assert set(Reanswer().needs) == {"model"}
    assert set(Reanswer(pairs=True).needs) == {"model", "judge"}
    assert set(Reanswer(language="Latin").needs) == {"model", "translator"}
