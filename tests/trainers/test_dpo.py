"""Direct preference optimisation of a tiny random model."""

import dataclasses
import json
import math

import pytest

from didact.context import Context
from didact.errors import ConfigError, DidactError
from didact.records import Message
from didact.text.masks import IGNORED, Row
from didact.trainers.dpo import DPO
from didact.training.pairs import Pair, only_what_differs
from tiny_llama import EXAMPLES as PLAIN
from tiny_llama import STOP, save

EXAMPLES = [dataclasses.replace(one, meta={"rejected": ["I do not know."]}) for one in PLAIN]


@pytest.mark.parametrize(
    "settings",
    [{"epochs": 0}, {"beta": 0.0}, {"learning_rate": 0.0}, {"lora": -1}, {"warmup": 1.0}],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        DPO(**settings)


def test_answers_that_both_share_are_not_scored():
    better = Row([1, 5, 6, 2, 7, 8], [IGNORED, 5, 6, IGNORED, 7, 8])
    worse = Row([1, 5, 6, 2, 9], [IGNORED, 5, 6, IGNORED, 9])
    chosen, rejected = only_what_differs(Pair(better, worse))
    assert chosen.labels == [IGNORED] * 4 + [7, 8]
    assert rejected.labels == [IGNORED] * 4 + [9]
    other = Row([3, 5, 6, 2, 9], worse.labels)
    assert only_what_differs(Pair(better, other)) == Pair(better, other)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def train(base, out, *, examples=EXAMPLES, on_event=None, **settings):
    settings = {
        "epochs": 2, "batch": 4, "learning_rate": 1e-3, "warmup": 0.0, "dtype": "float32",
        **settings,
    }  # fmt: skip
    context = Context({}, seed=1, on_event=on_event)
    return DPO(**settings).train(context, examples, base, out)


def curve(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.train
@pytest.mark.parametrize("per_token", [False, True])
def test_the_loss_starts_at_ln_2_and_margins_grow(base, tmp_path, per_token):
    """methods.md 11.6: policy == reference gives ln 2 and no margin."""
    train(base, tmp_path, per_token=per_token)
    rows = curve(tmp_path)
    assert rows[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert rows[0]["margin"] == pytest.approx(0, abs=1e-4)
    assert rows[1]["margin"] < rows[-1]["margin"]
    assert rows[-1]["accuracy"] == 1
    assert rows[-1]["loss"] < rows[1]["loss"] < rows[0]["loss"]


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT reads it
def test_lora_starts_at_ln_2_and_its_merged_model_is_saved(base, tmp_path):
    """methods.md 15.5: B is zero at the start, so that step 0 is the base model."""
    from transformers import AutoModelForCausalLM

    model = train(base, tmp_path, lora=4, learning_rate=1e-2)
    rows = curve(tmp_path)
    assert rows[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert rows[-1]["margin"] > 0.01
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    assert AutoModelForCausalLM.from_pretrained(str(model)).config.hidden_size == 64


@pytest.mark.train
def test_steps_in_parts_are_the_same_steps(base, tmp_path):
    train(base, tmp_path / "whole")
    train(base, tmp_path / "parts", tokens_at_once=1)
    for whole, parts in zip(curve(tmp_path / "whole"), curve(tmp_path / "parts"), strict=True):
        assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-4)
        assert parts["margin"] == pytest.approx(whole["margin"], abs=1e-3)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of TRL, about its own settings
@pytest.mark.parametrize(("per_token", "kind"), [(False, "sigmoid"), (True, "sigmoid_norm")])
def test_the_loss_is_that_of_trl(base, tmp_path, per_token, kind):
    """Of a model that has left its reference, on pairs of different lengths."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    ours = train(
        base, tmp_path, epochs=3, batch=8, per_token=per_token, beta=0.5, schedule="constant"
    )
    tokenizer = AutoTokenizer.from_pretrained(str(ours))
    rows = [
        {
            "prompt": [message.to_json() for message in one.prompt],
            "chosen": [{"role": "assistant", "content": one.output}],
            "rejected": [{"role": "assistant", "content": "I do not know."}],
        }
        for one in EXAMPLES
    ]
    arguments = DPOConfig(
        output_dir=str(tmp_path / "trl"), beta=0.5, loss_type=[kind], max_length=None,
        per_device_train_batch_size=8, num_train_epochs=3, learning_rate=1e-3,
        lr_scheduler_type="constant", bf16=False, use_cpu=True, report_to="none",
        save_strategy="no", logging_steps=1, disable_tqdm=True, gradient_checkpointing=False,
    )  # fmt: skip
    theirs = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(str(base)),
        args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
    )  # fmt: skip
    theirs.train()
    expected = [row["loss"] for row in theirs.state.log_history if "loss" in row]
    assert [row["loss"] for row in curve(tmp_path)] == pytest.approx(expected, rel=1e-3)


@pytest.mark.train
def test_what_is_scored_is_each_answer_and_its_stop_token(base, tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    from didact.training import preference

    class Seen(Exception):
        pass

    def capture(pairs, *_, **__):
        raise Seen(pairs)

    monkeypatch.setattr(preference, "train", capture)
    with pytest.raises(Seen) as caught:
        train(base, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    decoded = [
        [tokenizer.decode([label for label in row.labels if label != IGNORED]) for row in pair]
        for pair in caught.value.args[0]
    ]
    assert decoded == [[one.output + STOP, "I do not know." + STOP] for one in EXAMPLES]


@pytest.mark.train
def test_what_is_no_pair_is_listed_and_counted(base, tmp_path):
    same = dataclasses.replace(PLAIN[0], meta={"rejected": [PLAIN[0].output, "no " * 300, "No."]})
    open_end = dataclasses.replace(
        EXAMPLES[0], messages=(*EXAMPLES[0].messages, Message("user", "And?"))
    )
    events = []
    train(
        base, tmp_path, examples=[PLAIN[0], same, open_end, *EXAMPLES], epochs=1,
        on_event=lambda event, fields: events.append((event, fields)),
    )  # fmt: skip
    assert dict(events)["rows"]["reasons"] == {
        "no rejected answer": 1,
        "the rejected answer is the chosen one": 1,
        "rejected answer, longer than the context": 1,
        "no answer at the end": 1,
    }
    lines = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [PLAIN[0].id, same.id, same.id, open_end.id]
    assert dict(events)["rows"]["kept"] == 9


@pytest.mark.train
def test_no_pair_at_all_is_the_error(base, tmp_path):
    with pytest.raises(DidactError, match=r"none of 8 .*\(8 no rejected answer\).*meta"):
        train(base, tmp_path, examples=PLAIN)


@pytest.mark.train
def test_other_rejected_answers_are_another_training(base, tmp_path):
    train(base, tmp_path, epochs=1)
    before = curve(tmp_path)
    others = [dataclasses.replace(one, meta={"rejected": ["Something else."]}) for one in PLAIN]
    train(base, tmp_path, epochs=1, examples=others)
    assert [row["tokens"] for row in curve(tmp_path)] != [row["tokens"] for row in before]
