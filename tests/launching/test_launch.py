"""Training by several processes: the configurations, and that two make what one makes."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from didact.context import Context
from didact.errors import ConfigError, DidactError
from didact.launching import job, worker
from didact.launching import launch as launching
from didact.launching.job import launched, trainer_of
from didact.launching.launch import Launch, configuration
from didact.runfile import load
from didact.text.masks import Row
from didact.trainers.sft import SFT
from didact.training import checkpoint
from didact.training.packing import NOTHING
from didact.training.planning import Plan, plan_of
from didact.training.rows import Rows
from didact.training.whole import in_one_piece
from tiny_llama import EXAMPLES, save

WAYS = ("ddp", "fsdp", "zero3")


@pytest.mark.parametrize("use", WAYS)
def test_the_ready_configuration_is_one_that_accelerate_reads(use: Any, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    from accelerate.commands.config.config_args import load_config_from_file

    found = configuration(Launch(use=use), processes=8, port=29500)
    file = tmp_path / "accelerate.yaml"
    file.write_text(yaml.safe_dump(found))
    read = load_config_from_file(str(file))
    assert read.num_processes == 8
    assert str(read.distributed_type).endswith({"zero3": "DEEPSPEED", "fsdp": "FSDP"}.get(
        use, "MULTI_GPU"
    ))  # fmt: skip


def test_weights_are_split_by_fsdp_2_and_by_zero_3() -> None:
    fsdp = configuration(Launch(use="fsdp", offload=True), processes=2, port=1)["fsdp_config"]
    assert fsdp["fsdp_version"] == 2
    assert fsdp["fsdp_reshard_after_forward"] is True
    assert fsdp["fsdp_offload_params"] is True
    zero = configuration(Launch(use="zero3"), processes=2, port=1)["deepspeed_config"]
    assert zero["zero_stage"] == 3
    assert zero["offload_param_device"] == "none"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"processes": 0}, "processes must be at least 1"),
        ({"machines": 0}, "machines must be at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, int], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Launch(use="ddp", **settings)  # pyright: ignore[reportArgumentType]


def run_file(folder: Path, launch: str) -> Path:
    file = folder / "run.yaml"
    file.write_text(
        f"generate: [{{use: microworld, count: 2}}]\ntrain: {{use: sft, launch: {launch}}}\n"
    )
    return file


@pytest.mark.parametrize(
    ("text", "launch"),
    [
        ("fsdp", Launch(use="fsdp")),
        ("{use: ddp, processes: 4}", Launch(use="ddp", processes=4)),
    ],
)
def test_a_run_file_names_it_in_a_word_or_with_settings_and_keeps_it(
    tmp_path: Path, text: str, launch: Launch
) -> None:
    config = load(run_file(tmp_path, text))
    assert config.train is not None
    assert config.train.launch == launch
    again = tmp_path / "again.yaml"
    again.write_text(config.to_yaml(tmp_path))
    train = load(again).train
    assert train is not None
    assert train.launch == launch


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dpd", r"train\.launch.use.*'ddp', 'fsdp' or 'zero3'"),
        ("[2]", r"train\.launch: ddp, fsdp or zero3, or settings"),
        ("{use: ddp, process: 2}", r"train\.launch\.process: unknown setting; did you mean"),
    ],
)
def test_what_is_wrong_with_it_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(run_file(tmp_path, text))


def test_without_a_gpu_the_number_of_processes_must_be_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("accelerate")
    monkeypatch.setattr(launching, "_gpus", lambda: 0)
    with pytest.raises(ConfigError, match=r"no GPU here.*processes: 2"):
        launching.processes_of(Launch(use="ddp"))
    monkeypatch.setattr(launching, "_gpus", lambda: 2)
    assert launching.processes_of(Launch(use="ddp")) == 2
    with pytest.raises(ConfigError, match="4 processes on this machine, which has 2 GPUs"):
        launching.processes_of(Launch(use="ddp", processes=4))


@pytest.mark.parametrize("use", ["fsdp", "zero3"])
def test_without_a_gpu_nothing_can_be_split(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate")
    monkeypatch.setattr(launching, "_gpus", lambda: 0)
    monkeypatch.setattr(launching, "find_spec", lambda name: object())
    with pytest.raises(ConfigError, match=f"{use} splits a model over GPUs, and none is here"):
        launching.processes_of(Launch(use=use, processes=2))


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("lora", [False, True])
def test_a_model_that_was_split_is_saved_in_one_piece(base: Path, lora: bool) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(base))
    if lora:
        model = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5)
    accelerator = SimpleNamespace(
        distributed_type="DistributedType.FSDP",
        get_state_dict=lambda wrapped: wrapped.state_dict(),
        is_main_process=True,
    )
    trainer = SimpleNamespace(accelerator=accelerator, model=model, model_wrapped=model)
    found = in_one_piece(trainer)
    assert found is not model
    ids = torch.arange(2, 12)[None]
    assert torch.equal(found.eval()(ids).logits, model.eval()(ids).logits)
    accelerator.distributed_type = "DistributedType.MULTI_CPU"
    assert in_one_piece(trainer) is model


def test_zero_3_without_deepspeed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("accelerate")
    real = launching.find_spec
    monkeypatch.setattr(
        launching, "find_spec", lambda name: None if name == "deepspeed" else real(name)
    )
    with pytest.raises(ConfigError, match="zero3 needs deepspeed: pip install deepspeed"):
        launching.processes_of(Launch(use="zero3", processes=2))


def test_a_launcher_that_starts_too_few_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    (tmp_path / "job.json").write_text(json.dumps({"processes": 2}))
    with pytest.raises(SystemExit):
        worker.main(tmp_path)
    told = json.loads((tmp_path / "error.json").read_text())
    assert told["message"].endswith("2 processes were to train together, and 1 were started")


@pytest.mark.train
def test_a_training_whose_steps_are_not_shared_out_is_refused() -> None:
    from didact.trainers.dpo import DPO

    launch = Launch(use="ddp", processes=2)
    assert job.check(launch, SFT()) == 2
    with pytest.raises(ConfigError, match="dpo trains in one process; only sft in several"):
        job.check(launch, DPO())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return save(tmp_path_factory.mktemp("base"))


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.parametrize("begun", [False, True])
def test_two_processes_make_the_model_that_one_makes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """Seven rows in steps of three: no step's rows can be shared evenly, the last is short.

    From the start, or from the checkpoint of a training that was stopped at its second step.
    """
    from safetensors.torch import load_file

    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    trainer = SFT(
        epochs=1.4,
        batch=3,
        learning_rate=1e-2,
        warmup=0.0,
        schedule="constant",
        dtype="float32",
        save_seconds=0 if begun else 60,
    )
    assert trainer_of({"use": "sft", "settings": {"batch": 3}}) == SFT(batch=3)
    events: list[str] = []

    def heard(event: str, fields: object) -> None:
        events.append(event)

    def stop(event: str, fields: Any) -> None:
        if event == "train" and fields["step"] == 3:
            raise KeyboardInterrupt

    one, two = tmp_path / "one", tmp_path / "two"
    for out in (one, two):
        out.mkdir()
    context = Context({}, seed=1, stage="train")
    alone = trainer.train(context, EXAMPLES[:7], base, one)
    told = Context({}, seed=1, stage="train", on_event=heard)
    if begun:
        stopping = Context({}, seed=1, stage="train", on_event=stop)
        with pytest.raises(KeyboardInterrupt):
            trainer.train(stopping, EXAMPLES[:7], base, two)
        assert len(losses(two)) == 3
        assert checkpoint.newest(two / "checkpoints") is not None
    together = launched(Launch(use="ddp", processes=2), trainer, told, EXAMPLES[:7], base, two)
    assert together == two / "model"
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    assert len(losses(two)) == 4
    ours, theirs = (load_file(model / "model.safetensors") for model in (together, alone))
    for name, weight in theirs.items():
        assert float((ours[name] - weight).abs().max()) < 1e-3, name
    assert {"launch", "rows", "train", "trained"} <= set(events)
    assert sorted(os.listdir(two)) == sorted(os.listdir(one))


def ended(folder: Path, program: str, events: list[str]) -> str:
    context = Context({}, stage="train", on_event=lambda event, fields: events.append(event))
    return job._run([sys.executable, "-c", program], folder, context)


def test_what_fails_in_a_process_is_told_here_in_the_same_words(tmp_path: Path) -> None:
    told = {"kind": "ConfigError", "message": "batch must be more than 0"}
    (tmp_path / "error.json").write_text(json.dumps(told))
    with pytest.raises(ConfigError, match="batch must be more than 0"):
        ended(tmp_path, "raise SystemExit(1)", [])


def test_processes_that_die_without_a_word_leave_their_log(tmp_path: Path) -> None:
    with pytest.raises(DidactError, match=r"ended with code 1: MemoryError: much; see .*log\.txt"):
        ended(tmp_path, "raise MemoryError('much')", [])


def test_what_a_machine_says_of_itself_comes_before_what_its_launcher_says(tmp_path: Path) -> None:
    launcher = "raise RuntimeError('ChildFailedError: worker 0')"
    with pytest.raises(DidactError, match=r"RuntimeError: ChildFailedError.*see .*log\.txt"):
        ended(tmp_path, launcher, [])
    (tmp_path / "log-0.txt").write_text("MemoryError: much\nmore\n")
    with pytest.raises(DidactError, match=r"MemoryError: much; see .*log-0\.txt"):
        ended(tmp_path, launcher, [])
    with pytest.raises(DidactError, match=r"^no Ray at auto$"):
        ended(tmp_path, "raise SystemExit('DidactError: no Ray at auto')", [])


def test_that_machines_are_waited_for_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "model.txt").write_text("model")
    program = """print('didact-event {"event": "waiting", "message": "for machines"}')"""
    assert ended(tmp_path, program, []) == "model"
    assert caplog.messages == ["train: waiting for machines"]


def test_what_the_first_process_tells_is_heard_and_the_rest_is_not(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("model")
    events: list[str] = []
    program = """print('noise'); print('didact-event {"event": "train", "step": 1}')"""
    assert ended(tmp_path, program, events) == "model"
    assert events == ["train"]


def test_a_process_that_is_not_the_first_sees_its_checkpoints_and_leaves_them(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    (out / "checkpoints" / "checkpoint-00000002").mkdir(parents=True)
    (out / "state.json").write_text("{}")
    own = worker._aside(out, tmp_path / "rank-1")
    assert checkpoint.newest(own / "checkpoints") == own / "checkpoints" / "checkpoint-00000002"
    assert (own / "state.json").read_text() == "{}"
    shutil.rmtree(own / "checkpoints", ignore_errors=True)
    assert checkpoint.newest(out / "checkpoints") is not None


@pytest.mark.parametrize("rows", [1, 5, 6, 7])
@pytest.mark.parametrize("at_once", [None, 2, 4])
def test_every_process_has_as_many_rows_and_every_row_is_in_its_own_step(
    rows: int, at_once: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Rows(rows=[Row([1] * 4, [1] * 4)] * rows, ids=[str(n) for n in range(rows)])

    def plan(processes: int) -> Plan:
        monkeypatch.setenv("WORLD_SIZE", str(processes))
        rng = random.Random(0)
        return plan_of(
            found, batch=4, at_once=at_once, epochs=2, rng=rng, groups=None, bucketing=True
        )

    alone = plan(1)
    assert alone.laid == alone.rows
    for processes in (2, 3):
        shared = plan(processes)
        width = shared.at_once * processes
        assert len(shared.laid) % width == 0
        assert [place for place in shared.laid if place != NOTHING] == alone.rows
        steps = [
            shared.laid[start : start + width * shared.parts]
            for start in range(0, len(shared.laid), width * shared.parts)
        ]
        for number, step in enumerate(steps):
            own = alone.rows[number * alone.batch : (number + 1) * alone.batch]
            assert [place for place in step if place != NOTHING] == own
