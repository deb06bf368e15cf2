"""What is proved before a training, and that each proof fails where it should."""

import random

import pytest

from didact.errors import DidactError
from didact.text.masks import IGNORED, Row
from tiny_llama import save

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(str(save(tmp_path_factory.mktemp("base"))))


@pytest.fixture(scope="module")
def rows():
    draw = random.Random(0)
    made = []
    for length in (6, 9, 17, 30):
        ids = [draw.randrange(2, 300) for _ in range(length)]
        made.append(Row(ids, [IGNORED] * 3 + ids[3:]))
    return made


def outcome(proofs):
    return {proof.name: proof.passed for proof in proofs}


def test_all_hold_for_a_model_as_it_should_be(model, rows):
    from didact.training import proofs

    found = proofs.arithmetic(model, rows, room=64, pack=True)
    found.append(proofs.start(model, rows, room=64, loose=False))
    assert outcome(found) == {"accumulation": True, "packing": True, "start": True}
    proofs.demanded(found)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("kind", ["eager", "sdpa"])
def test_packed_rows_lose_what_they_lose_apart_with_either_attention(model, rows, kind):
    from didact.training import proofs

    model.set_attn_implementation(kind)
    found = proofs.arithmetic(model, rows, room=64, pack=True)
    assert outcome(found)["packing"] is True, found


def test_packing_whose_examples_see_each_other_fails(model, rows, monkeypatch):
    import torch

    from didact.training import proofs

    packed = proofs.packed

    def leaking(rows, **given):
        """One long row: positions go on, and every token sees all before it."""
        found = packed(rows, **given)
        found["position_ids"] = torch.arange(found["input_ids"].shape[1])[None]
        return found

    monkeypatch.setattr(proofs, "packed", leaking)
    found = proofs.arithmetic(model, rows, room=64, pack=True)
    assert outcome(found)["packing"] is False
    with pytest.raises(DidactError, match="proof failed: packing: 4 rows in 1 lose"):
        proofs.demanded(found)


def test_a_loss_that_counts_each_row_anew_fails_accumulation(model, rows, monkeypatch):
    """The bug that was found in public trainers late in 2024: means of means."""
    from didact.training import proofs

    counted = proofs.answer_loss
    monkeypatch.setattr(proofs, "answer_loss", lambda model, part, _: counted(model, part, None))
    assert outcome(proofs.arithmetic(model, rows, room=64, pack=False)) == {"accumulation": False}


def test_a_new_adapter_changes_nothing_and_one_that_does_is_found(model, rows):
    import torch

    from didact.training import adapters, proofs

    adapted = adapters.attached(model, adapters.AdapterSettings(4), task="CAUSAL_LM")
    assert outcome(proofs.arithmetic(adapted, rows, room=64, pack=False))["adapter"] is True
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.1)
    found = proofs.arithmetic(adapted, rows, room=64, pack=False)
    assert outcome(found)["adapter"] is False
    adapted.unload()


def test_a_start_that_is_not_that_of_the_base_fails(model, rows):
    from didact.training import proofs

    assert proofs.as_the_base(3.0, 3.1, loose=False).passed
    assert not proofs.as_the_base(3.0, 2.0, loose=False).passed
    assert proofs.as_the_base(3.0, 2.0, loose=True).passed
