"""What every filter promises, tried on each file in ``didact/filters`` and on made-up examples.

One verdict per example, in order; a reason on every drop; nothing is changed; judging what was kept
drops nothing more; a filter that judges one at a time says the same however the batch is cut. A
selection (``selects``) sees all examples before the first verdict: it keeps as many as it is told,
the same ones in whatever order they come.
"""

import asyncio
import copy
import json
import random
import time
from contextlib import aclosing
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from didact.capabilities import needs_of
from didact.components import find, names
from didact.context import Context
from didact.judging import asks, verdicts
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, Reply, Usage, digest

FILTERS = names("filters")


def encode(texts):
    """Vectors from the letters of a text."""
    rows = np.zeros((len(texts), 16))
    for row, text in zip(rows, texts, strict=True):
        for at, letter in enumerate(text):
            row[ord(letter) % 16] += 1 + at % 3
    return rows


def classify(texts):
    return [{"toxic": len(text) % 7 / 7, "fine": 1 - len(text) % 7 / 7} for text in texts]


# What has no default that could work, and the items that examples are held against.
SETTINGS = {
    "balance": {"by": "kind", "most": 2},
    "diverse": {"count": 3},
    "longest": {"count": 3},
    "random": {"count": 3},
    "semantic": {"model": encode},
    "top": {"score": "score", "count": 3},
    "toxicity": {"words": ("poem the", "sky"), "model": classify},
}

words = st.sampled_from(["write", "a", "poem", "about", "the", "sea", "sky", "Output:", "7", "été"])
ODD = [
    "",
    " \n\t",
    "???",
    "请写一首关于大海的短诗",
    "اكتب قصيدة عن البحر",
    "เขียนบทกวีเกี่ยวกับทะเล",
    "\ud800 half a pair",
    "Answer:",
    "Input: x\nOutput: y<|endoftext|>",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd",
    "\N{PARTY POPPER}" * 9 + "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",
    "NUL\x00 inside",
    "huge " * 3000,
    "x" * 20_000,
]
texts = st.one_of(
    st.lists(words, max_size=12).map(" ".join), st.text(max_size=30), st.sampled_from(ODD)
)
origin = Origin(recipe="conformance")
metas = st.fixed_dictionaries(
    {}, optional={"score": st.integers(0, 9), "kind": st.sampled_from(["a", "b"])}
)
one_turn = st.builds(
    lambda instruction, output, given, meta: Example.single(
        instruction, output, input=given, origin=origin, meta=meta
    ),
    texts,
    texts,
    texts,
    metas,
)
roles = st.sampled_from(["system", "user", "assistant"])
any_turns = st.lists(st.builds(Message, roles, texts), max_size=4).map(
    lambda turns: Example(messages=tuple(turns), origin=origin)
)
batches = st.lists(one_turn | any_turns, max_size=12)

quick = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=FILTERS)
def new(request):
    """Makes a filter with its default settings, and with those it cannot do without."""
    if request.param == "language":
        pytest.importorskip("py3langid", reason="needs the extra `text`")
    return partial(find("filters", request.param), **SETTINGS.get(request.param, {}))


def graded(request):
    """A model that gives every request the same grade again, and none to some; or its scores."""
    draw = random.Random(digest(request.to_json()))
    if request.prompt is not None and request.schema is not None:
        if "enum" in request.schema:
            return Reply(text="", logprobs=tuple(-9 * draw.random() for _ in range(6)))
        if "const" in request.schema:
            tokens = len(request.schema["const"].split())
            usage = Usage(prompt=1, completion=tokens)
            return Reply(
                text="", usage=usage, logprobs=tuple(-draw.random() for _ in range(tokens))
            )
        return json.dumps([draw.gauss(0, 1) for _ in range(6)])
    if request.sampling.max_tokens == 0:
        return f"{draw.gauss(0, 1):.3f}"
    return f"It is so.\nScore: {draw.randint(0, 6)}"


async def asked(component, examples):
    fields = [name for name in ("model", *needs_of(component)) if hasattr(component, name)]
    roles = {getattr(component, name) for name in fields}
    ctx = Context({role: Scripted(replies=graded) for role in roles})
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
    assert hasattr(new(), "check") != hasattr(new(), "sift")


@quick
@given(examples=batches)
def test_one_verdict_per_example_and_a_reason_on_every_drop(new, examples):
    verdicts = judge(new(), examples)
    assert len(verdicts) == len(examples)
    assert all(verdict.keep or verdict.reason for verdict in verdicts)
    assert all(verdict.reason == "" for verdict in verdicts if verdict.keep)


@pytest.mark.parametrize("odd", ODD, ids=lambda text: ascii(text[:20]))
def test_no_text_is_too_odd_for_a_verdict_wherever_it_stands(new, odd):
    examples = [
        Example.single(odd, "An answer.", origin=origin),
        Example.single("Do it.", "An answer.", input=odd, origin=origin),
        Example.single("Do it.", odd, origin=origin),
        Example(messages=(Message("user", odd), Message("assistant", odd)), origin=origin),
    ]
    verdicts = judge(new(), examples)
    assert len(verdicts) == len(examples)
    assert all(verdict.keep != bool(verdict.reason) for verdict in verdicts)


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


# They read ahead, yet judge each example on its own.
ALONE = {"Contamination", "Toxicity"}


@quick
@given(examples=batches, at=st.integers(0, 12), seed=st.integers(0, 99))
def test_how_far_a_verdict_depends_on_other_examples(new, examples, at, seed):
    component = new()
    whole = judge(new(), examples)
    order = random.Random(seed).sample(range(len(examples)), len(examples))
    mixed = judge(new(), [examples[i] for i in order])
    if hasattr(component, "check") or type(component).__name__ in ALONE:
        # Not at all: neither the cut nor the order of a batch matters.
        assert judge(new(), examples[:at]) + judge(new(), examples[at:]) == whole
        assert mixed == [whole[i] for i in order]
    elif not getattr(component, "selects", False):
        # On those before it: what follows changes nothing.
        assert whole[:at] == judge(new(), examples[:at])
    elif type(component).__name__ in {"Random", "Balance"}:
        # On all of them, and not on their order.
        kept = [examples[i].id for i, verdict in enumerate(whole) if verdict.keep]
        also = [examples[i].id for i, verdict in zip(order, mixed, strict=True) if verdict.keep]
        if type(component).__name__ == "Random" or len({e.id for e in examples}) == len(examples):
            assert sorted(also) == sorted(kept)
    else:
        assert sum(v.keep for v in mixed) == sum(v.keep for v in whole)


@pytest.mark.parametrize(
    "line",
    ["x" * 2**20, "say " * 2**18, "a@" * 2**19, "1 " * 2**19, "[" * 2**20, "e\u0301 " * 2**18],
    ids=["one word", "one word again and again", "signs", "digits", "brackets", "marks"],
)
def test_a_line_of_a_megabyte_takes_no_more_than_seconds(new, line):
    examples = [
        Example.single("Say it.", line, origin=origin),
        Example.single(line, "no", origin=origin),
    ]
    start = time.process_time()
    assert len(judge(new(), examples)) == 2
    assert time.process_time() - start < 10


def test_it_can_be_fed_from_a_generator_and_asked_for_nothing(new):
    assert judge(new(), []) == []
