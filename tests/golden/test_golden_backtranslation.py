"""The prompts of backtranslation as models see them, and what they are trained on."""

import asyncio
import json
from contextlib import aclosing

import pytest

from didact.context import Context
from didact.filters.judged import Judged
from didact.judging import verdicts
from didact.models.scripted import Scripted
from didact.recipes.backtranslation import Backtranslation
from didact.recipes.backward import Backward
from didact.recipes.tagged import Tagged
from didact.records import Example, Message, Origin

ORIGIN = Origin(recipe="t")
SEED = Example.single("Give the plural of the word.", "mice", input="mouse", origin=ORIGIN)
PAGE = Example(
    messages=(Message("assistant", "<h2>Crows</h2><p>They fly &amp; they caw.</p>"),),
    meta={"format": "html"},
    origin=ORIGIN,
)


def shown(turns):
    return "\n".join(f"<{turn.role}>\n{turn.content}" for turn in turns)


def rendered(request):
    text = request.prompt if request.prompt is not None else shown(request.messages)
    return f"{text}<|\n\n{json.dumps(request.sampling.to_json(), indent=1)}\n"


def made(recipe, seeds, model=None):
    async def collect():
        ctx = Context({"backward": model or Scripted()})
        return [example async for example in recipe.run(ctx, seeds)]

    return asyncio.run(collect())


def test_the_prompt_of_the_backward_model_is_the_one_that_was_reviewed(golden):
    model = Scripted(replies=lambda request: "Tell what crows do.")
    made(Backtranslation(shortest=5), [PAGE], model)
    [request] = model.asked
    golden("backtranslation_backward", rendered(request))


def test_what_models_are_trained_on_is_what_was_reviewed(golden):
    recipes = (Backward(), Tagged(data="seed"), Tagged(data="augmented", place="system"))
    texts = [shown(example.messages) for recipe in recipes for example in made(recipe, [SEED])]
    golden("backtranslation_training", "<|\n---\n".join([*texts, ""]))


@pytest.mark.parametrize("prompt", ["scale", "page"])
def test_the_prompt_of_curation_is_the_one_that_was_reviewed(golden, prompt):
    model = Scripted(replies=lambda request: "Score: 5")
    [example] = made(Tagged(data="augmented"), [SEED])

    async def judge():
        form = "curation" if prompt == "scale" else "page"
        ctx = Context({"judge": model})
        found = verdicts(Judged(form=form), ctx, [example], name="judged")
        async with aclosing(found) as judged:
            return [verdict async for verdict in judged]

    assert asyncio.run(judge())[0].keep
    golden(f"backtranslation_{prompt}", rendered(model.asked[0]))
