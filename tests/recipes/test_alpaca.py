"""What is particular to Alpaca: its prompts, limits, the two readings, what it tells."""

import asyncio

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.models.scripted import Scripted
from didact.recipes.alpaca import Alpaca
from didact.records import Example, Origin, Reply

VERBS = ("Describe", "Compare", "Count", "Praise", "Sort", "Paint", "Move", "Explain")


def seed(text, *, given="", output="done"):
    return Example.single(text, output, input=given, origin=Origin(recipe="t"))


SEEDS = [seed(f"{verb} one thing now.", given=verb * (n % 2)) for n, verb in enumerate(VERBS)]
FIVE = (
    " Invent a new board game.\n4. Input:\n<noinput>\n4. Output:\nCatch the fox\n###\n"
    "5. Instruction: Recall an old proverb about it.\n5. Input:\nrain\n5. Output:\nIt pours\n###\n"
    "6. Instruction: Invent a new board game!\n6. Input:\n<noinput>\n6. Output:\nRun\n###\n"
    "7. Instruction: Draw a big red house.\n7. Input:\n<noinput>\n7. Output:\nno\n###\n"
    "8. Instruction: Weigh NASA against its rivals.\n8. Input:\n<noinput>\n8. Output:\nIt is 20.\n"
)


def run(replies, seeds=SEEDS, **settings):
    events, left = [], list(replies)
    model = Scripted(replies=lambda request: left.pop(0) if left else "")

    async def collect():
        ctx = Context(
            {"teacher": model, "other": model},
            on_event=lambda name, fields: events.append((name, fields)),
        )
        return [example async for example in Alpaca(**settings).run(ctx, seeds)]

    examples = asyncio.run(collect())
    return examples, model.asked, events


def told(events, name):
    return [fields for event, fields in events if event == name]


def test_a_call_gives_whole_tasks_with_their_parents_and_their_reasons():
    examples, asked, events = run([FIVE], max_prompts=1)
    assert [(e.instruction, e.input, e.output) for e in examples] == [
        ("Invent a new board game.", "", "Catch the fox"),
        ("Recall an old proverb about it.", "rain", "It pours"),
        ("Weigh NASA against its rivals.", "", "It is 20."),
    ]
    shown = {s.id for s in SEEDS if s.instruction in asked[0].prompt}
    assert all(set(e.origin.parents) == shown and len(shown) == 3 for e in examples)
    [table] = told(events, "statistics")
    assert table["funnel"] == {
        "prompts": 1,
        "candidates": 5,
        "accepted": 3,
        "dropped": {"too similar": 1, "blacklisted word": 1},
    }
    assert table["share_with_input"] == 0.333
    assert table["paper"] == {"instructions": 52_002, "share_with_input": 0.4}
    near = told(events, "dropped")[0]
    assert (near["nearest"], near["score"]) == ("Invent a new board game.", 1.0)


# methods.md 2.2, 3: seeds only, never what the model wrote.
def test_prompts_show_three_seeds_and_never_a_task_of_the_model():
    _, asked, _ = run([FIVE, FIVE, FIVE], max_prompts=3, width=1)
    for request in asked:
        assert request.prompt.count("###\n") == 4
        assert "board game" not in request.prompt
        assert request.prompt.endswith("\n###\n4. Instruction:")
    assert len({request.prompt for request in asked}) == 3


# methods.md 2.2, 4: sampling.
@pytest.mark.parametrize(
    ("mode", "stop"),
    [("faithful", ("\n20", "20.")), ("corrected", ("\n21. Instruction:",))],
)
def test_the_sampling_is_the_published_one_but_for_the_stop(mode, stop):
    _, asked, _ = run([FIVE], max_prompts=1, mode=mode)
    sampling = asked[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.0, 1.0, 3072)
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (0, 0)
    assert sampling.stop == stop


def test_the_target_is_met_exactly_and_the_rest_is_told():
    examples, _, events = run([FIVE], target=2, width=1)
    assert len(examples) == 2
    assert "after the target" in {drop["reason"] for drop in told(events, "dropped")}


def test_no_more_prompts_are_sent_than_the_target_needs():
    _, asked, _ = run([FIVE] * 9, target=3, width=2)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("reply", "dropped"),
    [
        ("", {"empty reply": 1}),
        (Reply(text=FIVE, finish="refused"), {"refused": 5}),
        ("No.", {"no output mark": 1}),
    ],
)
def test_a_reply_without_tasks_is_counted(reply, dropped):
    examples, _, events = run([reply], max_prompts=1)
    assert examples == []
    assert told(events, "statistics")[0]["funnel"]["dropped"] == dropped


def test_a_small_model_gets_a_short_prompt_of_short_seeds():
    long = seed("Write much text.", output="word " * 500)
    small = {"demonstrations": 1, "tasks_per_call": 4, "requirements": False}
    _, asked, _ = run([""] * 9, [*SEEDS, long], target=9, demonstration_words=20, **small)
    assert all(len(request.prompt.split()) < 40 for request in asked)
    assert asked[0].prompt.endswith("###\n2. Instruction:")
    with pytest.raises(ConfigError, match="no seed has at most 20 words"):
        run([], [long], demonstration_words=20)


def test_a_server_that_only_chats_gets_the_same_text_as_a_message():
    _, asked, _ = run([FIVE], max_prompts=1)
    examples, chatted, _ = run([f"Sure.\n4. Instruction:{FIVE}"], max_prompts=1, chat=True)
    assert chatted[0].messages[0].content == asked[0].prompt
    assert len(examples) == 3
    assert Alpaca(chat=True).needs != Alpaca().needs


def test_repeated_prompts_are_numbered_draws():
    _, asked, _ = run([], SEEDS[:1], target=20, max_prompts=3)
    assert [request.draw for request in asked] == [0, 1, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": 0}, "target must be at least 1"),
        ({"novelty": 70.0}, "novelty must be above 0"),
        ({"tasks_per_call": 4}, "must be at least 5"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Alpaca(**settings)


def test_no_seeds_is_an_error_that_says_what_to_set():
    with pytest.raises(ConfigError, match="seeds: builtin"):
        run([], seeds=[])
