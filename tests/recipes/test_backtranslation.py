"""Backtranslation: segments, candidates, pairs turned round, tags."""

import asyncio
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from didact.cli import app
from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.scripted import Scripted
from didact.recipes.backtranslation import Backtranslation
from didact.recipes.backward import Backward
from didact.recipes.tagged import Tagged
from didact.records import INPUT_MARK, Example, Message, Origin, Reply
from didact.runfile import load
from didact.text.backtranslation import ASSISTANT_TAG, BACKWARD_INTRODUCTION, PUBLISHED, WEB_TAG

ORIGIN = Origin(recipe="t")


def document(text, **meta):
    return Example(messages=(Message("assistant", text),), meta=meta, origin=ORIGIN)


def collect(recipe, seeds, replies=lambda request: "Say it.", **options):
    told = {}

    def hear(event, fields):
        told[event] = fields

    model = Scripted(replies=replies)

    async def within():
        ctx = Context({"backward": model}, on_event=hear, **options)
        return [example async for example in recipe.run(ctx, seeds)], ctx

    examples, ctx = asyncio.run(within())
    return examples, told, model, ctx


def page(*parts):
    return "".join(f"<h{n}>{head}</h{n}><p>{text}</p>" for n, head, text in parts)


SMALL = Backtranslation(shortest=5, longest=60)


def test_every_segment_gets_an_instruction_sampled_as_in_the_paper():
    """methods.md 5.1, step 3: x from M_yx, temperature 0.7, top-p 0.9."""
    pages = [document(page((2, "Ao", "one two three"), (2, "Bo", "four five")), title="P", url="u")]
    examples, told, model, _ = collect(SMALL, pages, lambda r: f" About {r.messages[-1].content}\n")
    assert [(e.instruction, e.output) for e in examples] == [
        ("About one two three", "one two three"),
        ("About four five", "four five"),
    ]
    assert examples[0].meta == {"title": "P", "url": "u", "header": "Ao"}
    assert examples[0].origin.parents == (pages[0].id,)
    request = model.asked[0]
    assert request.messages[0] == Message("system", BACKWARD_INTRODUCTION)
    assert (request.sampling.temperature, request.sampling.top_p) == (0.7, 0.9)
    assert told["statistics"]["examples"] == 2
    assert told["statistics"]["paper"]["A"]["examples"] == 502_133


def test_what_is_no_segment_is_counted_by_its_reason():
    outer = page((1, "Top", "x" * 61), (2, "FORUM", "no"), (2, "Our forum", "text"))
    other = page((2, "Ao", "tiny"), (2, "Bo", "one two three"), (3, "Co", "within B"))
    pages = [
        document(outer),
        document(other),
        document(
            page(
                (2, "Do", "one two three\n"),
            )
        ),
    ]
    pages += [document("<p>no heading</p>"), document("plain text", format="text")]
    examples, told, _, _ = collect(SMALL, pages)
    kept = [example.output for example in examples]
    assert kept == ["one two three\n\n### Co\n\nwithin B", "one two three", "plain text"]
    assert told["funnel"]["dropped"] == {
        "too long": 1,
        "header in capitals": 1,
        "header of a navigation": 1,
        "too short": 1,
        "within another segment": 1,
    }
    assert told["funnel"]["candidates"] == 8
    assert told["funnel"]["accepted"] == 3
    assert told["funnel"]["documents_without_headings"] == 1


def test_nested_keeps_the_inner_segments_too():
    """methods.md 5.2: every header node, read literally."""
    pages = [document(page((2, "Bo", "one two three"), (3, "Co", "within B")))]
    recipe = Backtranslation(shortest=5, longest=60, nested=True)
    texts = [example.output for example in collect(recipe, pages)[0]]
    assert texts == ["one two three\n\n### Co\n\nwithin B", "within B"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no instruction"),
        (" \n", "no instruction"),
        (Reply(text="Say", finish="length"), "instruction cut off"),
        (Reply(text="No.", finish="refused"), "instruction refused"),
    ],
)
def test_a_reply_that_is_no_instruction_is_counted(reply, reason):
    pages = [document("one two three", format="text"), document("four five", format="text")]

    def answer(request):
        return reply if "one" in request.messages[-1].content else "Say it."

    examples, told, _, ctx = collect(SMALL, pages, answer)
    assert [example.output for example in examples] == ["four five"]
    assert told["funnel"]["dropped"] == {reason: 1}
    assert ctx.failures == []


def test_a_segment_too_long_for_the_model_is_counted_and_is_no_failure():
    def answer(request):
        raise ModelError("too many tokens", fault="too_long")

    examples, told, _, ctx = collect(SMALL, [document("one two three", format="text")], answer)
    assert examples == []
    assert told["funnel"]["dropped"] == {"longer than the model's context": 1}
    assert ctx.failures == []


def test_a_sample_is_drawn_by_content_and_a_smaller_one_is_part_of_it():
    """methods.md 5.2: then sample."""
    pages = [document(f"text number {n}", format="text") for n in range(40)]
    found = [
        {e.output for e in collect(Backtranslation(shortest=5, sample=size), order)[0]}
        for size, order in ((8, pages), (8, pages[::-1]), (20, pages))
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 8
    assert found[0] < found[2]
    assert {e.output for e in collect(Backtranslation(shortest=5, sample=8).pilot(), pages)[0]} == (
        found[0]
    )


def test_the_estimate_is_the_number_of_segments():
    pages = [document(page((2, "Ao", "one two three"), (2, "Bo", "four five")))]
    found = SMALL.estimate(pages)
    assert found.calls == (2, 2)
    assert found.steps[0].role == "backward"


def test_no_segment_at_all_is_told_with_the_reasons():
    with pytest.raises(ConfigError, match="no segment in 1 documents \\(1 too short\\)"):
        collect(Backtranslation(), [document("short", format="text")])


@pytest.mark.parametrize(
    ("text", "meta", "header"),
    [
        ("<!DOCTYPE html><h2>Ho</h2>some text", {"format": "html"}, "Ho"),
        ("## Ho\n\nsome text <br> here", {"format": "html"}, "Ho"),
        ("## Ho\n\nsome text", {"format": "markdown"}, "Ho"),
        ("## Ho\n\nsome text", {"format": "text"}, None),
        ("<div><h2>Ho</h2>some text</div>", {"format": "text"}, "Ho"),
        ("## Ho\n\nsome text", {}, None),
    ],
)
def test_the_format_is_told_from_the_source_and_the_text(text, meta, header):
    [example] = collect(SMALL, [document(text, **meta)])[0]
    assert example.meta.get("header") == header


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"shortest": 0}, {"shortest": 9, "longest": 8}, {"ngram": 0}, {"sample": 0}):
        with pytest.raises(ConfigError):
            Backtranslation(**wrong)


def test_a_pair_turned_round_asks_with_the_output_and_answers_with_the_instruction():
    """methods.md 5.1, step 2: (y -> x); 5.9: what is trained is x alone, the assistant's turn."""
    seeds = [
        Example.single("Sort.", "a, b", input="b, a", origin=ORIGIN, meta={"k": 1}),
        Example(
            messages=(
                Message("system", "s"),
                Message("user", "Hi."),
                Message("assistant", "Hello."),
                Message("user", "More."),
                Message("assistant", "No."),
            ),
            origin=ORIGIN,
        ),
        document("nobody asked"),
        Example.single("Name it.", " ", origin=ORIGIN),
        Example.single("Sort.", "a, b ", input="b, a", origin=ORIGIN),
    ]
    examples, told, _, _ = collect(Backward(), seeds)
    system = Message("system", BACKWARD_INTRODUCTION)
    assert [example.messages for example in examples] == [
        (system, Message("user", "a, b"), Message("assistant", f"Sort.{INPUT_MARK}b, a")),
        (system, Message("user", "Hello."), Message("assistant", "Hi.")),
    ]
    assert examples[0].meta == {"k": 1, "turned": True}
    assert examples[0].origin.parents == (seeds[0].id,)
    statistics = told["statistics"]
    assert statistics["refused"] == {"no instruction": 1, "no answer": 1, "exact duplicate": 1}
    assert (statistics["examples"], statistics["first_turn_of_several"]) == (2, 1)


def test_training_and_asking_show_the_backward_model_the_same_prompt():
    """methods.md 18.8."""
    seed = Example.single("Say it.", "one two three", origin=ORIGIN)
    [trained], *_ = collect(Backward(), [seed])
    _, _, model, _ = collect(SMALL, [document(seed.output, format="text")])
    assert model.asked[0].messages == trained.prompt


@pytest.mark.parametrize(("data", "tag"), [("seed", ASSISTANT_TAG), ("augmented", WEB_TAG)])
def test_each_training_example_has_exactly_one_tag(data, tag):
    """methods.md 5.4, 5.9: one sentence, by the source of the example."""
    seeds = [
        Example.single("Sort.", "a, b", input="b, a", origin=ORIGIN),
        Example.single("Name it.", "It.", origin=ORIGIN),
    ]
    examples, told, _, _ = collect(Tagged(data=data), seeds)
    for example, seed in zip(examples, seeds, strict=True):
        assert example.instruction == f"{seed.instruction}\n\n{tag}"
        assert (example.input, example.output) == (seed.input, seed.output)
        assert sum(map(example.messages[0].content.count, (ASSISTANT_TAG, WEB_TAG))) == 1
        assert (example.meta["data"], example.meta["tag"]) == (data, tag)
    again, told_again, _, _ = collect(Tagged(data="augmented"), examples)
    assert again == []
    assert told_again["statistics"]["refused"] == {"a tag already": 2}
    assert told["statistics"]["instruction"] == [13.0, 7.1]  # 18 and 8


def test_sentences_of_ones_own_and_what_cannot_be_tagged():
    seeds = [Example.single("Sort.", "a", origin=ORIGIN), document("nobody asked")]
    seeds += [Example.single("Sort.", "", origin=ORIGIN)]
    [example], told, _, _ = collect(Tagged(data="seed", tag="Be brief.", place="system"), seeds)
    assert example.messages[0] == Message("system", "Be brief.")
    assert example.instruction == "Sort."
    assert told["statistics"]["refused"] == {"no instruction": 1, "no answer": 1}
    with pytest.raises(ConfigError, match="a sentence"):
        Tagged(data="seed", tag=" ")


def test_the_sets_that_grow_with_a_lower_score_are_those_of_the_paper():
    """methods.md 5.6, 5.9: |A_5| <= |A_4| <= |A|."""
    sizes = [PUBLISHED[name]["examples"] for name in ("A_5", "A_4", "A")]
    assert all(small < large for small, large in pairwise(sizes))


RUNS = Path(__file__).parents[2] / "runs" / "backtranslation"


@pytest.mark.parametrize("step", ["documents", "backward", "m0"])
def test_check_finds_nothing_wrong_with_the_run_files_that_read_no_other_run(step):
    result = CliRunner().invoke(app, ["check", str(RUNS / f"{step}.yaml")])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("step", "missing"),
    [("candidates", ["out/backward", "out/documents"]), ("m1", ["out/m0", "out/candidates"])],
)
def test_a_step_tells_which_runs_it_lacks(step, missing, tmp_path):
    shutil.copy(RUNS / f"{step}.yaml", tmp_path)
    with pytest.raises(ConfigError) as told:
        load(tmp_path / f"{step}.yaml")
    assert all(name in str(told.value) for name in missing)
