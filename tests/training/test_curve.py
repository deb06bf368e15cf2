import json

import pytest

from didact.errors import DidactError
from didact.training.curve import Curve


def curve(path, **options):
    notes = []
    made = Curve(path, tokens=[10] * 5, note=lambda event, **f: notes.append((event, f)), **options)
    return made, notes


def steps(path):
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_every_step_is_a_line_and_the_last_one_is_noted(tmp_path):
    made, notes = curve(tmp_path / "metrics.jsonl")
    for step in range(1, 6):
        made.add(step, 5 / step, 0.1)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["loss"] for row in rows] == [5.0, 2.5, 5 / 3, 1.25, 1.0]
    assert all(row["tokens_per_second"] > 0 and row["learning_rate"] == 0.1 for row in rows)
    assert notes[-1][0] == "train"
    assert (notes[-1][1]["step"], notes[-1][1]["steps"]) == (5, 5)


def test_what_was_written_after_the_checkpoint_is_cut_and_written_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    made, _ = curve(path)
    for step in (1, 2, 3, 4):
        made.add(step, 1.0 / step, 0.1)
    path.write_text(path.read_text() + '{"step": 5, "lo')
    made, _ = curve(path, done=2)
    assert made.last == 0.5
    made.add(3, 0.3, 0.1)
    assert steps(path) == [1, 2, 3]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_training_and_names_the_step(tmp_path, loss):
    made, _ = curve(tmp_path / "metrics.jsonl")
    made.add(1, 1.0, 0.1)
    with pytest.raises(DidactError, match=f"the loss is {loss} at step 2 of 5"):
        made.add(2, loss, 0.1)
    assert steps(tmp_path / "metrics.jsonl") == [1]


def test_the_time_left_is_by_what_this_process_did(tmp_path, monkeypatch):
    """Resumed after 90 of 100 steps, ten seconds a step: ten steps are a hundred seconds."""
    from didact.training import curve as module

    clock = iter([0.0, *(10.0 * n for n in range(1, 11))])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    told = []
    curve = Curve(
        tmp_path / "metrics.jsonl",
        tokens=[5] * 100,
        note=lambda _, **fields: told.append(fields["left"]),
        done=90,
    )
    for step in range(91, 101):
        curve.add(step, 1.0, 0.1)
    assert told == [90.0, 80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0, 0.0]
