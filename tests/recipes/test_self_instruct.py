"""What is particular to Self-Instruct: sampling, the two readings, limits, what it tells."""

import asyncio
import re

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.models.scripted import Scripted
from didact.recipes.self_instruct import SelfInstruct
from didact.records import Example, Origin
from didact.sources.self_instruct_seeds import SelfInstructSeeds

WORDS = ("apple", "river", "horse", "letter", "song", "cloud", "stone", "tower", "garden", "bell")
VERBS = ("Describe", "Compare", "Count", "Praise", "Sort", "Paint", "Move", "Explain")


def seed(text, *, given="", output="done", kind=False):
    meta = {"is_classification": kind}
    return Example.single(text, output, input=given, origin=Origin(recipe="t"), meta=meta)


SEEDS = [seed(f"{verb} one {word} now.") for verb, word in zip(VERBS, WORDS, strict=False)]
SEEDS += [seed("Is the number odd or even?", given="7", output="odd", kind=True)]


def lists(*replies):
    """A teacher whose lists are given; instances are single outputs, and nothing is a label."""
    left = list(replies)

    def answer(request):
        if re.search(r"\n\d+\.\Z", request.prompt):
            return left.pop(0) if left else ""
        return " No" if request.prompt.endswith("classification?") else "Output: done it"

    return answer


def run(answer, seeds=SEEDS, **settings):
    events, model = [], Scripted(replies=answer)

    async def collect():
        ctx = Context(
            {"teacher": model}, on_event=lambda name, fields: events.append((name, fields))
        )
        return [example async for example in SelfInstruct(**settings).run(ctx, seeds)]

    return asyncio.run(collect()), model.asked, events


def told(events, name):
    return [fields for event, fields in events if event == name]


FIVE = (
    " Invent a new board game.\n10. Recall three old proverbs.\n11. Invent a new board game!"
    "\n12. Draw a big red house.\n13. Hum.\n14. Weigh NASA against its rivals."
)


def test_prompts_show_six_seeds_and_two_machine_instructions_once_there_are_two():
    _, asked, _ = run(lists(FIVE, "", ""), target=20, max_prompts=3, width=1)
    prompts = [r.prompt.splitlines() for r in asked if r.prompt.endswith("\n9.")]
    own = {
        "Invent a new board game.",
        "Recall three old proverbs.",
        "Weigh NASA against its rivals.",
    }
    shown = [sum(line.partition(" ")[2] in own for line in lines) for lines in prompts]
    assert shown == [0, 2, 2]
    assert all(len(lines) == 10 for lines in prompts)


def test_a_wide_window_shows_the_pool_of_that_many_prompts_before():
    _, asked, _ = run(lists(FIVE, "", "", ""), target=20, max_prompts=4, width=2)
    prompts = [r.prompt for r in asked if r.prompt.endswith("\n9.")]
    assert ["proverbs" in p or "board" in p or "NASA" in p for p in prompts] == [
        False,
        False,
        True,
        True,
    ]


def test_what_is_dropped_is_told_with_its_reason_and_nearest_neighbour():
    examples, _, events = run(lists(FIVE), target=20, max_prompts=1)
    assert [e.instruction for e in examples] == [
        "Invent a new board game.",
        "Recall three old proverbs.",
        "Weigh NASA against its rivals.",
    ]
    near, word, short = told(events, "dropped")
    assert (near["reason"], near["nearest"]) == ("too similar", "Invent a new board game.")
    assert near["score"] == 1.0
    assert (word["reason"], short["reason"]) == ("blacklisted word", "too short")
    [funnel] = told(events, "funnel")
    assert (funnel["prompts"], funnel["candidates"], funnel["accepted"]) == (1, 6, 3)
    assert sum(funnel["dropped"].values()) == 3
    [table] = told(events, "statistics")
    assert {**table["funnel"], "stage": "stage"} == funnel
    assert (table["instructions"], table["instances"], table["empty_input"]) == (3, 3, 3)


def test_the_target_is_met_exactly_and_the_rest_is_told():
    examples, _, events = run(lists(FIVE), target=2, width=1)
    assert len(examples) == 2
    assert "after the target" in {drop["reason"] for drop in told(events, "dropped")}


def test_faithful_mode_lowers_letters_and_corrected_mode_does_not():
    faithful, _, _ = run(lists(FIVE), target=20, max_prompts=1, mode="faithful")
    assert faithful[-1].instruction == "Weigh nasa against its rivals."


@pytest.mark.parametrize(("mode", "kept"), [("corrected", 2), ("faithful", 1)])
def test_texts_in_another_script_are_compared_by_their_words_only_in_corrected_mode(mode, kept):
    reply = " A 请写 一首 诗.\n10. A 列出 三种 水果.\n11. A 请写 一首 诗."
    examples, _, events = run(lists(reply), target=9, max_prompts=1, mode=mode)
    assert len(examples) == kept
    assert [drop["reason"] for drop in told(events, "dropped")] == ["too similar"] * (3 - kept)


def test_no_example_is_made_twice_even_where_copies_count_as_new():
    copies = " Weigh NASA against its rivals.\n10. Weigh NASA against its rivals."
    examples, _, events = run(lists(copies), target=9, max_prompts=1, novelty=1.0)
    assert [funnel["accepted"] for funnel in told(events, "funnel")] == [2]
    assert len(examples) == 1


@pytest.mark.parametrize(
    ("reply", "faithful", "corrected"),
    [(" Yes", True, True), (" Yes.", False, True), ("yesterday", False, False), ("", False, False)],
)
def test_what_counts_as_classification(reply, faithful, corrected):
    def answer(request):
        if request.prompt.endswith("classification?"):
            return reply
        return FIVE if request.prompt.endswith("\n9.") else "Class label: a\nx\nOutput: a"

    for mode, expected in (("faithful", faithful), ("corrected", corrected)):
        examples, _, _ = run(answer, target=1, mode=mode)
        assert {example.meta["is_classification"] for example in examples} == {expected}


def test_at_most_five_instances_are_kept_in_their_order():
    def answer(request):
        if request.prompt.endswith("\n9."):
            return FIVE
        if request.prompt.endswith("classification?"):
            return " No"
        return "\n".join(f"Example {k}\nInput: {k}\nOutput: got {k}" for k in range(1, 9))

    examples, _, _ = run(answer, target=1)
    numbers = [int(example.input) for example in examples]
    assert len(numbers) == 5
    assert numbers == sorted(numbers)


def test_repeated_prompts_are_numbered_draws():
    one = {"demonstrations": 1, "machine_demonstrations": 0}
    _, asked, _ = run(lists(), seeds=SEEDS[:1], target=20, max_prompts=3, **one)
    assert [request.draw for request in asked] == [0, 1, 2]


def test_only_classification_shows_only_such_seeds():
    _, asked, _ = run(lists(), target=1, only_classification=True)
    assert asked[0].prompt.count("\n") == 2
    assert "Is the number odd or even?" in asked[0].prompt
    with pytest.raises(ConfigError, match="no seed is classification"):
        run(lists(), seeds=SEEDS[:3], target=1, only_classification=True)


def test_a_demonstration_that_would_break_a_prompt_is_not_shown():
    bad = seed("Copy the text.", given="x\nTask: y", output="x\nTask: y!")
    long = seed("Write much text.", output="word " * 500)
    _, asked, _ = run(lists(FIVE), seeds=[*SEEDS, bad, long], target=1)
    assert "Copy the text." not in asked[-1].prompt
    assert "Write much text." not in asked[-1].prompt
    with pytest.raises(ConfigError, match="demonstration_words"):
        run(lists(FIVE), seeds=[long], target=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": 0}, "target must be at least 1"),
        ({"width": 0}, "width must be at least 1"),
        ({"novelty": 70.0}, "novelty must be above 0"),
        ({"machine_demonstrations": 9}, "cannot be more than demonstrations"),
        ({"last_number": 9}, "must be at least 10"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        SelfInstruct(**settings)


def test_no_seeds_is_an_error_that_says_what_to_set():
    with pytest.raises(ConfigError, match="seeds: builtin"):
        run(lists(), seeds=[])


def test_the_public_seeds_fill_all_prompts(data):
    seeds = list(SelfInstructSeeds(path=data / "self_instruct" / "seed_tasks.jsonl").read())
    _, asked, _ = run(lists(FIVE), seeds=seeds, target=1)
    kinds = next(r.prompt for r in asked if r.prompt.endswith("classification?"))
    assert (kinds.count("? Yes"), kinds.count("? No")) == (12, 19)
    instances = asked[-1].prompt
    assert instances.count("\nTask: ") == 12
    # Both fit the 2,048 tokens of the paper's model.
    assert max(len(kinds.split()), len(instances.split())) < 1000
