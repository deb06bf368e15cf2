"""The prompts of Self-Instruct as a model sees them, one file a kind."""

import asyncio
import json

import pytest

from didact.context import Context
from didact.models.scripted import Scripted
from didact.recipes.self_instruct import SelfInstruct
from didact.records import Example, Origin

ROWS = [
    ("Is this animal a mammal or a bird?", "Crow", "bird", True),
    ("Is this animal a mammal or a bird?", "Cow", "mammal", True),
    ("Name the season of this month:", "", "winter", True),
    ("Give the plural of  the word.", "mouse", "mice", False),
    ("Greet a guest.", "", "Welcome!", False),
    ("Add the two numbers.", "2 and 3", "5", False),
    ("Add the two numbers.", "First: 4\nSecond: 4", "8", False),
]


def teacher(request):
    if request.prompt.endswith("classification?"):
        return " Yes" if "odd or even" in request.prompt.rsplit("Task:", 1)[1] else " No"
    if request.prompt.endswith("\n6."):
        return " Tell whether this number is odd or even.\n8. Write a short wish for a birthday."
    return "Output: done"


@pytest.fixture(scope="module")
def requests():
    seeds = [
        Example.single(
            text, output, input=given, origin=Origin(recipe="t"), meta={"is_classification": kind}
        )
        for text, given, output, kind in ROWS
    ]
    model = Scripted(replies=teacher)

    async def collect():
        recipe = SelfInstruct(target=3, max_prompts=2, width=1)
        ctx = Context({"teacher": model})
        return [example async for example in recipe.run(ctx, seeds)]

    asyncio.run(collect())
    return model.asked


def rendered(request):
    return f"{request.prompt}<|\n\n{json.dumps(request.sampling.to_json(), indent=1)}\n"


# The first prompt shows seeds only and gives two instructions; the second shows those two as well.
@pytest.mark.parametrize(
    ("name", "select"),
    [
        ("instructions", lambda r: r.prompt.endswith("\n6.")),
        ("instructions_with_machine", lambda r: r.prompt.endswith("\n8.")),
        ("classification", lambda r: r.prompt.endswith("classification?")),
        ("labels", lambda r: "Class label:" in r.prompt),
        ("instances", lambda r: "Output:" in r.prompt),
    ],
)
def test_the_prompt_is_the_one_that_was_reviewed(requests, golden, name, select):
    golden(f"self_instruct_{name}", rendered(next(r for r in requests if select(r))))
