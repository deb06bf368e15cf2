"""Exports of a model: loaded without didact they are the model of the run, or they are refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from didact.cli import app
from didact.errors import ConfigError, DidactError
from didact.exports import merged
from didact.exports.export import FAILED, Options
from didact.exports.targets import export
from didact.exports.trained import open_trained

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),  # PEFT reads it
]


def test_the_merged_export_is_a_model_with_template_and_stop_inside(run: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    done = export(run, "merged")
    assert done.path == run / "exports" / "merged"
    assert done.made.parity is not None
    assert done.made.parity.passed
    assert done.made.parity.agreed == done.made.parity.tokens > 0
    assert done.made.parity.largest == 0
    tokenizer = AutoTokenizer.from_pretrained(str(done.path))
    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert "### Instruction:\nHi" in text
    stops = GenerationConfig.from_pretrained(str(done.path)).eos_token_id
    assert tokenizer.eos_token_id in (stops if isinstance(stops, list) else [stops])
    AutoModelForCausalLM.from_pretrained(str(done.path))
    assert not [
        f for f in done.path.rglob("*") if f.is_file() and str(run).encode() in f.read_bytes()
    ]


def test_a_merged_adapter_is_compared_with_the_adapter_on_its_base(lora: Path) -> None:
    done = export(lora, "merged")
    assert done.made.parity is not None
    assert done.made.parity.passed
    assert 0 < done.made.parity.largest < 1e-3


def test_the_adapter_alone_loads_on_its_base_and_brings_template_and_stop(lora: Path) -> None:
    done = export(lora, "adapter")
    assert done.made.parity is not None
    assert done.made.parity.passed
    files = {file.name for file in done.path.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "chat_template.jinja"} <= files
    assert "generation_config.json" in files
    settings = json.loads((done.path / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "base"


def test_there_is_no_adapter_where_all_weights_were_trained(run: Path) -> None:
    with pytest.raises(ConfigError, match=r"all weights were trained.*--to merged"):
        export(run, "adapter")
    assert not (run / "exports" / "adapter").exists()


@pytest.mark.parametrize("damage", ["weights", "template", "stop"])
def test_an_export_that_is_another_model_is_an_error_and_is_marked(
    run: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    def write(trained: object, out: Path, whole=merged.write) -> None:
        whole(trained, out)
        if damage == "weights":
            shuffle(out / "model.safetensors")
        elif damage == "template":
            file = out / "chat_template.jinja"
            file.write_text(file.read_text().replace("### Response:", "### Answer:"))
        else:
            file = out / "generation_config.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token_id": 5}))
            tokenizer = out / "tokenizer_config.json"
            tokenizer.write_text(tokenizer.read_text().replace('"<|end|>"', '"<|pad|>"'))

    monkeypatch.setattr(merged, "write", write)
    told = {
        "weights": "tokens agree",
        "template": "prompts become other tokens",
        "stop": "stop tokens lost",
    }[damage]
    result = CliRunner().invoke(app, ["export", str(run), "--to", "merged"])
    assert isinstance(result.exception, DidactError)
    assert not isinstance(result.exception, ConfigError)
    assert told in str(result.exception)
    out = run / "exports" / "merged"
    assert told in (out / FAILED).read_text()
    assert json.loads((out / "export.json").read_text())["parity"]["passed"] is False
    assert "**FAILED**" in (out / "README.md").read_text()
    monkeypatch.undo()
    assert not (export(run, "merged").path / FAILED).exists()


def shuffle(file: Path) -> None:
    """Turn the rows of the vocabulary round, as a conversion that permutes wrongly does."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(file)
    name = next(name for name in tensors if "embed_tokens" in name)
    tensors[name] = tensors[name].flip(0).contiguous()
    save_file(tensors, file, metadata={"format": "pt"})


def test_another_bar_can_be_set(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(trained: object, out: Path, whole=merged.write) -> None:
        whole(trained, out)
        shuffle(out / "model.safetensors")

    monkeypatch.setattr(merged, "write", write)
    done = export(run, "merged", options=Options(least=0.0))
    assert done.made.parity is not None
    assert done.made.parity.passed
    assert done.made.parity.agreed < done.made.parity.tokens


def test_prompts_are_test_items_first_and_different(run: Path) -> None:
    trained = open_trained(run)
    found = trained.conversations()
    items = {item.prompt for item in trained.run.items()}
    assert len(set(found)) == len(found) == len(items)
    assert set(found) == items


def test_a_folder_that_is_no_export_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(ConfigError, match="is no export; name another folder"):
        export(run, "merged", tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "here"}


def test_a_run_without_a_model_says_what_to_do(run: Path) -> None:
    (run / "train").rename(run.parent / "elsewhere")
    with pytest.raises(ConfigError, match=r"has trained no model yet; didact train .*run\.yaml"):
        export(run, "merged")


def test_the_card_tells_terms_funnel_costs_scores_with_intervals_and_the_way_back(
    run: Path,
) -> None:
    text = (export(run, "merged").path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\nlibrary_name: transformers\n")
    for title in ("This export", "Training data", "Scores", "Costs", "How to repeat it"):
        assert f"\n## {title}\n" in text
    assert "Examples kept | 8 |" in text
    assert re.search(
        r"\| ROUGE-L \| Tuned on this run \| \S+ \[\S+, \S+\] \| \S+ \[.*\] \| 8 \|", text
    )
    assert "no licence is stated" in text
    assert "license: other" in text
    assert "name: tiny" in text
    assert "parity check passed" in text
    assert str(run) not in text


def test_the_command_gives_json_for_programs(run: Path) -> None:
    result = CliRunner().invoke(app, ["export", str(run), "--to", "merged", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["parity"]["passed"] is True
    assert "model.safetensors" in found["files"]


def test_an_unknown_target_names_the_nearest(run: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean merged"):
        export(run, "merge")
