"""What is particular to Evol-Instruct: the draw, the pool, elimination, lineage, better answers."""

import asyncio
import re
from collections import Counter

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.scripted import Scripted
from didact.recipes.evol_instruct import EvolInstruct
from didact.records import Example, Origin, Reply
from didact.text.evolution_prompts import evolution_prompt

OPERATIONS = ("constraints", "deepening", "concretizing", "reasoning", "data", "breadth")


def seed(text, *, given="", output="done"):
    return Example.single(text, output, input=given, origin=Origin(recipe="t"))


SEEDS = [seed("Name a bird."), seed("Add them.", given="1 and 2"), seed("Greet a guest.")]


def kind(request):
    text = request.messages[-1].content
    if text.endswith(("#Rewritten Prompt#:\n", "#Created Prompt#:\n")):
        return "evolve"
    if text.endswith("judgement:"):
        return "compare"
    return "improve" if text.endswith("#Better Answer#:\n") else "answer"


def asked_in(request):
    """The instruction that a prompt asks to evolve."""
    text = request.messages[-1].content.rsplit("Prompt#:\n", 2)[1]
    return text.rpartition("\n#")[0]


def teacher(request):
    """Adds a word in every round, and answers with as many words as the instruction has."""
    if kind(request) == "evolve":
        return f"{asked_in(request)} Please{request.draw}."
    if kind(request) == "compare":
        return "Not Equal"
    return f"Seven times {len(request.messages[-1].content)}"


def run(answer=teacher, seeds=SEEDS, **settings):
    events, model = [], Scripted(replies=answer)

    async def collect():
        ctx = Context(
            {"teacher": model}, on_event=lambda name, fields: events.append((name, fields))
        )
        recipe = EvolInstruct(**settings)
        return [example async for example in recipe.run(ctx, seeds)], ctx

    examples, ctx = asyncio.run(collect())
    tables = [fields for name, fields in events if name == "statistics"]
    return examples, model.asked, tables[0], ctx


def test_a_success_takes_its_place_in_the_pool_and_every_round_is_kept():
    examples, asked, table, _ = run(rounds=3)
    assert [example.meta["round"] for example in examples] == [1] * 3 + [2] * 3 + [3] * 3
    assert examples[6].instruction == "Name a bird. Please0. Please0. Please0."
    assert examples[1].messages[0].content == "Add them.\n\nInput:\n1 and 2 Please0."
    # methods.md 6.2, 3: three calls for each instruction and round.
    assert Counter(map(kind, asked)) == {"evolve": 9, "compare": 9, "answer": 9}
    assert table["funnel"] == {"candidates": 9, "accepted": 9, "dropped": {}}
    assert table["instruction_words_by_round"] == sorted(table["instruction_words_by_round"])
    assert table["paper"]["calls"] == 52_000 * 4 * 3


def test_every_evolution_names_its_whole_lineage():
    examples, _, _, _ = run(rounds=3)
    first, second, third = examples[0], examples[3], examples[6]
    assert first.origin.parents == (SEEDS[0].id,)
    assert third.origin.parents == (SEEDS[0].id, first.id, second.id)
    assert third.meta["lineage"] == [e.meta["operation"] for e in (first, second, third)]
    assert third.meta["seed"] == SEEDS[0].id
    assert len(third.origin.calls) == 3


# methods.md 6.7: failed items stay in the pool unchanged, and are counted once per round.
def test_a_failure_stays_in_the_pool_and_is_tried_again_as_another_draw():
    def failing(request):
        if kind(request) == "compare" and "guest" in request.messages[-1].content:
            return "Equal"
        return teacher(request)

    examples, asked, table, _ = run(failing, rounds=3, operations=("breadth",))
    assert len(examples) == 6
    assert table["funnel"]["dropped"] == {"no information gained": 3}
    retried = [r for r in asked if kind(r) == "evolve" and asked_in(r) == "Greet a guest."]
    assert [request.draw for request in retried] == [0, 1, 2]
    assert len({request.messages for request in retried}) == 1


@pytest.mark.parametrize(
    ("replies", "reason", "calls"),
    [
        ({"evolve": "..."}, "empty evolution", 1),
        ({"evolve": "Do the given prompt."}, "copies the prompt", 1),
        ({"evolve": "Name a bird."}, "no information gained", 1),
        ({"evolve": Reply(text="Name a", finish="length")}, "evolution cut off", 1),
        ({"evolve": Reply(text="No", finish="refused")}, "evolution refused", 1),
        ({"compare": "Equal"}, "no information gained", 2),
        ({"compare": "I wonder."}, "judge not understood", 2),
        ({"answer": "Sorry, no."}, "apology", 3),
        ({"answer": "of the"}, "empty answer", 3),
        ({"answer": Reply(text="It is a", finish="length")}, "answer cut off", 3),
    ],
)
def test_what_fails_is_counted_by_its_reason_and_costs_no_further_call(replies, reason, calls):
    def answer(request):
        return replies.get(kind(request), teacher(request))

    examples, asked, table, _ = run(answer, SEEDS[:1], rounds=1)
    assert examples == []
    assert table["funnel"] == {"candidates": 1, "accepted": 0, "dropped": {reason: 1}}
    assert len(asked) == calls


@pytest.mark.parametrize(
    ("mode", "evolved", "judged", "kept"),
    [
        ("corrected", "#Rewritten Prompt#:\nName two birds.", "Not Equal", 1),
        ("faithful", "#Rewritten Prompt#:\nName two birds.", "Not Equal", 0),
        ("corrected", "Name two birds.", "They differ.", 0),
        ("faithful", "Name two birds.", "They differ.", 1),
    ],
)
def test_where_the_two_modes_differ(mode, evolved, judged, kept):
    replies = {"evolve": evolved, "compare": judged, "answer": "Crow and owl"}
    examples, _, _, _ = run(lambda r: replies[kind(r)], SEEDS[:1], rounds=1, mode=mode)
    assert len(examples) == kept


def test_what_another_has_led_to_is_no_new_evolution():
    replies = {"evolve": "Name two birds.", "compare": "Not Equal", "answer": "Crow and owl"}
    for mode in ("corrected", "faithful"):
        examples, _, table, _ = run(lambda r: replies[kind(r)], rounds=1, mode=mode)
        assert len(examples) == 1
        assert table["funnel"]["dropped"] == {"as another before": 2}


def test_an_instruction_that_got_no_reply_is_counted_and_stays():
    def down(request):
        if kind(request) == "evolve" and "bird" in asked_in(request) and not request.draw:
            raise ModelError("the server is gone")
        return teacher(request)

    examples, _, table, ctx = run(down, rounds=2, operations=("breadth",))
    assert [example.meta["round"] for example in examples] == [1, 1, 2, 2, 2]
    assert table["funnel"]["dropped"] == {"no reply": 1}
    assert len(ctx.failures) == 1


# methods.md 6.1 and 6.7: one of the six is drawn uniformly; chi-square with a fixed seed.
def test_the_operations_are_drawn_alike():
    seeds = [seed(f"Name bird number {n}.") for n in range(600)]
    _, asked, table, _ = run(lambda r: "...", seeds, rounds=2)
    drawn = {name: counts["tried"] for name, counts in table["operations"].items()}
    assert sum(drawn.values()) == len(asked) == 1200
    assert set(drawn) == set(OPERATIONS)
    chi_square = sum((count - 200) ** 2 / 200 for count in drawn.values())
    assert chi_square < 20.5  # p = 0.001 at five degrees of freedom


# methods.md 6.1: layouts and marks.
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_layout_of_every_operation(operation):
    _, asked, _, _ = run(seeds=SEEDS[:1], rounds=1, operations=(operation,))
    text = asked[0].messages[0].content
    if operation == "breadth":
        assert text.endswith("\n#Given Prompt#:\nName a bird.\n#Created Prompt#:\n")
    else:
        assert text.endswith("\n#The Given Prompt#:\nName a bird.\n#Rewritten Prompt#:\n")
        assert text.count("\n#Rewritten Prompt#:\n") == (3 if operation == "data" else 1)
        assert ("10 to 20 words" in text) == (operation != "data")
    sampling = asked[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.0, 0.9, 2048)
    assert sampling.frequency_penalty == 0


def test_braces_of_an_instruction_are_text():
    assert "{prompt} {0}" in evolution_prompt("breadth", "{prompt} {0}", [])


def test_answers_are_made_better_in_as_many_respects_as_asked():
    def answer(request):
        if kind(request) == "improve":
            old = re.search(r"#Answer#:\n(.*)\n#Better", request.messages[-1].content)
            return f"{old[1]}, better"
        return teacher(request)

    [example], asked, _, _ = run(answer, SEEDS[:1], rounds=1, answer_rounds=2)
    assert example.output.endswith(", better, better")
    assert len(example.meta["answer_lineage"]) == 2
    assert len(example.origin.calls) == len(asked) == 5


def test_the_seeds_can_be_part_of_it_and_a_sample_drawn():
    examples, _, _, _ = run(rounds=1, include_seeds=True)
    assert examples[:3] == SEEDS
    sampled, _, _, _ = run(rounds=1, include_seeds=True, sample=4)
    assert len(sampled) == 4
    places = [examples.index(example) for example in sampled]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rounds": 0}, "rounds must be at least 1"),
        ({"operations": ()}, "at least one of constraints"),
        ({"answer_rounds": -1}, "cannot be negative"),
        ({"data_demonstrations": 6}, "must be 0 to 5"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        EvolInstruct(**settings)


def test_no_seeds_is_an_error_that_says_what_to_set():
    with pytest.raises(ConfigError, match="seeds: builtin"):
        run(seeds=[])
