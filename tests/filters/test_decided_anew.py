"""Another threshold decides anew on what was asked before: no call is made a second time."""

from __future__ import annotations

import json
import random

import pytest

from didact import pipeline
from didact.components import find
from didact.config import Generation, RunConfig
from didact.models.scripted import Scripted
from didact.records import Reply, Usage, digest
from didact.store import Run

WORDS = [
    *("write", "a", "poem", "about", "the", "sea"),
    *("sky", "of", "winter", "name", "three", "birds"),
]


def graded(request):
    """A model that gives each request the same grade, score or vector again."""
    draw = random.Random(digest(request.to_json()))
    if request.prompt is None or request.schema is None:
        if request.sampling.max_tokens == 0:
            return f"{draw.gauss(0, 1):.3f}"
        return f"{draw.randint(1, 5)}\nIt is so.\nScore: {draw.randint(1, 5)}"
    if "enum" in request.schema:
        return Reply(text="", logprobs=tuple(-9 * draw.random() for _ in range(6)))
    if "const" in request.schema:
        tokens = len(request.schema["const"].split())
        chances = tuple(-3 * draw.random() for _ in range(tokens))
        return Reply(text="", usage=Usage(prompt=1, completion=tokens), logprobs=chances)
    return json.dumps([draw.gauss(0, 1) for _ in range(6)])


def encode(texts):
    return [[text.count(word) + 0.1 for word in WORDS] for text in texts]


ROLES = ("judge", "scorer", "reward")


def filtered(folder, component):
    """The stage and its verdicts; the data is the same every time."""
    file = folder / "rows.jsonl"
    if not file.exists():
        draw = random.Random(7)
        rows = [
            {
                "instruction": " ".join(draw.choices(WORDS, k=draw.randint(4, 8))),
                "output": " ".join(draw.choices(WORDS, k=draw.randint(3, 9))),
            }
            for _ in range(40)
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asked = {role: Scripted(replies=graded) for role in ROLES}
    config = RunConfig(
        name="anew",
        models=asked,
        generate=(Generation(use=find("sources", "jsonl")(path=file)),),
        filter=(component,),
    )
    pipeline.generate(config, folder / "run")
    summary = pipeline.filter(config, folder / "run")
    requests = sum(len(model.asked) for model in asked.values())
    return summary, requests, Run.open(folder / "run").verdicts()


CASES = {
    "judged": ("judged", {"at_least": 4}, {"at_least": 2}),
    "judged whole": (
        "judged",
        {"form": "dimension", "at_least": 4.5, "samples": 2, "temperature": 1.0},
        {"form": "dimension", "at_least": 2, "samples": 2, "temperature": 1.0, "reading": "whole"},
    ),
    "ifd": ("ifd", {"below": 0.8}, {"below": 1.2}),
    "ifd superfiltering": (
        "ifd",
        {"definition": "superfiltering", "below": 0.8},
        {"definition": "superfiltering", "below": 1.2},
    ),
    "deita": ("deita", {"similarity": 0.3}, {"similarity": 0.9}),
    "reward": ("reward", {"at_least": 0.5}, {"at_least": -0.5}),
    "perplexity": ("perplexity", {"at_most": 4.0}, {"at_most": 6.0}),
    "semantic": ("semantic", {"model": encode, "below": 0.8}, {"model": encode, "below": 0.95}),
    "novelty": ("novelty", {"below": 0.5}, {"below": 0.7}),
    "near-duplicate": ("near-duplicate", {"below": 0.4}, {"below": 0.8}),
}
ASK_NOBODY = {"semantic", "novelty", "near-duplicate"}


@pytest.mark.parametrize("case", CASES)
def test_another_threshold_makes_no_call(tmp_path, case):
    name, strict, lenient = CASES[case]
    first, asked, before = filtered(tmp_path, find("filters", name)(**strict))
    second, again, after = filtered(tmp_path, find("filters", name)(**lenient))
    assert (asked > 0) == (case not in ASK_NOBODY)
    assert first.calls.made == asked
    assert again == second.calls.made == 0
    assert second.calls.replayed == asked
    # It is another decision, on the same scores.
    assert not second.skipped
    assert second.kept > first.kept
    if case not in {*ASK_NOBODY, "judged whole"}:
        assert [v.score for *_, v in after] == [v.score for *_, v in before]


@pytest.mark.parametrize("case", CASES)
def test_every_drop_says_what_it_rests_on(tmp_path, case):
    name, strict, _ = CASES[case]
    _, _, verdicts = filtered(tmp_path, find("filters", name)(**strict))
    dropped = [verdict for *_, verdict in verdicts if not verdict.keep]
    assert dropped
    assert all(verdict.reason and verdict.evidence for verdict in dropped)
    scored = [verdict for verdict in dropped if verdict.reason != "unscored"]
    assert all(verdict.score is not None for verdict in scored)
