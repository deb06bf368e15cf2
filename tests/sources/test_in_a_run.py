"""Sources in a run: chosen by name, what they leave out counted, the terms told."""

import json

import pytest

import samples
from didact import pipeline
from didact.runfile import load
from didact.shown import show_run
from didact.sources.alpaca import Alpaca
from didact.store import Run


@pytest.fixture
def config(tmp_path):
    rows = [*samples.ALPACA[:5], {"instruction": "x"}, samples.ALPACA[0], *samples.ALPACA[5:8]]
    (tmp_path / "rows.jsonl").write_text("".join(map(samples.json_line, rows)))
    file = tmp_path / "run.yaml"
    file.write_text(
        "name: x\ngenerate: [{use: alpaca, path: rows.jsonl, on_error: skip}]\nfilter: []\n"
    )
    return load(file)


def test_a_source_that_shares_its_name_with_a_recipe_is_told_by_its_settings(config):
    assert isinstance(config.generate[0].use, Alpaca)


def test_what_a_source_leaves_out_is_counted_in_the_stage(config, tmp_path):
    done = pipeline.generate(config, tmp_path / "out")
    assert (done.read, done.kept) == (10, 8)
    assert done.dropped == {"alpaca: no 'output'": 1, "exact duplicate": 1}
    statistics = json.loads((tmp_path / "out/generate/statistics.json").read_text())
    [message] = statistics["alpaca"]["first"]["no 'output'"]
    assert "rows.jsonl, line 6: the key 'output' is missing" in message


def test_show_answers_whether_a_model_may_be_released(config, tmp_path):
    pipeline.generate(config, tmp_path / "out")
    run = Run.open(tmp_path / "out")
    shown = show_run(run, count=1, dropped_by=None, as_json=False)
    assert "may a model trained on this be released? not for commercial use" in shown
    assert "8  alpaca-data: CC BY-NC 4.0, written by text-davinci-003: " in shown
    told = json.loads(show_run(run, count=1, dropped_by=None, as_json=True))["terms"]
    assert [(one["use"], one["count"]) for one in told] == [("non-commercial", 8)]
