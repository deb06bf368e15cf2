"""Which examples are held out, when their loss is measured, and when it stops a training."""

import random

import pytest

from didact.errors import DidactError
from didact.records import Example, Origin
from didact.training.held_out import HeldOut, due_at, split


def example(prompt, answer):
    return Example.single(prompt, answer, origin=Origin(recipe="test"))


def test_examples_of_one_prompt_stay_on_one_side():
    examples = [example(f"Say {n % 20}.", str(n)) for n in range(60)]
    trained, held = split(examples, 0.2, random.Random(0))
    assert len(trained) + len(held) == 60
    assert len(held) == 12
    assert not {one.instruction for one in trained} & {one.instruction for one in held}
    assert split(examples, 0.2, random.Random(0)) == (trained, held)
    assert split(examples, 0.0, random.Random(0)) == (examples, [])


def test_nothing_left_to_train_is_an_error():
    with pytest.raises(DidactError, match="leaves nothing to train"):
        split([example("Say it.", "it")], 0.5, random.Random(0))


def test_it_is_due_when_an_epoch_is_over():
    assert due_at(10, batch=4, epochs=3, steps=8) == [3, 5, 8]
    assert due_at(10, batch=4, epochs=0.5, steps=2) == [2]
    assert due_at(3, batch=3, epochs=2, steps=2) == [1, 2]


def curve(tmp_path, losses, *, patience, monkeypatch, done=0):
    from didact.training import held_out

    monkeypatch.setattr(held_out, "mean_loss", lambda *_, **__: losses.pop(0))
    monkeypatch.setattr(held_out.checkpoint, "save_weights", lambda *_: None)
    return HeldOut(
        [], due=[1], out=tmp_path, padding=0, patience=patience, note=lambda *_, **__: None,
        done=done,
    )  # fmt: skip


def test_training_is_over_when_patience_is(tmp_path, monkeypatch):
    held = curve(tmp_path, [3.0, 2.0, 2.5, 1.9, 2.0, 2.0], patience=2, monkeypatch=monkeypatch)
    over = []
    for step in range(1, 7):
        held.measure(None, step)
        over.append(held.over)
    assert over == [False, False, False, False, False, True]
    assert [row["best"] for row in held.curve] == [True, True, False, True, False, False]


def test_a_resumed_training_forgets_what_came_after_its_checkpoint(tmp_path, monkeypatch):
    held = curve(tmp_path, [3.0, 2.0, 2.5], patience=None, monkeypatch=monkeypatch)
    for step in (10, 20, 30):
        held.measure(None, step)
    with (tmp_path / "held_out.jsonl").open("a") as file:
        file.write('{"step": 40, "lo')
    again = curve(tmp_path, [], patience=None, monkeypatch=monkeypatch, done=20)
    assert [(row["step"], row["loss"]) for row in again.curve] == [(10, 3.0), (20, 2.0)]
    assert not again.over
