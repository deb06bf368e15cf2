"""Ours beside a loop written by hand: the same data and seed give the same losses and weights."""

import json

import pytest

from didact.context import Context
from didact.text.chat import ALPACA_TEMPLATE
from didact.text.loss_masks import MASKS
from didact.trainers.sft import SFT
from didact.training.batches import order
from didact.training.rows import rows_of
from tiny_llama import EXAMPLES, save

pytestmark = pytest.mark.train

STEPS, BATCH, RATE = 20, 4, 1e-2


def by_hand(base):
    """AdamW, a cosine after a warmup, gradients clipped at 1; row by row, without padding."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, get_cosine_schedule_with_warmup

    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.chat_template = ALPACA_TEMPLATE
    rows = rows_of(EXAMPLES, tokenizer, mask=MASKS["answers"], limit=None).rows
    lengths = [len(row.ids) for row in rows]
    plan = order(lengths, batch=BATCH, epochs=10, rng=Context({}, seed=3).rng("order"))
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, 2, STEPS)
    losses = []
    for step in range(STEPS):
        chosen = [rows[place] for place in plan[step * BATCH : (step + 1) * BATCH]]
        count = sum(label != -100 for row in chosen for label in row.labels[1:])
        total = 0.0
        for row in chosen:
            logits = model(torch.tensor([row.ids])).logits[0, :-1]
            targets = torch.tensor(row.labels[1:])
            loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum") / count
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(total)
    return losses, model


def test_every_step_loses_what_a_plain_loop_loses(tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    base = save(tmp_path / "base")
    model = SFT(epochs=10, batch=BATCH, learning_rate=RATE, warmup=0.1, dtype="float32").train(
        Context({}, seed=3), EXAMPLES, base, tmp_path / "out"
    )
    lines = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    expected, reference = by_hand(base)
    assert [json.loads(line)["loss"] for line in lines] == pytest.approx(expected, abs=1e-3)
    assert expected[-1] < expected[0] / 2
    tuned = AutoModelForCausalLM.from_pretrained(str(model), dtype=torch.float32)
    for ours, theirs in zip(tuned.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3)
