"""A run file whose answers are judged: roles checked before, verdicts replayed, counts kept."""

from __future__ import annotations

import json

import pytest

from didact import pipeline
from didact.errors import ConfigError
from didact.runfile import load
from didact.store import Run

EVALUATE = """\
name: judged
models:
  one: {use: scripted, name: one, replies: [good answer]}
  two: {use: scripted, name: two, replies: [bad]}
%s
evaluate:
  on: tests.jsonl
  models: [one, two]
  with:
    - {use: pairwise, against: two}
    - {use: length-controlled, against: two}
    - four-level
"""
JUDGE = '  judge: {use: scripted, name: judge, replies: ["[[A]]"]}'
ITEM = '{"instruction": "Question %d?", "output": "An answer."}\n'


@pytest.fixture
def written(tmp_path):
    (tmp_path / "tests.jsonl").write_text("".join(ITEM % n for n in range(3)))
    return tmp_path


def test_a_judge_that_is_not_there_is_told_before_any_call(written):
    (written / "run.yaml").write_text(EVALUATE % "")
    with pytest.raises(ConfigError, match="no role 'judge' under models"):
        load(written / "run.yaml")


def test_scores_and_what_was_counted_are_kept_and_a_second_run_asks_nobody(written):
    (written / "run.yaml").write_text(EVALUATE % JUDGE)
    config = load(written / "run.yaml")
    pipeline.evaluate(config, written / "run")
    run = Run.open(written / "run")
    scores = {(s.model, s.metric): s.value for s in run.scores()}
    # This judge likes the first answer in every order, and writes no ranking.
    assert scores["one", "pairwise"] == 0.5
    assert scores["one", "length_controlled"] is None
    assert scores["one", "four_level"] == 4
    (found,) = (written / "run").rglob("statistics.json")
    noted = json.loads(found.read_text())
    assert noted["pairwise"]["outcomes"] == {"flips": 3}
    assert noted["pairwise"]["audit"]["first"][0] == 1
    assert noted["length-controlled"]["unread"] == {"unreadable": 6}
    again = pipeline.evaluate(load(written / "run.yaml"), written / "run")
    assert again.skipped
    assert again.calls.made == 0
