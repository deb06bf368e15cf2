"""What every filter promises, tried on each file in ``didact/filters`` and on made-up examples.

One verdict per example, in order; a reason on every drop; nothing is changed; judging what was kept
drops nothing more; a filter that judges one at a time says the same however the batch is cut.
"""

import asyncio
import copy
import random
from contextlib import aclosing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from didact.components import find, names
from didact.context import Context
from didact.judging import asks, verdicts
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, digest

FILTERS = names("filters")

words = st.sampled_from(["write", "a", "poem", "about", "the", "sea", "sky", "Output:", "7", "été"])
texts = st.one_of(
    st.lists(words, max_size=12).map(" ".join),
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            " \n\t",
            "???",
            "请写一首关于大海的短诗",
            "اكتب قصيدة عن البحر",
            "เขียนบทกวีเกี่ยวกับทะเล",
            "\ud800 half a pair",
            "Answer:",
            "Input: x\nOutput: y<|endoftext|>",
            "huge " * 3000,
            "x" * 20_000,
        ]
    ),
)
origin = Origin(recipe="conformance")
one_turn = st.builds(
    lambda instruction, output, given: Example.single(
        instruction, output, input=given, origin=origin
    ),
    texts,
    texts,
    texts,
)
roles = st.sampled_from(["system", "user", "assistant"])
any_turns = st.lists(st.builds(Message, roles, texts), max_size=4).map(
    lambda turns: Example(messages=tuple(turns), origin=origin)
)
batches = st.lists(one_turn | any_turns, max_size=12)

quick = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=FILTERS)
def new(request):
    """Makes a filter with its default settings."""
    return find("filters", request.param)


def graded(request):
    """A judge that gives every request the same grade again, and none to some."""
    text = request.prompt or request.messages[-1].content
    grade = random.Random(digest(text)).randint(0, 6)
    return f"It is so.\nScore: {grade}"


async def asked(component, examples):
    ctx = Context({component.model: Scripted(replies=graded)})
    async with aclosing(verdicts(component, ctx, examples, name="it")) as found:
        return [verdict async for verdict in found]


def judge(component, examples):
    if asks(component):
        return asyncio.run(asked(component, examples))
    if hasattr(component, "check"):
        return [component.check(example) for example in examples]
    return list(component.sift(iter(examples)))


def test_there_are_filters_to_test():
    assert {"length", "novelty", "parsable"} <= set(FILTERS)


def test_a_filter_judges_either_one_at_a_time_or_in_order(new):
    assert hasattr(new, "check") != hasattr(new, "sift")


@quick
@given(examples=batches)
def test_one_verdict_per_example_and_a_reason_on_every_drop(new, examples):
    verdicts = judge(new(), examples)
    assert len(verdicts) == len(examples)
    assert all(verdict.keep or verdict.reason for verdict in verdicts)
    assert all(verdict.reason == "" for verdict in verdicts if verdict.keep)


@quick
@given(examples=batches)
def test_nothing_is_changed(new, examples):
    before = copy.deepcopy(examples)
    judge(new(), examples)
    assert examples == before


@quick
@given(examples=batches)
def test_the_same_examples_get_the_same_verdicts_again(new, examples):
    component = new()
    assert judge(component, examples) == judge(component, examples) == judge(new(), examples)


@quick
@given(examples=batches)
def test_judging_what_was_kept_drops_nothing_more(new, examples):
    verdicts = judge(new(), examples)
    kept = [example for example, verdict in zip(examples, verdicts, strict=True) if verdict.keep]
    assert all(verdict.keep for verdict in judge(new(), kept))


@quick
@given(examples=batches, at=st.integers(0, 12), seed=st.integers(0, 99))
def test_a_filter_of_single_examples_does_not_care_about_the_batch(new, examples, at, seed):
    if not hasattr(new, "check"):
        # A filter in order promises less: what follows changes nothing that came before.
        assert judge(new(), examples)[:at] == judge(new(), examples[:at])
        return
    whole = judge(new(), examples)
    assert judge(new(), examples[:at]) + judge(new(), examples[at:]) == whole
    order = random.Random(seed).sample(range(len(examples)), len(examples))
    assert judge(new(), [examples[i] for i in order]) == [whole[i] for i in order]


def test_it_can_be_fed_from_a_generator_and_asked_for_nothing(new):
    assert judge(new(), []) == []
