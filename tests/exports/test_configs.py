"""Configs for other trainers: read by their own parsers, and training the same tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from didact.errors import ConfigError
from didact.exports.loading import tokenizer_of
from didact.exports.targets import export
from didact.exports.trained import open_trained
from didact.records import Message
from didact.text.masks import IGNORED, Row, masked_row

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:.(is_)?gradient_checkpointing. is:FutureWarning"),
]


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def config(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def proved(run: Path) -> list[Row]:
    """The rows that the run trained."""
    trained = open_trained(run)
    tokenizer = tokenizer_of(trained.model)
    rows = [masked_row(e.messages, tokenizer, max_length=None) for e in trained.examples()]
    assert all(isinstance(row, Row) for row in rows)
    return [row for row in rows if isinstance(row, Row)]


def trained_tokens(row: Row) -> list[int]:
    return [label for label in row.labels if label != IGNORED]


def test_trl_reads_its_config_and_trains_the_same_tokens(
    lora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import disable_progress_bars, load_dataset
    from trl import (
        DatasetMixtureConfig,
        ModelConfig,
        ScriptArguments,
        SFTConfig,
        SFTTrainer,
        TrlParser,
        get_peft_config,
    )  # fmt: skip

    done = export(lora, "trl")
    monkeypatch.chdir(done.path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(lora.parent / "cache"))
    disable_progress_bars()
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig))
    script, arguments, model, _ = parser.parse_args_and_config(["--config", "config.yaml"])
    assert (script.dataset_name, model.model_name_or_path) == ("./data", "./base")
    assert (arguments.num_train_epochs, arguments.learning_rate) == (2, 1e-2)
    adapter = get_peft_config(model)
    assert (adapter.r, adapter.lora_alpha) == (4, 8)
    trainer = SFTTrainer(
        model=model.model_name_or_path,
        args=arguments,
        train_dataset=load_dataset(script.dataset_name, split="train", cache_dir=str(lora.parent)),
        peft_config=adapter,
    )
    theirs = [
        (row["input_ids"], [label for label in row["labels"] if label != IGNORED])
        for row in trainer.train_dataset
    ]
    assert theirs == [(row.ids, trained_tokens(row)) for row in proved(lora)]


def test_axolotl_is_given_segments_whose_tokens_are_those_trained(lora: Path) -> None:
    done = export(lora, "axolotl")
    tokenizer = tokenizer_of(done.path / "base")
    found = config(done.path / "config.yml")
    rows: list[tuple[list[int], list[int]]] = []
    for row in lines(done.path / "train.jsonl"):
        ids: list[int] = []
        trained: list[int] = []
        for segment in row["segments"]:
            part = tokenizer(segment["text"], add_special_tokens=False)["input_ids"]
            ids += part
            trained += part if segment["label"] else []
        rows.append((ids, trained))
    assert rows == [(row.ids, trained_tokens(row)) for row in proved(lora)]
    assert found["datasets"] == [
        {"path": "./train.jsonl", "ds_type": "json", "type": "input_output"}
    ]
    assert (found["adapter"], found["lora_r"], found["lora_alpha"]) == ("lora", 4, 8)
    assert (done.path / found["chat_template_jinja"]).read_text() == tokenizer.chat_template
    schema = pytest.importorskip(
        "axolotl.utils.schemas.config", reason="axolotl pins another torch: not installed here"
    )
    schema.AxolotlInputConfig(**found)
    assert set(found) <= set(schema.AxolotlInputConfig.model_fields)


def test_llama_factory_is_given_words_that_its_strings_turn_into_the_same_text(run: Path) -> None:
    from didact.exports.ollama import renderer
    from didact.exports.slots import take_apart

    done = export(run, "llama-factory")
    found = config(done.path / "config.yaml")
    info = json.loads((done.path / "dataset_info.json").read_text())
    assert info[found["dataset"]]["file_name"] == "train.jsonl"
    assert found["finetuning_type"] == "full"
    assert "template" not in found, "its own templates are not what was trained"
    render = renderer(tokenizer_of(done.path / "base"))
    slots = take_apart(render)
    assert slots is not None
    rows = lines(done.path / "train.jsonl")
    for row, example in zip(rows, open_trained(run).examples(), strict=True):
        given = [Message(m["role"], m["content"]) for m in row["messages"]]
        assert slots.text(given, False) == render(example.messages, False)
        assert "### Input:" in given[0].content


def test_unsloth_is_given_conversations_and_told_what_it_decides_itself(lora: Path) -> None:
    done = export(lora, "unsloth")
    found = config(done.path / "config.yaml")
    assert found["data"] == {"local_dataset": ["./train.jsonl"], "format_type": "sharegpt"}
    assert found["training"]["train_on_completions"] is True
    assert found["lora"]["lora_r"] == 4
    row = lines(done.path / "train.jsonl")[0]["conversations"]
    assert [turn["from"] for turn in row] == ["human", "gpt"]
    assert any("picks and masks the template itself" in note for note in done.made.notes)


@pytest.mark.parametrize("to", ["trl", "axolotl", "llama-factory", "unsloth"])
def test_a_base_without_a_template_goes_along_with_the_one_of_the_run(run: Path, to: str) -> None:
    done = export(run, to)
    tokenizer = tokenizer_of(done.path / "base")
    assert tokenizer.chat_template == tokenizer_of(run / "train" / "model").chat_template
    weights = (done.path / "base" / "model.safetensors").read_bytes()
    assert weights == (run.parent / "base" / "model.safetensors").read_bytes()
    assert any("base/ is the base with the chat template" in note for note in done.made.notes)
    assert str(run).encode() not in b"".join(
        file.read_bytes() for file in done.path.rglob("*") if file.is_file()
    )


def test_what_has_no_place_in_a_config_is_told(run: Path) -> None:
    file = run / "run.yaml"
    text = file.read_text()
    file.write_text(text.replace("use: sft", "use: sft\n  neftune: 5.0\n  loss_on: last"))
    done = export(run, "axolotl")
    assert "neftune: 5.0 is not carried over" in done.made.notes
    assert not [note for note in done.made.notes if "loss_on" in note]


def test_preferences_have_no_such_config(run: Path) -> None:
    file = run / "run.yaml"
    text = file.read_text().replace("use: sft", "use: dpo")
    file.write_text(text.replace("  warmup: 0.0\n", ""))
    with pytest.raises(ConfigError, match=r"training with dpo has no config.*didact convert"):
        export(run, "trl")
