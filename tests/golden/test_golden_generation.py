"""The prompts of the recipes that write tasks anew, as a model sees them, one file a kind."""

import asyncio
import json

import pytest

from didact.context import Context
from didact.models.scripted import Scripted
from didact.recipes.alpaca import Alpaca
from didact.recipes.evol_instruct import EvolInstruct
from didact.recipes.reanswer import Reanswer
from didact.recipes.unnatural import Unnatural
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


def first_with(requests, mark):
    """Of the requests that end so, the first in the order of their texts: arrival has none."""
    fitting = [request for request in requests if text_of(request).endswith(mark)]
    return rendered(min(fitting, key=text_of))


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
    ("name", "mark"),
    [
        ("equality", "judgement:"),
        ("answer", "<user>\nWhich two animals are mammals?"),
        ("better_answer", "#Better Answer#:\n"),
    ],
)
def test_the_prompts_after_it_are_those_that_were_reviewed(golden, name, mark):
    asked = requests_of(EvolInstruct(rounds=1, answer_rounds=1), evolving)
    golden(f"evol_instruct_{name}", first_with(asked, mark))


def answering(request):
    text = text_of(request)
    if text.endswith("[Translation]\n"):
        return "Salve!"
    return "7 9" if text.startswith("<user>\n[Question]") else "It is a bird."


@pytest.mark.parametrize(
    ("name", "settings", "mark"),
    [
        ("answer", {}, "### Response:\n"),
        ("judge", {"pairs": True}, "Give your reasons after it."),
        ("translation", {"language": "Latin"}, "[Translation]\n"),
        ("answer_translated", {"language": "Latin"}, "### Response:\n"),
    ],
)
def test_the_prompts_of_reanswer_are_those_that_were_reviewed(golden, name, settings, mark):
    asked = requests_of(Reanswer(**settings), answering)
    golden(f"reanswer_{name}", first_with(asked, mark))


def continuing(request):
    if text_of(request).endswith("\nInstruction:"):
        return " Tell which is heavier.\nInput: a crow, a cow\nConstraints: Name one of the two."
    return " cow"


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("task", "\nInstruction:"),
        ("output", "\nOutput:"),
        ("paraphrase_one", "\nIn other words:"),
        ("paraphrase_two", "\nSecond:"),
    ],
)
def test_the_prompts_of_unnatural_are_those_that_were_reviewed(golden, name, mark):
    asked = requests_of(Unnatural(target=1, demonstrations=2), continuing)
    golden(f"unnatural_{name}", first_with(asked, mark))
