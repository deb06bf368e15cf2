"""Proofs before a run, and a row token by token, from the command line."""

import json

import pytest
from typer.testing import CliRunner

from didact import pipeline
from didact.cli import app
from didact.errors import DidactError
from didact.runfile import load
from didact.store import Run
from tiny_llama import EXAMPLES, save

pytestmark = pytest.mark.train

RUN = """
name: tiny
generate:
  - {use: jsonl, path: data.jsonl}
train: {use: %s, base: base, epochs: 1, batch: 4, learning_rate: 0.001%s}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("project")
    save(path / "base")
    rows = [
        {**example.to_json(), "meta": {"rejected": ["I do not know."]}} for example in EXAMPLES[:4]
    ]
    (path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "run.yaml").write_text(RUN % ("sft", ""))
    (path / "dpo.yaml").write_text(RUN % ("dpo", ""))
    (path / "reward.yaml").write_text(RUN % ("reward", ""))
    (path / "short.yaml").write_text(RUN % ("sft", ", max_length: 8"))
    return path


def didact(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_proves_on_the_sources_where_there_is_no_data_yet(folder, tmp_path):
    done = didact("check", folder / "run.yaml", "--out", tmp_path / "none")
    assert done.exit_code == 0, done.output
    assert "on 4 seeds or rows of sources: the data is not made yet" in done.output
    for name in ("template: didact", "mask: ", "border: ", "stop: ", "truncation: none of 4"):
        assert f"ok     {name}" in done.output
    assert "of 4 rows trained: answers and their stop tokens" in done.output
    assert "FAILED" not in done.output


@pytest.mark.parametrize("kind", ["dpo", "reward"])
def test_check_proves_pairs_and_their_start(folder, tmp_path, kind):
    done = didact("check", folder / f"{kind}.yaml", "--json", "--out", tmp_path)
    proofs = {one["name"]: one for one in json.loads(done.output)["training"]["proofs"]}
    assert proofs["pairs"]["told"].startswith("4 pairs of ")
    assert "begins at 0.6931" in proofs["start"]["told"]


def test_a_proof_that_fails_is_the_result_of_check(folder, tmp_path):
    done = didact("check", folder / "short.yaml", "--out", tmp_path)
    assert isinstance(done.exception, DidactError)
    assert "proof failed: mask: no row is left (4 longer than the context)" in str(done.exception)
    assert "FAILED mask" in done.output
    assert didact("check", folder / "short.yaml", "--no-proofs").exit_code == 0


@pytest.fixture(scope="module")
def run(folder):
    path = folder / "out"
    pipeline.run(load(folder / "run.yaml"), path)
    return path


def test_check_proves_on_the_kept_examples_where_they_are_there(folder, run):
    done = didact("check", folder / "run.yaml", "--out", run)
    assert f"on the 4 examples kept in {run}" in done.output


def test_a_row_is_shown_with_what_is_trained_of_it(run):
    example = next(iter(Run.open(run).kept()))
    done = didact("show", run, "--tokens", example.id[:8])
    lines = done.output.splitlines()
    trained = done.output.partition("⟦")[2].partition("⟧")[0]
    assert trained.replace("│", "") == f"{example.output}<|end|>"
    assert done.output.count("⟦") == 1
    assert lines[0].startswith(f"{example.id[:12]}: {trained.count('│') + 1} of ")
    assert "│" in lines[1]
    assert "↵" in lines[1]


def test_trained_tokens_are_coloured_for_a_terminal(run):
    from didact.proving import row_lines

    example = next(iter(Run.open(run).kept()))
    text = "\n".join(row_lines(Run.open(run), example.id, colour=True))
    green = text.partition("\033[32m")[2].partition("\033[0m")[0]
    assert green.replace("│", "") == f"{example.output}<|end|>"
    assert "⟦" not in text


def test_both_rows_of_a_pair_are_shown(folder, run):
    from didact.proving import row_lines

    (run / "run.yaml").write_text((run / "run.yaml").read_text().replace("use: sft", "use: dpo"))
    example = next(iter(Run.open(run).kept()))
    text = "\n".join(row_lines(Run.open(run), example.id, colour=False))
    assert ", chosen: " in text
    assert ", rejected: " in text
    assert text.replace("│", "").endswith("⟦I do not know.<|end|>⟧")


def test_a_bad_row_of_a_source_is_told_before_the_run(folder, tmp_path):
    (tmp_path / "data.jsonl").write_text('{"instruction": "Say it.", "output": ""}\n')
    (tmp_path / "run.yaml").write_text(RUN.replace("base: base", "base: embedded") % ("sft", ""))
    done = didact("check", tmp_path / "run.yaml", "--out", tmp_path / "none")
    assert isinstance(done.exception, DidactError)
    assert "line 1" in str(done.exception)
