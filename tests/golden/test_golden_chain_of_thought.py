"""The prompt of chain of thought as a model sees it."""

import asyncio
import json

from didact.context import Context
from didact.models.scripted import Scripted
from didact.recipes.chain_of_thought import ChainOfThought
from didact.records import Example, Origin


def test_the_prompt_is_the_one_that_was_reviewed(golden):
    seed = Example.single("Add the numbers.", "5", input="2 and 3", origin=Origin(recipe="t"))
    model = Scripted(replies=lambda _: "2 + 3 = 5.\nAnswer: 5")

    async def collect():
        ctx = Context({"teacher": model})
        return [example async for example in ChainOfThought().run(ctx, [seed])]

    [example] = asyncio.run(collect())
    [request] = model.asked
    prompt = request.messages[0].content
    sampling = json.dumps(request.sampling.to_json(), indent=1)
    made = "\n---\n".join(message.content for message in example.messages)
    golden("chain_of_thought", f"{prompt}<|\n\n{sampling}\n\n{made}<|\n")
