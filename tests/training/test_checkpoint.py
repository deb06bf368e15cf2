"""Checkpoints of a two-weight model: what is put back, and what a failed write leaves."""

import pytest

from didact.errors import StoreError
from didact.training import checkpoint

pytestmark = pytest.mark.train


def training(rate=0.1):
    import torch
    from transformers import TrainerState

    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)
    model.bias.requires_grad = False
    optimizer = torch.optim.AdamW([model.weight], lr=rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    return model, optimizer, scheduler, TrainerState()


def step(model, optimizer, scheduler, state):
    import torch

    optimizer.zero_grad()
    model(torch.rand(3, 2)).square().sum().backward()
    optimizer.step()
    scheduler.step()
    state.global_step += 1


def save(folder, parts):
    names = ("model", "optimizer", "scheduler", "state")
    return checkpoint.save(folder, **dict(zip(names, parts, strict=True)))


def test_a_restored_training_takes_the_same_steps(tmp_path):
    import torch

    parts = training()
    for _ in range(3):
        step(*parts)
    saved = save(tmp_path, parts)
    for _ in range(3):
        step(*parts)

    model, optimizer, scheduler, state = training()
    checkpoint.restore_weights(saved, model)
    checkpoint.restore(saved, optimizer=optimizer, scheduler=scheduler)
    checkpoint.restore_random_state(saved)
    for _ in range(3):
        step(model, optimizer, scheduler, state)
    assert torch.equal(model.weight, parts[0].weight)
    assert optimizer.param_groups[0]["lr"] == parts[1].param_groups[0]["lr"]


def test_only_the_newest_whole_checkpoint_is_kept(tmp_path):
    parts = training()
    for _ in range(11):
        step(*parts)
        save(tmp_path, parts)
    (tmp_path / "checkpoint-00000012.part").mkdir()
    found = checkpoint.newest(tmp_path)
    assert checkpoint.step_of(found) == 11
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-00000011",
        "checkpoint-00000012.part",
    ]


def test_a_full_disk_is_a_clear_error_and_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    from safetensors import SafetensorError

    parts = training()
    step(*parts)
    before = save(tmp_path, parts)
    step(*parts)

    def full(*_):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(StoreError, match="the disk is full"):
        save(tmp_path, parts)
    assert checkpoint.newest(tmp_path) == before


def test_without_checkpoints_there_is_no_newest(tmp_path):
    assert checkpoint.newest(tmp_path / "nothing") is None
