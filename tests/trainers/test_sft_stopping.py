"""Held-out loss, early stopping, a curriculum, masks: what is seen when, and what is kept."""

import dataclasses
import json

import pytest

from didact.context import Context
from didact.errors import DidactError
from didact.text.masks import IGNORED
from didact.trainers import sft
from didact.trainers.sft import SFT
from tiny_llama import EXAMPLES, STOP, save

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def train(base, out, *, examples=EXAMPLES, **settings):
    given = {"epochs": 4, "batch": 4, "learning_rate": 1e-2, "warmup": 0.0, "dtype": "float32"}
    return SFT(**{**given, **settings}).train(Context({}, seed=1), examples, base, out)


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_training_stops_where_the_held_out_loss_does_not_fall_and_keeps_the_best(base, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from didact.text.loss_masks import MASKS
    from didact.training.held_out import mean_loss, split
    from didact.training.rows import rows_of

    model = train(base, tmp_path, epochs=40, held_out=0.25, patience=2, learning_rate=3e-2)
    curve = rows(tmp_path / "held_out.jsonl")
    losses = [row["loss"] for row in curve]
    assert len(losses) < 40
    assert losses.index(min(losses)) == len(losses) - 3
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["held_out_loss"] == min(losses)
    assert state["rows"] + state["held_out"] == 8
    tuned = AutoModelForCausalLM.from_pretrained(str(model), dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(str(model))
    _, held = split(EXAMPLES, 0.25, Context({}, seed=1).rng("held out"))
    kept = rows_of(held, tokenizer, mask=MASKS["answers"], limit=None).rows
    assert mean_loss(tuned, kept, padding=0) == pytest.approx(min(losses), abs=1e-4)


def planned(base, out, monkeypatch, **settings):
    """What would be trained, step after step, as texts of trained tokens."""
    from transformers import AutoTokenizer

    class Seen(Exception):
        pass

    def capture(**given):
        places = list(given["train_dataset"])
        raise Seen([given["data_collator"]([place])["labels"][0].tolist() for place in places])

    monkeypatch.setattr(sft, "lean_trainer", capture)
    with pytest.raises(Seen) as caught:
        train(base, out, **settings)
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    return [
        tokenizer.decode([label for label in labels if label != IGNORED])
        for labels in caught.value.args[0]
    ]


def test_a_curriculum_gives_a_stage_all_its_epochs_before_the_next(base, tmp_path, monkeypatch):
    staged = [
        dataclasses.replace(example, meta={"stage": 2 if example.input == "hot" else 1})
        for example in EXAMPLES
    ]
    texts = planned(
        base, tmp_path, monkeypatch, examples=staged, curriculum="stage", epochs=2, batch=2
    )
    assert texts[-4:] == [f"cold{STOP}"] * 4
    assert f"cold{STOP}" not in texts[:-4]


def test_examples_without_a_stage_are_an_error(base, tmp_path):
    with pytest.raises(DidactError, match=r"8 of 8 examples have no number and no word"):
        train(base, tmp_path, curriculum="stage")


def test_a_mask_of_the_literature_trains_what_it_says(base, tmp_path, monkeypatch):
    texts = planned(base, tmp_path, monkeypatch, loss_on="alpaca-lora", epochs=1)
    assert all(text.startswith("ere is a task") or "### Instruction" in text for text in texts)
    assert not any(STOP in text for text in texts)


def test_a_proof_that_fails_stops_the_training_before_the_first_step(base, tmp_path, monkeypatch):
    from didact.training import proofs

    counted = proofs.answer_loss
    monkeypatch.setattr(proofs, "answer_loss", lambda model, part, _: counted(model, part, None))
    with pytest.raises(DidactError, match="proof failed: accumulation"):
        train(base, tmp_path)
    assert not (tmp_path / "metrics.jsonl").exists()
    proved = json.loads((tmp_path / "proofs.json").read_text())
    assert [proof["name"] for proof in proved if not proof["passed"]] == ["accumulation"]


def test_a_first_step_that_loses_something_else_than_the_base_stops_the_training(
    base, tmp_path, monkeypatch
):
    from didact.training import lean

    counted = lean.answer_loss
    monkeypatch.setattr(lean, "answer_loss", lambda *given: counted(*given) / 2)
    with pytest.raises(DidactError, match="proof failed: start"):
        train(base, tmp_path)
    assert not (tmp_path / "model").exists()
