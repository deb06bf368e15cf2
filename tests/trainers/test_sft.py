"""Fine-tuning a tiny random model."""

import asyncio
import json
import math
import shutil

import pytest

from didact.context import Context
from didact.errors import ConfigError, DidactError
from didact.models.transformers import Transformers
from didact.records import Example, Message, Origin, Request, Sampling
from didact.text.masks import IGNORED
from didact.trainers import sft
from didact.trainers.sft import SFT
from tiny_llama import EXAMPLES, STOP, save

ORIGIN = Origin(recipe="test")


@pytest.mark.parametrize(
    "settings",
    [{"epochs": 0}, {"batch": -1}, {"learning_rate": 0.0}, {"lora": -1}, {"warmup": 1.0}],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        SFT(**settings)


def test_rows_at_once_must_divide_the_batch():
    with pytest.raises(ConfigError, match="at_once must divide batch"):
        SFT(batch=8, at_once=3)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def train(base, out, *, examples=EXAMPLES, on_event=None, **settings):
    settings = {"epochs": 2, "batch": 4, "learning_rate": 1e-2, "warmup": 0.0, **settings}
    context = Context({}, seed=1, on_event=on_event)
    return SFT(**settings).train(context, examples, base, out)


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


def answers(model, examples):
    async def ask():
        asked = Transformers(path=str(model))
        sampling = Sampling(max_tokens=20)
        try:
            requests = [Request(messages=e.prompt, sampling=sampling) for e in examples]
            return await asyncio.gather(*map(asked.ask, requests))
        finally:
            await asked.close()

    return asyncio.run(ask())


@pytest.mark.train
def test_the_model_learns_to_answer_and_to_stop(base, tmp_path):
    model = train(base, tmp_path, epochs=100, batch=8, learning_rate=1e-2, dtype="float32")
    replies = answers(model, EXAMPLES)
    assert [reply.text for reply in replies] == [example.output for example in EXAMPLES]
    assert {reply.finish for reply in replies} == {"stop"}


@pytest.mark.train
def test_what_is_trained_in_every_row_is_its_answer_and_the_stop_token(base, tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    class Seen(Exception):
        pass

    def capture(**settings):
        places = list(settings["train_dataset"])
        raise Seen([settings["data_collator"]([place]) for place in places])

    monkeypatch.setattr(sft, "lean_trainer", capture)
    with pytest.raises(Seen) as caught:
        train(base, tmp_path, epochs=1)
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    decoded = [
        tokenizer.decode([label for label in batch["labels"][0].tolist() if label != IGNORED])
        for batch in caught.value.args[0]
    ]
    assert sorted(decoded) == sorted(example.output + STOP for example in EXAMPLES)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT reads it
def test_lora_is_one_setting_and_its_adapter_and_the_merged_model_agree(base, tmp_path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = train(base, tmp_path, lora=4)
    assert losses(tmp_path)[-1] < losses(tmp_path)[0]
    plain = AutoModelForCausalLM.from_pretrained(str(base))
    merged = AutoModelForCausalLM.from_pretrained(str(model))
    ids = torch.arange(2, 12)[None]
    before = plain(ids).logits
    adapted = PeftModel.from_pretrained(plain, str(tmp_path / "adapter"))(ids).logits
    assert torch.allclose(adapted, merged(ids).logits, atol=1e-4)
    assert not torch.allclose(before, adapted, atol=1e-2)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT reads it
def test_an_adapter_finds_its_base_wherever_both_are_moved(base, tmp_path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    shutil.copytree(base, tmp_path / "here" / "base")
    train(tmp_path / "here" / "base", tmp_path / "here" / "runs" / "one" / "train", lora=4)
    moved = (tmp_path / "here").rename(tmp_path / "there")
    out = moved / "runs" / "one" / "train"
    named = json.loads((out / "adapter" / "adapter_config.json").read_text())
    found = out / "adapter" / named["base_model_name_or_path"]
    assert found.resolve() == (moved / "base").resolve()
    plain = AutoModelForCausalLM.from_pretrained(str(found))
    merged = AutoModelForCausalLM.from_pretrained(str(out / "model"))
    ids = torch.arange(2, 12)[None]
    adapted = PeftModel.from_pretrained(plain, str(out / "adapter"))(ids).logits
    assert torch.allclose(adapted, merged(ids).logits, atol=1e-4)
    files = [file for file in out.rglob("*") if file.is_file()]
    assert not [file for file in files if str(tmp_path).encode() in file.read_bytes()]


@pytest.mark.train
def test_the_loss_is_that_of_the_model_over_the_trained_tokens(base, tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM

    from didact.training import lean

    model = AutoModelForCausalLM.from_pretrained(str(base))
    ids = torch.randint(2, 300, (3, 12), generator=torch.manual_seed(0))
    labels = ids.clone()
    labels[:, :5] = IGNORED
    labels[2, 9:] = IGNORED
    mask = torch.ones_like(ids)
    ids[2, 9:], mask[2, 9:] = 1, 0
    expected = model(ids, attention_mask=mask, labels=labels).loss
    inputs = {"input_ids": ids, "labels": labels}
    assert torch.allclose(lean.answer_loss(model, inputs, None), expected, atol=1e-6)
    expected.backward()
    whole = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    monkeypatch.setattr(lean, "_PIECE", 320 * 4)
    lean.answer_loss(model, inputs, None).backward()
    for ours, theirs in zip((p.grad for p in model.parameters()), whole, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.train
def test_the_parts_of_a_batch_hold_every_row_once_and_little_padding(monkeypatch):
    import torch

    from didact.training import lean

    lengths = torch.tensor([40, 3, 9, 64, 8, 17, 5])
    ids = torch.arange(7)[:, None].expand(7, 64)
    mask = (torch.arange(64) < lengths[:, None]).long()
    inputs = {"input_ids": ids, "labels": ids, "attention_mask": mask}
    for most in (16, 100, 1000):
        monkeypatch.setattr(lean, "_AT_ONCE", most)
        found = list(lean.parts(inputs))
        rows = [int(row[0]) for part in found for row in part["input_ids"]]
        assert sorted(rows) == list(range(7))
        for part in found:
            here = lengths[part["input_ids"][:, 0]]
            wide = part["input_ids"].shape[1]
            assert int(here.max()) <= wide < int(here.max()) + lean.COLUMNS
            assert len(here) * wide <= most or len(here) == 1


@pytest.mark.train
def test_a_step_of_many_tokens_in_parts_is_the_same_step(base, tmp_path, monkeypatch):
    from didact.training import lean

    train(base, tmp_path / "whole", dtype="float32")
    calls, answer_loss = [], lean.answer_loss
    monkeypatch.setattr(lean, "_AT_ONCE", 32)
    monkeypatch.setattr(
        lean, "answer_loss", lambda *given: calls.append(given) or answer_loss(*given)
    )
    train(base, tmp_path / "parts", dtype="float32")
    assert len(calls) > len(losses(tmp_path / "parts"))
    assert losses(tmp_path / "parts") == pytest.approx(losses(tmp_path / "whole"), rel=1e-3)


@pytest.mark.train
def test_bfloat16_is_what_it_says_and_changes_little(base, tmp_path):
    train(base, tmp_path / "full", dtype="float32")
    train(base, tmp_path / "half", dtype="bfloat16")
    full, half = losses(tmp_path / "full"), losses(tmp_path / "half")
    assert full[0] != half[0]
    assert full == pytest.approx(half, rel=0.02)


@pytest.mark.train
def test_a_batch_in_parts_is_the_same_batch(base, tmp_path):
    train(base, tmp_path / "whole", dtype="float32")
    train(base, tmp_path / "parts", dtype="float32", at_once=2)
    assert losses(tmp_path / "parts") == pytest.approx(losses(tmp_path / "whole"), rel=1e-3)


@pytest.mark.train
def test_rows_without_a_target_or_too_long_are_listed_and_counted(base, tmp_path):
    bad = [
        Example.single("Say nothing.", "", origin=ORIGIN),
        Example.single("Say much.", "word " * 300, origin=ORIGIN),
        Example(messages=(Message("user", "Hello?"),), origin=ORIGIN),
    ]
    events = []
    train(
        base,
        tmp_path,
        examples=[*bad, *EXAMPLES],
        epochs=1,
        on_event=lambda event, fields: events.append((event, fields)),
    )
    lines = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [example.id for example in bad]
    assert lines[1]["reason"].startswith("longer than the context: ")
    reasons = dict(events)["rows"]["reasons"]
    assert reasons == {"no answer": 2, "longer than the context": 1}
    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["rows"], state["refused"], state["steps"]) == (8, 3, 2)


@pytest.mark.train
def test_when_nothing_can_be_trained_the_reasons_are_the_error(base, tmp_path):
    with pytest.raises(DidactError, match=r"none of 8 examples .*\(8 longer than the context\)"):
        train(base, tmp_path, max_length=8)


@pytest.mark.train
def test_a_loss_that_explodes_stops_the_training_and_names_step_and_examples(base, tmp_path):
    with pytest.raises(DidactError, match=r"the loss is (nan|inf) at step \d+ of 20") as caught:
        train(base, tmp_path, epochs=10, learning_rate=1e30)
    assert sum(example.id[:12] in str(caught.value) for example in EXAMPLES) == 4
    assert not (tmp_path / "model").exists()
    assert all(math.isfinite(loss) for loss in losses(tmp_path))


@pytest.mark.train
def test_a_directory_without_a_model_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        train(tmp_path, tmp_path / "out")
