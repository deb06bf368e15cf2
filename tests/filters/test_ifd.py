"""Instruction-following difficulty: two definitions, what has no score, and a share of the rest."""

from __future__ import annotations

import asyncio
import random
from math import exp
from statistics import fmean

import pytest

from didact import pipeline
from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.filters.ifd import Ifd
from didact.models.scorer import Scorer
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, Reply, Usage
from didact.runfile import load
from tiny_model import SYLLABLES, write_tiny_model

ORIGIN = Origin(recipe="test")


def example(output, instruction="Say a word.", input=""):
    return Example.single(instruction, output, input=input, origin=ORIGIN)


def sift(component, examples, scorer, **settings):
    ctx = Context({"scorer": scorer}, **settings)

    async def every():
        try:
            return [verdict async for verdict in component.sift(ctx, examples)]
        finally:
            await scorer.close()

    return asyncio.run(every()), ctx


def losing(**losses):
    """A scorer under which an answer costs so much per token, given its instruction and alone."""

    def reply(request):
        text = request.schema["const"]
        given, alone = losses[text]
        bare = request.prompt in ("", "### Response:\n")
        loss = alone if bare else given
        return Reply(text="", logprobs=(-loss,) * 4, usage=Usage(prompt=1, completion=4))

    return Scripted(replies=reply)


# methods.md 17.4: losses with the instruction and alone, and the ratio under both names.
TABLE = {
    "apple": (2.0, 2.5, 0.8, 0.60653),
    "pear": (2.5, 2.0, 1.25, 1.64872),
    "plum": (1.0, 2.0, 0.5, 0.36788),
    "fig": (3.0, 4.0, 0.75, 0.36788),
    "date": (0.5, 1.0, 0.5, 0.60653),
}
LOSSES = {word: row[:2] for word, row in TABLE.items()}


@pytest.mark.parametrize(
    ("definition", "column", "name"), [("cherry", 2, "ifd_loss"), ("superfiltering", 3, "ifd_ppl")]
)
def test_the_golden_table_under_both_names(definition, column, name):
    """methods.md 17.3 and 17.4: both drop the pair that its instruction does not help."""
    examples = [example(word) for word in TABLE]
    verdicts, _ = sift(Ifd(definition=definition), examples, losing(**LOSSES))
    for verdict, row in zip(verdicts, TABLE.values(), strict=True):
        assert verdict.score == pytest.approx(row[column], abs=5e-6)
        assert verdict.evidence[name] == verdict.score
        assert verdict.evidence["loss_given"] == row[0]
        assert verdict.keep == (row[column] < 1)
    assert [verdict.reason for verdict in verdicts if not verdict.keep] == [
        "the instruction does not help"
    ]


def test_a_share_takes_the_hardest_and_the_definitions_differ_in_which():
    """methods.md 17.4: (0.5, 1.0) ranks above (1.0, 2.0) under one, and ties under the other."""
    examples = [example(word) for word in TABLE]

    def kept(definition, share):
        filter = Ifd(definition=definition, share=share)
        verdicts, _ = sift(filter, examples, losing(**LOSSES))
        assert {v.reason for v in verdicts} <= {
            "", "not among the hardest", "the instruction does not help"
        }  # fmt: skip
        return [w for w, verdict in zip(TABLE, verdicts, strict=True) if verdict.keep]

    assert kept("cherry", 0.4) == ["apple", "fig"]
    assert kept("superfiltering", 0.4) == ["apple", "date"]
    assert kept("cherry", 0.6) == ["apple", "plum", "fig"]
    assert kept("cherry", 1.0) == ["apple", "plum", "fig", "date"]
    assert kept("cherry", 0.1) == []


def test_exactly_one_is_kept_by_one_definition_and_not_by_the_other():
    """methods.md 17.3 discards above 1; 17.4 keeps below 1."""
    for definition, keep in (("cherry", True), ("superfiltering", False)):
        [verdict], _ = sift(Ifd(definition=definition), [example("kiwi")], losing(kiwi=(2.0, 2.0)))
        assert verdict.score == 1
        assert verdict.keep == keep


def test_what_has_no_score_is_unscored_and_says_why():
    """methods.md 17.3 and 17.4: no token, one that nothing predicts, no room behind the prompt."""

    def reply(request):
        if "long" in request.prompt:
            raise ModelError("no room", fault="too_long")
        if "down" in request.prompt:
            raise ModelError("it is down")
        one = () if request.prompt == "" else (-1.0,)
        return Reply(text="", logprobs=one, usage=Usage(prompt=1, completion=1))

    examples = [
        example(" "), example("a"), example("b", "A long one"), example("c", "down"),
        Example(messages=(Message("user", "Say."),), origin=ORIGIN),
    ]  # fmt: skip
    verdicts, ctx = sift(Ifd(definition="superfiltering"), examples, Scripted(replies=reply))
    assert {verdict.reason for verdict in verdicts} == {"unscored"}
    assert [verdict.evidence["why"] for verdict in verdicts] == [
        "no answer", "no token of the answer alone is predicted", "the prompt leaves no room",
        "it is down", "no answer",
    ]  # fmt: skip
    assert [failure.item for failure in ctx.failures] == [examples[3].id]


def test_of_an_answer_that_is_cut_the_same_part_is_scored_alone():
    def reply(request):
        cut = 3 if request.prompt else 9
        tokens = min(cut, request.sampling.max_tokens)
        finish = "length" if tokens < 9 else "stop"
        usage = Usage(prompt=1, completion=tokens)
        return Reply(text="", logprobs=(-1.0,) * tokens, usage=usage, finish=finish)

    scorer = Scripted(replies=reply)
    [verdict], _ = sift(Ifd(definition="superfiltering"), [example("a b c d")], scorer)
    assert [request.sampling.max_tokens for request in scorer.asked][1] == 3
    assert verdict.evidence["cut"] is True


def test_the_prompts_are_those_of_each_definition():
    """methods.md 17.3: Alpaca's prompt, and "### Response:" alone; 17.4: the bare instruction."""
    shown = {}
    for definition in ("cherry", "superfiltering"):
        scorer = losing(apple=(1.0, 2.0))
        sift(Ifd(definition=definition), [example("apple", "Name it.", "red")], scorer)
        shown[definition] = [request.prompt for request in scorer.asked]
    assert shown["superfiltering"] == ["Name it.\nred\n", ""]
    whole, alone = shown["cherry"]
    assert whole.endswith("### Instruction:\nName it.\n\n### Input:\nred\n\n### Response:\n")
    assert alone == "### Response:\n"
    assert whole.endswith(alone)


def test_a_model_that_cannot_score_is_told_before_anything_is_decided():
    with pytest.raises(ConfigError, match="use: scorer"):
        sift(Ifd(), [example("apple")], Scripted(replies=("I like apples.",)))


@pytest.mark.parametrize("settings", [{"below": 0}, {"share": 0}, {"share": 1.5}])
def test_settings_that_make_no_sense_are_config_errors(settings):
    with pytest.raises(ConfigError):
        Ifd(**settings)


def test_the_statistics_tell_the_scores_in_short():
    events = []
    examples = [example(word) for word in TABLE] + [example("")]
    sift(Ifd(), examples, losing(**LOSSES), on_event=lambda *event: events.append(event))
    [told] = [fields for event, fields in events if event == "statistics"]
    assert (told["scored"], told["unscored"], told["above_one"]) == (5, 1, 1)
    assert told["median"] == 0.75


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("ifd"))


@pytest.mark.parametrize("definition", ["cherry", "superfiltering"])
def test_a_real_model_gives_the_published_numbers_one_example_at_a_time(tiny, definition):
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    draw = random.Random(5)

    def said(count):
        return " ".join("".join(draw.choices(SYLLABLES, k=2)) for _ in range(count))

    examples = [example(said(draw.randrange(2, 9)), said(5)) for _ in range(12)]
    verdicts, _ = sift(Ifd(definition=definition), examples, Scorer(path=str(tiny), device="cpu"))
    filter = Ifd(definition=definition)
    for one, verdict in zip(examples, verdicts, strict=True):
        losses = []
        for prompt in filter._prompts(one):
            start = tokenizer(prompt, add_special_tokens=False).input_ids
            ids = start + tokenizer(one.output, add_special_tokens=False).input_ids
            labels = [-100] * len(start) + ids[len(start) :]
            with torch.inference_mode():
                out = model(torch.tensor([ids]), labels=torch.tensor([labels]))
            losses.append(out.loss.item())
        given, alone = losses
        ratio = given / alone if definition == "cherry" else exp(given) / exp(alone)
        assert verdict.score == pytest.approx(ratio, rel=1e-3)


@pytest.mark.slow
def test_the_embedded_model_tells_matched_pairs_from_shuffled_ones():
    """methods.md 17.9, 6: a copied answer is helped; a shuffled pairing has a higher IFD."""
    from didact.components import find

    tasks = [task for task in find("sources", "microworld")(count=400).read() if task.input][:60]
    answers = [task.output for task in tasks]
    shuffled = [
        example(answer, task.instruction, task.input)
        for task, answer in zip(tasks, answers[7:] + answers[:7], strict=True)
    ]
    copied = [example(task.input, f"Repeat this: {task.input}") for task in tasks]
    scores = {}
    for name, examples in (("matched", tasks), ("shuffled", shuffled), ("copied", copied)):
        verdicts, _ = sift(Ifd(), examples, Scorer(device="cpu"))
        scores[name] = [verdict.score for verdict in verdicts if verdict.score is not None]
    assert fmean(scores["shuffled"]) > 1.2 * fmean(scores["matched"])
    assert sum(score < 1 for score in scores["copied"]) > 0.9 * len(scores["copied"])


def test_another_share_decides_anew_without_scoring_and_a_run_file_names_the_scorer(tiny, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"models: {{scorer: {{use: scorer, path: {tiny}, device: cpu}}}}\n"
        "generate: [{use: microworld, count: 30}]\n"
        "filter: [parsable, {use: ifd, definition: superfiltering, below: 9.0}]\n"
    )
    kept = []
    for override in ([], ["filter.ifd.share=0.2"]):
        config = load(file, override, run=tmp_path / "run")
        pipeline.generate(config, tmp_path / "run")
        summary = pipeline.filter(config, tmp_path / "run")
        kept.append((summary.kept, summary.calls.made, summary.calls.replayed))
    (first, made, _), (second, again, replayed) = kept
    assert first > second == 6
    assert made > 0 == again
    assert replayed >= made
