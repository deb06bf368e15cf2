"""The prompts of Orca, of dialogues and of Magpie, as a model sees them, one file a kind."""

import asyncio
import json

import pytest

from didact.context import Context
from didact.models.scripted import Scripted
from didact.recipes.dialogue import Dialogue
from didact.recipes.magpie import Magpie
from didact.recipes.orca import Orca
from didact.records import Example, Message, Origin
from didact.text.explanations import MESSAGES
from didact.text.query_tags import tag_prompt

QUESTION = Example.single(
    "Is this animal a mammal or a bird?", "bird", input="Crow", origin=Origin(recipe="t")
)
TALK = Example(
    messages=(
        Message("system", "Be kind."),
        Message("user", "What swims?"),
        Message("assistant", "A duck."),
    ),
    origin=Origin(recipe="t"),
)


def request_of(recipe, seed):
    model = Scripted(replies=lambda _: "")

    async def collect():
        ctx = Context({"teacher": model, "weaker": model})
        return [example async for example in recipe.run(ctx, [seed])]

    asyncio.run(collect())
    return rendered(model.asked[0])


def rendered(request):
    said = request.prompt
    if said is None:
        said = "\n".join(f"<{turn.role}>\n{turn.content}" for turn in request.messages)
    return f"{said}<|\n\n{json.dumps(request.sampling.to_json(), indent=1)}\n"


def test_the_system_messages_are_those_that_were_reviewed(golden):
    golden("orca_messages", "".join(f"{n}.\n{text}\n\n" for n, text in MESSAGES.items()))


def test_the_prompt_of_orca_is_the_one_that_was_reviewed(golden):
    golden("orca_question", request_of(Orca(collection="niv2"), QUESTION))


@pytest.mark.parametrize(
    ("name", "settings", "seed"),
    [
        ("transcript", {}, QUESTION),
        ("transcript_going_on", {"go_on": True}, TALK),
        ("human", {"form": "turns"}, QUESTION),
        ("human_going_on", {"form": "turns", "go_on": True}, TALK),
    ],
)
def test_the_prompts_of_dialogues_are_those_that_were_reviewed(golden, name, settings, seed):
    golden(f"dialogue_{name}", request_of(Dialogue(**settings), seed))


@pytest.mark.parametrize("mode", ["corrected", "faithful"])
@pytest.mark.parametrize("family", ["llama-3", "qwen2.5", "alpaca"])
def test_what_magpie_sends_is_what_was_reviewed(golden, family, mode):
    recipe = Magpie(family=family, mode=mode, samples=1)
    golden(f"magpie_{family}_{mode}", request_of(recipe, QUESTION))


@pytest.mark.parametrize("tag", ["quality", "difficulty", "category"])
def test_the_prompts_of_the_tags_are_those_that_were_reviewed(golden, tag):
    golden(f"magpie_{tag}", tag_prompt(tag, "Name a bird\nthat swims."))
