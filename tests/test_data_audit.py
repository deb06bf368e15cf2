"""The audit of the data: people, judges and the truth, each with its interval."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from didact import pipeline
from didact.cli import app
from didact.config import Generation, RunConfig
from didact.data_audit import audit_run, draw
from didact.errors import ConfigError
from didact.models.scripted import Scripted
from didact.ratings.book import Book
from didact.sources.microworld import Microworld
from toys import config as toy_config


def world(tmp_path, **models) -> RunConfig:
    config = RunConfig(
        name="world", models=models, generate=(Generation(use=Microworld(count=30)),)
    )
    pipeline.run(config, tmp_path / "run")
    return config


def cautious(request):
    """Calls outputs of one word wrong, and says nothing of those with a comma."""
    text = request.messages[-1].content
    output = text.partition("start of the output]\n")[2].partition("\n[The end of the output")[0]
    if "," in output:
        return "I cannot say."
    return f"1: yes\n2: yes\n3: {'no' if ' ' not in output else 'yes'}"


def test_a_judge_is_asked_once_each_and_told_how_often_it_is_right(tmp_path):
    config = world(tmp_path, judge=Scripted(replies=cautious))
    found = audit_run(tmp_path / "run", config, sample=20, judge="judge")
    assert (found.sample, found.of) == (20, 30)
    assert found.truth is not None
    assert all(one.share.mean == 1 for one in found.truth.rated)
    valid = next(one for one in found.rated if one.question == "valid_instruction")
    assert valid.answered + valid.left_open == 20
    assert found.unread == {"unreadable": valid.left_open}
    right = {one.question: one for one in found.truth.against}
    assert right["valid_instruction"].same.mean == 1
    assert right["output_correct"].same.mean < 1
    assert any("judge on a right output" in line for line in found.lines())
    # The second time is answered from the log, to the same result.
    again = replace(config, models={"judge": Scripted(replies=cautious)})
    assert audit_run(tmp_path / "run", again, sample=20, judge="judge") == found
    kept = json.loads((tmp_path / "run" / "data-audit.json").read_text())
    assert kept == found.to_json()
    rows = json.loads((tmp_path / "run" / "audit.json").read_text())["rows"]
    assert [row["stage"] for row in rows] == ["a sample, rated by the role judge"]


def ratings(tmp_path, ids):
    """Two people: the second finds every other output wrong; both leave one open."""
    path = tmp_path / "ratings.jsonl"
    lines = [
        {
            "example_id": key,
            "rater": rater,
            "valid_instruction": "yes",
            "input_appropriate": "yes" if n else None,
            "output_correct": "no" if rater == "b" and n % 2 else "yes",
        }
        for rater in ("a", "b")
        for n, key in enumerate(ids)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_people_are_counted_by_majority_and_their_agreement_is_told(tmp_path):
    config = world(tmp_path)
    sample, _ = draw(tmp_path / "run", 10)
    path = ratings(tmp_path, [example.id for example in sample])
    found = audit_run(tmp_path / "run", config, sample=10, ratings=path)
    by_question = {one.question: one for one in found.rated}
    assert by_question["valid_instruction"].yes == 10
    assert by_question["input_appropriate"].left_open == 1
    # Where the two say otherwise nothing is said.
    assert (by_question["output_correct"].yes, by_question["output_correct"].left_open) == (5, 5)
    assert dict(found.agreed)["output_correct"].mean < 0.5
    assert found.truth is not None
    assert {one.who for one in found.truth.against} == {"people"}


def test_without_anybody_who_answered_the_ways_to_ask_are_told(tmp_path):
    config = toy_config(tmp_path / "calls")
    pipeline.generate(config, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"--mode audit.*--judge ROLE"):
        audit_run(tmp_path / "run", config)
    with pytest.raises(ConfigError, match="no role 'nobody'"):
        audit_run(tmp_path / "run", config, judge="nobody")
    assert not Book.of(tmp_path / "run").studies()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": "x"}', "needs example_id"),
        ('{"mode": "levels", "example_id": "x"}', "no rating of the data"),
    ],
)
def test_a_file_that_holds_no_audit_is_refused_with_its_line(tmp_path, line, told):
    config = world(tmp_path)
    (tmp_path / "bad.jsonl").write_text(line + "\n")
    with pytest.raises(ConfigError, match=told):
        audit_run(tmp_path / "run", config, ratings=tmp_path / "bad.jsonl")


def test_the_command_tells_the_truth_of_a_microworld_run(tmp_path):
    file = tmp_path / "world.yaml"
    file.write_text("generate: [{use: microworld, count: 12}]\n")
    run = tmp_path / "run"
    runner = CliRunner()
    assert runner.invoke(app, ["run", str(file), "-o", str(run), "-q"]).exit_code == 0
    done = runner.invoke(app, ["audit", str(run), "--sample", "9", "-q"])
    assert done.exit_code == 0, done.output
    assert "9 of 12 examples" in done.output
    assert "the truth" in done.output
    plain = runner.invoke(app, ["audit", str(run), "--sample", "9", "--json"])
    assert json.loads(plain.stdout)["sample"] == 9
