"""What a recipe says beforehand of its calls, against what it then asks: over all that ask."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, fields, replace
from importlib import import_module

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from test_recipes import SMALL, plausible, seeds

from didact.context import Context
from didact.errors import ConfigError
from didact.mixture import asks
from didact.records import Reply, digest


def made(name):
    module = import_module(f"didact.recipes.{name.partition(':')[0]}")
    return getattr(module, module.__all__[0])(**SMALL[name])


ASKING = [name for name in SMALL if asks(made(name))]


@dataclass(frozen=True)
class Counting:
    """A teacher that now and then says what cannot be read, or is cut off; counts by limit."""

    poor: float
    asked: Counter = field(default_factory=Counter)
    identity = "counting"

    async def ask(self, request):
        self.asked[request.sampling.max_tokens] += 1
        rng = random.Random(digest(request.to_json()))
        if rng.random() < self.poor:
            return Reply(text="", finish=rng.choice(["stop", "length", "refused"]))
        return Reply(text=plausible(request))

    async def close(self):
        pass


def asked_by(recipe, *, poor, seed=3):
    """Calls by the limit of their replies, and whether all was made that was to be."""
    model = Counting(poor)
    told = {}

    async def run():
        ctx = Context(
            {"teacher": model},
            seed=seed,
            on_event=lambda event, data: told.update(data) if event == "funnel" else None,
        )
        return [example async for example in recipe.run(ctx, seeds())]

    asyncio.run(run())
    target = getattr(recipe, "target", None)
    return model.asked, target is None or told["accepted"] >= target


@pytest.mark.parametrize("name", ASKING)
@settings(max_examples=12, deadline=None)
@given(
    poor=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
    seed=st.integers(0, 99),
    more=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["corrected", "faithful"]),
            "attempts": st.integers(1, 4),
            "rounds": st.integers(1, 3),
            "answer_rounds": st.integers(0, 2),
            "paraphrases": st.integers(0, 3),
            "samples": st.integers(1, 8),
            "keep": st.sampled_from(["filtered", "all"]),
            "part": st.sampled_from([0.1, 1.0]),
            "exchanges": st.integers(1, 3),
        }
    ),
)
def test_the_calls_of_every_step_are_within_the_estimate(name, poor, seed, more):
    recipe = made(name)
    known = {one.name for one in fields(recipe)}
    try:
        recipe = replace(recipe, **{key: value for key, value in more.items() if key in known})
    except ConfigError:
        reject()
    asked, whole = asked_by(recipe, poor=poor, seed=seed)
    low, high = Counter(), Counter()
    for step in recipe.estimate(seeds()).steps:
        assert 0 <= step.calls.low <= step.calls.high
        assert 0 <= step.prompt.low <= step.prompt.high
        # Steps that allow replies of the same length cannot be told apart.
        limit = min(step.max_tokens)
        low[limit] += step.calls.low
        high[limit] += step.calls.high
    folded = Counter()
    for limit, number in asked.items():
        steps = recipe.estimate(seeds()).steps
        folded[next(min(s.max_tokens) for s in steps if limit in s.max_tokens)] += number
    for limit, number in folded.items():
        assert number <= high[limit]
    if whole:
        assert all(folded[limit] >= number for limit, number in low.items())


@pytest.mark.parametrize("name", ASKING)
def test_an_estimate_of_nothing_is_no_fault(name):
    found = made(name).estimate([])
    assert found.calls.low >= 0
    assert found.tokens.low >= 0
