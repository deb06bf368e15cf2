"""DEITA's selection: scores from six numbers, turns added up, and a diverse set from the top."""

from __future__ import annotations

import asyncio
import json
from math import log

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.filters.deita import Deita
from didact.models.scorer import Scorer
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, Reply
from tiny_model import write_tiny_model

ORIGIN = Origin(recipe="test")


def example(output, instruction="Say a word."):
    return Example.single(instruction, output, origin=ORIGIN)


def sure(number):
    """Log-probabilities of a model that would say this number."""
    return tuple(-1e-9 if option == number else -60.0 for option in range(1, 7))


def scorer(quality, vectors=None, complexity=2, missing=()):
    """Answers of known quality, at known places."""

    def reply(request):
        if "enum" in request.schema:
            asked = request.prompt
            word = next((word for word in quality if f"Answer: {word}" in asked), None)
            if word in missing:
                return Reply(text="", logprobs=())
            return Reply(text="", logprobs=sure(quality[word] if word else complexity))
        word = request.prompt.rpartition("\n")[2]
        return json.dumps((vectors or {}).get(word, [len(word), 1, ord(word[0]) - 97]))

    return Scripted(replies=reply)


def sift(component, examples, model, **settings):
    ctx = Context({"scorer": model}, **settings)

    async def every():
        try:
            return [verdict async for verdict in component.sift(ctx, examples)]
        finally:
            await model.close()

    return asyncio.run(every()), ctx


QUALITY = {"apple": 6, "pear": 5, "plum": 4, "fig": 3}
PLACES = {"apple": [1, 0], "pear": [1, 0.3], "plum": [1, 0.75], "fig": [0, 1]}
"""Cosines: pear to apple 0.958, plum to apple 0.8, plum to pear 0.94."""
EXAMPLES = [example(word) for word in ("fig", "plum", "apple", "pear")]


def test_the_best_are_taken_and_what_is_near_a_better_one_is_not():
    """methods.md 17.5: the first is always kept, similarity above 0.9 drops, in the order given."""
    verdicts, _ = sift(Deita(), EXAMPLES, scorer(QUALITY, PLACES))
    assert [verdict.keep for verdict in verdicts] == [True, True, True, False]
    assert [verdict.score for verdict in verdicts] == pytest.approx([6, 8, 12, 10])
    pear = verdicts[3]
    assert pear.reason == "too near a better one"
    assert pear.evidence["nearest_id"] == EXAMPLES[2].id
    assert pear.evidence["cosine"] == pytest.approx(0.958, abs=1e-3)
    assert pear.evidence["quality"] == pytest.approx([5])


def test_the_published_batches_also_compare_with_what_they_left_out():
    """methods.md 17.5, naming trap."""
    verdicts, _ = sift(Deita(batch=4), EXAMPLES, scorer(QUALITY, PLACES))
    assert [verdict.keep for verdict in verdicts] == [True, False, True, False]


def test_a_count_ends_the_selection():
    verdicts, _ = sift(Deita(count=1), EXAMPLES, scorer(QUALITY, PLACES))
    assert [verdict.reason for verdict in verdicts] == ["past the count"] * 2 + [
        "",
        "past the count",
    ]
    assert sum(v.keep for v in sift(Deita(similarity=1), EXAMPLES, scorer(QUALITY, PLACES))[0]) == 4


def test_a_score_is_the_mean_of_the_six_numbers():
    """methods.md 17.5: equal logits give 3.5, (1, 2, 3, 2, 1, 0) gives 3.07264."""
    rows = iter([(1, 2, 3, 2, 1, 0), (0,) * 6])

    def reply(request):
        if "enum" not in request.schema:
            return "[1.0]"
        # Of all words, these six have together a half.
        row = next(rows)
        return Reply(text="", logprobs=tuple(value - 5 - log(2) for value in row))

    [verdict], _ = sift(Deita(), [example("apple")], Scripted(replies=reply))
    assert verdict.evidence["complexity"] == pytest.approx([3.07264], abs=5e-6)
    assert verdict.evidence["quality"] == pytest.approx([3.5])
    assert verdict.score == pytest.approx(3.07264 * 3.5, abs=1e-4)


def test_turns_are_scored_by_themselves_and_added_up():
    """methods.md 17.5: multi-turn."""
    turns = [("user", "One"), ("assistant", "apple"), ("user", "Two"), ("assistant", "fig")]
    talk = Example(messages=tuple(Message(*turn) for turn in turns), origin=ORIGIN)
    [verdict], _ = sift(Deita(), [talk], scorer(QUALITY, PLACES))
    assert verdict.score == pytest.approx(2 * 6 + 2 * 3)


def test_a_missing_score_is_unscored_and_in_the_published_code_a_three():
    """methods.md 17.5: if the log-probabilities are missing, the score is 3.0."""
    model = scorer(QUALITY, PLACES, missing=("plum",))
    verdicts, _ = sift(Deita(), EXAMPLES, model)
    assert [verdict.reason for verdict in verdicts] == ["", "unscored", "", "too near a better one"]
    faithful, _ = sift(Deita(mode="faithful"), EXAMPLES, model)
    assert faithful[1].score == pytest.approx(2 * 3.0)


def test_a_model_that_fails_leaves_it_unscored_and_counts():
    def reply(request):
        if "fig" in request.prompt:
            raise ModelError("it is down")
        return scorer(QUALITY, PLACES).replies(request)

    verdicts, ctx = sift(Deita(), EXAMPLES, Scripted(replies=reply))
    assert verdicts[0].evidence["why"] == "it is down"
    assert len(ctx.failures) == 1


def test_prompts_of_ones_own_are_filled_in_one_pass():
    model = scorer(QUALITY)
    filter = Deita(
        complexity_prompt="## {instruction} ##", quality_prompt="{output} < {instruction}: "
    )
    sift(filter, [example("apple", "Say {output} {x}.")], model)
    prompts = [request.prompt for request in model.asked]
    assert prompts[:2] == ["## Say {output} {x}. ##", "apple < Say {output} {x}.: "]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"similarity": 2}, "cosine"),
        ({"count": 0}, "at least 1"),
        ({"quality_prompt": "{output}"}, "instruction"),
    ],
)
def test_settings_that_make_no_sense_are_config_errors(settings, told):
    with pytest.raises(ConfigError, match=told):
        Deita(**settings)


def test_a_model_that_writes_is_no_scorer():
    with pytest.raises(ConfigError, match="use: scorer"):
        sift(Deita(), [example("apple")], Scripted(replies=("Six!",)))


def test_a_real_model_scores_and_embeds(tmp_path):
    model = Scorer(path=str(write_tiny_model(tmp_path)), device="cpu")
    examples = [example("ba do"), example("ba do", "Say a word!"), example("ki lu me")]
    verdicts, _ = sift(Deita(similarity=0.999999), examples, model)
    assert all(1 < verdict.score < 36 for verdict in verdicts)
    twice, _ = sift(Deita(similarity=-1), examples, model)
    # Who was scored beside whom may move the last digits.
    scores = [verdict.score for verdict in verdicts]
    assert [verdict.score for verdict in twice] == pytest.approx(scores, rel=1e-5)
    assert sum(verdict.keep for verdict in twice) == 1
