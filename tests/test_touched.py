"""What training touches of the test items: noted by every run that trains and is tested."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from didact import pipeline
from didact.components import find
from didact.config import Evaluation
from didact.filters.semantic import Semantic
from didact.records import Example, Origin
from didact.shown import show_run
from didact.stats.contamination import Limits
from didact.store import Run
from didact.touched import FILE, note_touched, read_touched
from toys import Length, example
from toys import config as toy_config

SEA = "Write a poem of four lines about the cold sea in winter."
SKY = "Name the seven colours that are seen in a bow of rain."


@pytest.fixture
def config(tmp_path):
    rows = [{"instruction": SEA, "output": "b"}, {"instruction": "Say no.", "output": "c"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    source = find("sources", "jsonl")(path=file)
    made = toy_config(tmp_path / "calls", train=True)
    return replace(
        made,
        generate=(replace(made.generate[0], use=source, seeds=None),),
        filter=(),
        evaluate=Evaluation(on=[example("x", SEA), example("y", SKY)], evaluators=(Length(),)),
    )


def test_a_run_that_trains_and_is_tested_notes_it_and_tells_it(config, tmp_path):
    told = []
    pipeline.run(
        config, tmp_path / "r", on_event=lambda event, fields: told.append((event, fields))
    )
    assert [fields["text"] for event, fields in told if event == "touched"] == [
        "1 of 2 test items are touched by the 2 training examples (by n-grams, ROUGE-L)"
    ]
    run = Run.open(tmp_path / "r")
    found = read_touched(run)
    [touch] = found.touches.values()
    assert (touch.by, touch.score) == ("words", 1.0)
    assert touch.example == run.kept()[0].id
    assert found.touches.keys() == {run.items()[0].id}
    assert "touched   1 of 2" in show_run(run, count=1, dropped_by=None, as_json=False)


def test_the_note_is_read_again_and_made_anew_when_what_it_compared_has_changed(config, tmp_path):
    path = tmp_path / "r"
    pipeline.run(config, path)
    run = Run.open(path)
    note = path / FILE
    data = json.loads(note.read_text())
    data["examples"] = 99
    note.write_text(json.dumps(data))
    assert read_touched(run).examples == 99
    # A filter takes away what touched; the scores' stage itself need not run again.
    clean = replace(config, filter=(find("filters", "contamination")(),))
    pipeline.run(clean, path)
    found = read_touched(Run.open(path))
    assert (found.touches, found.examples) == ({}, 1)
    note.unlink()
    assert read_touched(Run.open(path)) == found
    note.write_text("{")
    assert read_touched(Run.open(path)) == found


def test_the_limits_are_those_of_the_runs_own_filter(config, tmp_path):
    loose = find("filters", "contamination")(run=3, coverage=0.1, rouge=None)
    pipeline.run(replace(config, filter=(loose,)), tmp_path / "r")
    assert read_touched(Run.open(tmp_path / "r")).limits == Limits(run=3, coverage=0.1, rouge=None)


def vectors(texts):
    return [[1.0, 0.1] if "colours" in text or "no." in text else [0.0, 1.0] for text in texts]


def test_embeddings_are_compared_where_a_filter_names_a_model_for_them(config, tmp_path):
    with_model = replace(config, filter=(Semantic(model=vectors, below=1.0),))
    pipeline.run(with_model, tmp_path / "r")
    run = Run.open(tmp_path / "r")
    found = note_touched(with_model, run)
    assert found.embedder == "vectors"
    assert {touch.by for touch in found.touches.values()} == {"words", "embedding"}
    assert found.line().endswith("(by n-grams, ROUGE-L and embeddings)")
    # A function cannot be read back from the run file: what is noted is still told.
    assert read_touched(run) == found


def test_a_run_that_does_not_train_or_is_not_tested_has_nothing_to_note(config, tmp_path):
    for name, changed in (
        ("a", replace(config, train=None)),
        ("b", replace(config, evaluate=None)),
    ):
        pipeline.run(changed, tmp_path / name)
        assert read_touched(Run.open(tmp_path / name)) is None
        assert not (tmp_path / name / FILE).exists()


def test_a_run_that_moved_away_from_what_its_file_names_tells_what_was_noted(config, tmp_path):
    pipeline.run(config, tmp_path / "r")
    found = read_touched(Run.open(tmp_path / "r"))
    (tmp_path / "rows.jsonl").unlink()
    assert read_touched(Run.open(tmp_path / "r")) == found
    # And without the note, by the limits that hold where nothing is said.
    (tmp_path / "r" / FILE).unlink()
    assert read_touched(Run.open(tmp_path / "r")) == found


def test_lone_surrogates_are_no_trouble(config, tmp_path):
    odd = Example.single(SEA, "\ud800", origin=Origin(recipe="t"))
    pipeline.run(replace(config, evaluate=Evaluation(on=[odd])), tmp_path / "r")
    assert len(read_touched(Run.open(tmp_path / "r")).touches) == 1
