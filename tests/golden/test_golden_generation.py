"""The prompts of the recipes that write tasks anew, as a model sees them, one file a kind."""

import asyncio
import json

import pytest

from didact.context import Context
from didact.models.scripted import Scripted
from didact.recipes.alpaca import Alpaca
from didact.recipes.evol_instruct import EvolInstruct
from didact.records import Example, Origin

ROWS = [
    ("Is this animal a mammal or a bird?", "Crow", "bird"),
    ("Name the season of this month:", "", "winter"),
    ("Give the plural of  the word.", "mouse", "mice"),
    ("Greet a guest.", "", "Welcome!"),
]
SEEDS = [
    Example.single(text, output, input=given, origin=Origin(recipe="t"))
    for text, given, output in ROWS
]


def requests_of(recipe, answer):
    model = Scripted(replies=answer)

    async def collect():
        ctx = Context({"teacher": model})
        return [example async for example in recipe.run(ctx, SEEDS)]

    asyncio.run(collect())
    return model.asked


def text_of(request):
    if request.prompt is not None:
        return request.prompt
    return "\n".join(f"<{turn.role}>\n{turn.content}" for turn in request.messages)


def rendered(request):
    return f"{text_of(request)}<|\n\n{json.dumps(request.sampling.to_json(), indent=1)}\n"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tasks", {}),
        ("tasks_faithful", {"mode": "faithful"}),
        ("tasks_small", {"requirements": False, "demonstrations": 1, "tasks_per_call": 4}),
    ],
)
def test_the_prompt_of_alpaca_is_the_one_that_was_reviewed(golden, name, settings):
    recipe = Alpaca(target=1, max_prompts=1, **settings)
    golden(f"alpaca_{name}", rendered(requests_of(recipe, lambda request: "")[0]))


def evolving(request):
    text = text_of(request)
    if text.endswith("Prompt#:\n"):
        return "Which two animals are mammals?"
    return "Not Equal" if text.endswith("judgement:") else "Cow and whale."


@pytest.mark.parametrize(
    "operation", ["constraints", "deepening", "concretizing", "reasoning", "data", "breadth"]
)
def test_the_prompt_that_evolves_is_the_one_that_was_reviewed(golden, operation):
    recipe = EvolInstruct(rounds=1, operations=(operation,))
    golden(f"evol_instruct_{operation}", rendered(requests_of(recipe, evolving)[0]))


@pytest.mark.parametrize(
    ("name", "select"),
    [
        ("equality", lambda text: text.endswith("judgement:")),
        ("answer", lambda text: text == "<user>\nWhich two animals are mammals?"),
        ("better_answer", lambda text: text.endswith("#Better Answer#:\n")),
    ],
)
def test_the_prompts_after_it_are_those_that_were_reviewed(golden, name, select):
    asked = requests_of(EvolInstruct(rounds=1, answer_rounds=1), evolving)
    golden(f"evol_instruct_{name}", rendered(next(r for r in asked if select(text_of(r)))))
