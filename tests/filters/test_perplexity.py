"""The filter of perplexities: what it scores, and on which side of its limits something is."""

from __future__ import annotations

import asyncio
from math import exp, log

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.filters.perplexity import Perplexity
from didact.models.scripted import Scripted
from didact.records import Example, Origin, Reply


def example(output, instruction="Say a word.", input=""):
    return Example.single(instruction, output, input=input, origin=Origin(recipe="test"))


def check(component, one, loss):
    def reply(_):
        return Reply(text="", logprobs=(-loss - 1, -loss + 1))

    scorer = Scripted(replies=reply)
    verdict = asyncio.run(component.check(Context({"scorer": scorer}), one))
    return verdict, scorer.asked


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (log(5), "perplexity too low"),
        (log(20), ""),
        (log(50), ""),
        (log(51), "perplexity too high"),
    ],
)
def test_what_is_outside_the_limits_is_dropped_for_the_side_it_is_on(loss, reason):
    verdict, _ = check(Perplexity(at_least=10, at_most=50.0001), example("apple"), loss)
    assert (verdict.keep, verdict.reason) == (not reason, reason)
    assert verdict.score == pytest.approx(exp(loss))
    assert verdict.evidence["loss"] == pytest.approx(loss)


def test_without_limits_everything_is_kept_and_scored():
    assert check(Perplexity(), example("apple"), 1e6)[0].keep
    assert check(Perplexity(at_most=9), example("apple"), 1e6)[0].reason == "perplexity too high"


@pytest.mark.parametrize(
    ("of", "prompt", "text"),
    [
        ("answer", "### Response:\n", "apple"),
        ("answer alone", "", "apple"),
        ("instruction", "", "Name it.\n\nInput:\nred"),
    ],
)
def test_what_is_scored_is_the_setting(of, prompt, text):
    _, [asked] = check(Perplexity(of=of), example("apple", "Name it.", "red"), 1.0)
    assert asked.schema == {"const": text}
    assert asked.prompt.endswith(prompt)
    assert bool(asked.prompt) == bool(prompt)


def test_what_cannot_be_scored_is_unscored():
    assert check(Perplexity(), example(" "), 1.0)[0].reason == "unscored"

    def asked(reply):
        ctx = Context({"scorer": Scripted(replies=reply)})
        return asyncio.run(Perplexity(at_most=1).check(ctx, example("apple")))

    assert asked(lambda _: Reply(text="", logprobs=())).reason == "unscored"

    def too_long(_):
        raise ModelError("no room", fault="too_long")

    assert asked(too_long).evidence["why"] == "the prompt leaves no room"


@pytest.mark.parametrize("settings", [{"at_most": 0.5}, {"at_least": 9, "at_most": 3}])
def test_limits_that_make_no_sense_are_config_errors(settings):
    with pytest.raises(ConfigError, match="perplexity"):
        Perplexity(**settings)
