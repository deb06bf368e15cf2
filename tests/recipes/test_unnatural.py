"""What is particular to Unnatural Instructions: groups, outputs, paraphrases, what it tells."""

import asyncio

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.scripted import Scripted
from didact.recipes.unnatural import Unnatural
from didact.records import Example, Origin, Reply

THINGS = ("owl", "fox", "bee", "cow", "eel", "hen", "ant")


def seed(text, given, **meta):
    return Example.single(text, "done", input=given, origin=Origin(recipe="t"), meta=meta)


SEEDS = [seed(f"Describe the {thing}.", thing) for thing in THINGS]


def kind(request):
    text = request.prompt or request.messages[0].content
    if text.endswith("\nInstruction:"):
        return "task"
    return "output" if text.endswith("\nOutput:") else "paraphrase"


def teacher(request):
    if kind(request) == "task":
        return f" Weigh {request.draw} stones.\nInput: stones\nConstraints: A number."
    if kind(request) == "output":
        return " 7 "
    return f" How heavy are {{INPUT}}, said {len(request.prompt)} times?"


def run(answer=teacher, seeds=SEEDS, **settings):
    events, model = [], Scripted(replies=answer)

    async def collect():
        ctx = Context(
            {"teacher": model}, on_event=lambda name, fields: events.append((name, fields))
        )
        return [example async for example in Unnatural(**settings).run(ctx, seeds)]

    examples = asyncio.run(collect())
    [table] = [fields for name, fields in events if name == "statistics"]
    return examples, model.asked, table


def test_a_task_its_output_and_its_paraphrases():
    examples, asked, table = run(target=1, width=1)
    core, *others = examples
    assert (core.instruction, core.input, core.output) == ("Weigh 0 stones.", "stones", "7")
    assert core.meta == {"constraints": "A number."}
    assert len(others) == 2
    for other in others:
        assert other.instruction.startswith("How heavy are stones, said")
        assert (other.input, other.output) == ("", "7")
        assert other.meta["paraphrase_of"] == core.id
        assert other.origin.parents == (core.id, *core.origin.parents)
    assert [kind(request) for request in asked] == ["task", "output", "paraphrase", "paraphrase"]
    assert (table["core"], table["with_paraphrases"]) == (1, 3)
    assert table["paper"] == {"core": 68_478, "with_paraphrases": 240_670}
    assert table["funnel"] == {"candidates": 1, "accepted": 1, "dropped": {}}


# methods.md 4: three demonstrations, nucleus 0.99, outputs greedy in a second call.
def test_the_sampling_and_the_groups_are_those_of_the_paper():
    _, asked, _ = run(target=4, groups=2, width=1)
    tasks = [request for request in asked if kind(request) == "task"]
    assert len({request.prompt for request in tasks}) == 2
    assert [request.draw for request in tasks][:4] == [0, 0, 1, 1]
    for request in tasks:
        assert request.prompt.count("\nConstraints: None.") == 3
        assert (request.sampling.temperature, request.sampling.top_p) == (1.0, 0.99)
        assert request.sampling.stop == ("Example 5",)
    shown = [{thing for thing in THINGS if thing in request.prompt} for request in tasks[:2]]
    assert not shown[0] & shown[1]
    outputs = [request for request in asked if kind(request) == "output"]
    assert {request.sampling.temperature for request in outputs} == {0.0}


@pytest.mark.parametrize(
    ("replies", "dropped", "kept"),
    [
        ({"task": " Weigh it."}, {"no input": 2}, 0),
        ({"task": " Weigh it.\nInput: a"}, {"no constraints": 2}, 0),
        ({"task": Reply(text=" a\nInput: b\nConstraints: c", finish="length")}, {"cut off": 2}, 0),
        ({"task": " Weigh.\nInput: a\nConstraints: b"}, {"as another before": 1}, 3),
        ({"output": ""}, {"output empty": 1}, 0),
        ({"output": Reply(text="7", finish="length")}, {"output cut off": 1}, 0),
        ({"paraphrase": ""}, {"paraphrase empty": 2}, 1),
        ({"paraphrase": "What are {INPUT}?"}, {"paraphrase repeated": 1}, 2),
        ({"paraphrase": Reply(text="x", finish="refused")}, {"paraphrase refused": 2}, 1),
    ],
)
def test_what_is_dropped_is_counted_by_its_reason(replies, dropped, kept):
    settings = {"target": 2, "max_prompts": 2} if "task" in replies else {"target": 1}

    def answer(request):
        return replies.get(kind(request), teacher(request))

    examples, _, table = run(answer, width=1, **settings)
    assert len(examples) == kept
    assert table["funnel"]["dropped"] == dropped


def test_a_task_that_was_shown_is_no_new_one():
    def copy(request):
        return " Describe the owl.\nInput: owl\nConstraints: Another."

    examples, _, table = run(copy, SEEDS[:1], target=1, max_prompts=1)
    assert examples == []
    assert table["funnel"]["dropped"] == {"as a demonstration": 1}


def test_the_target_is_met_exactly():
    examples, _, table = run(target=2, width=8, paraphrases=0, groups=1)
    assert len(examples) == 2
    assert set(table["funnel"]["dropped"]) <= {"after the target"}


def test_a_task_whose_output_fails_is_counted():
    def down(request):
        if kind(request) == "output":
            raise ModelError("the server is gone")
        return teacher(request)

    examples, _, table = run(down, target=1)
    assert examples == []
    assert table["funnel"]["dropped"]["no reply"] == 1


def test_constraints_can_be_part_of_the_instruction():
    examples, _, _ = run(target=1, with_constraints=True)
    assert examples[0].instruction == "Weigh 0 stones.\nA number."
    assert examples[1].instruction.endswith("times?\nA number.")


def test_seeds_show_the_constraints_they_state():
    stated = seed("Describe the yak.", "yak", constraints="Two words.")
    _, asked, _ = run(seeds=[stated], target=1)
    assert "Constraints: Two words.\n" in asked[0].prompt


def test_a_small_model_gets_few_and_short_examples():
    long = seed("Describe the text.", "word " * 500)
    _, asked, _ = run(seeds=[*SEEDS, long], target=1, demonstrations=1, demonstration_words=20)
    assert all("word word" not in request.prompt for request in asked)
    assert asked[0].prompt.endswith("Example 2\nInstruction:")


def test_a_server_that_only_chats_gets_the_same_texts_as_messages():
    def answer(request):
        return teacher(request) if kind(request) != "paraphrase" else "What are {INPUT}?"

    examples, asked, _ = run(answer, target=1, chat=True)
    assert all(request.messages for request in asked)
    assert len(examples) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": 0}, "target must be at least 1"),
        ({"groups": 0}, "groups must be at least 1"),
        ({"paraphrases": -1}, "cannot be negative"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Unnatural(**settings)


def test_seeds_without_inputs_are_an_error_that_says_what_to_set():
    with pytest.raises(ConfigError, match="seeds: builtin"):
        run(seeds=[seed("Greet.", "")])
    with pytest.raises(ConfigError, match="at most 3 words"):
        run(demonstration_words=3)
