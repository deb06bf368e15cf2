"""The shipped run files over real data: what comes in goes out or is refused with a reason."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from didact import pipeline
from didact.records import Example
from didact.runfile import load
from didact.store import Run

RUNS = Path(__file__).parents[2] / "runs"
ROWS = 400
"""Of each file, so that the tests stay short."""


def start(source: Path, target: Path, rows: int = ROWS) -> int:
    """The first rows of a gzipped file; how many there are."""
    with gzip.open(source, "rt", encoding="utf-8") as file:
        lines = [line for line, _ in zip(file, range(rows), strict=False)]
    target.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def generated(
    name: str, folder: Path, *overrides: str
) -> tuple[list[Example], dict[str, dict], dict]:
    """Examples, statistics by entry and the stage of a run file whose data lies beside it."""
    file = folder / f"{name}.yaml"
    shutil.copy(RUNS / file.name, file)
    config = load(file, overrides)
    pipeline.generate(config, folder / "run")
    run = Run.open(folder / "run")
    statistics = folder / "run/generate/statistics.json"
    told = json.loads(statistics.read_text()) if statistics.is_file() else {}
    stage = run.stage("generate")
    assert stage is not None
    assert stage["read"] == stage["kept"] + sum(stage["dropped"].values())
    # The run opens again from its own run.yaml, and nothing has to be made anew.
    assert pipeline.generate(load(folder / "run/run.yaml"), folder / "run").skipped
    return run.examples(), told, stage


def tables(data: Path, folder: Path, *names: str) -> dict[str, int]:
    cot = data / "flan/cot_data"
    return {n: start(cot / f"{n}_train.tsv.gz", folder / f"{n}.tsv") for n in names}


@pytest.mark.parametrize("arm", ["instruction", "name", "none"])
def test_flan(data: Path, tmp_path: Path, arm: str) -> None:
    sizes = tables(data, tmp_path, "strategyqa", "gsm8k")
    sizes["boolean"] = start(data / "bbh/boolean_expressions.jsonl.gz", tmp_path / "boolean.jsonl")
    examples, told, stage = generated("flan", tmp_path, f"generate.flan.arm={arm}")
    sets = told["flan"]["sets"]
    assert {name: one["rows"] for name, one in sets.items()} == sizes
    for one in sets.values():
        assert one["rows"] == one["examples"] + sum(one["refused"].values())
        assert set(one["refused"]) <= {"exact duplicate"}
    assert len(examples) == stage["kept"] == sum(one["examples"] for one in sets.values())
    shots = sum(bool(example.meta["shots"]) for example in examples) / len(examples)
    assert 0.4 < shots < 0.6


def test_flan_with_chain_of_thought(data: Path, tmp_path: Path) -> None:
    sizes = tables(data, tmp_path, "gsm8k", "strategyqa", "creak", "aqua")
    examples, told, stage = generated("flan-cot", tmp_path)
    for part, one in told.items():
        if part.startswith("chain"):
            assert one["rows"] == ROWS
            assert one["rows"] == one["examples"] + sum(one["refused"].values())
            assert one["turned"] == pytest.approx(0.3 * one["examples"], rel=0.3)
    fractions = {entry["use"]: entry["fraction"] for entry in stage["entries"]}
    assert list(fractions) == ["flan", *(f"chain-of-thought{n}" for n in ("", "-2", "-3"))]
    assert fractions["flan"] == pytest.approx(0.95, abs=0.01)
    reasoned = [e for e in examples if e.origin.recipe == "chain-of-thought"]
    assert len(reasoned) / len(examples) == pytest.approx(0.05, abs=0.01)
    assert sum(sizes.values()) == 4 * ROWS


def test_promptsource(data: Path, tmp_path: Path) -> None:
    with gzip.open(data / "promptsource/templates.jsonl.gz") as file:
        rows = map(json.loads, file)
        text = next(r["yaml"] for r in rows if r["path"] == "glue/sst2/templates.yaml")
    (tmp_path / "templates.yaml").write_text(text)
    # Rows of the data set those templates are for, as another collection has them.
    with gzip.open(data / "superni/train_tasks.jsonl.gz") as file:
        line = next(line for line in file if b'"task363_sst2_polarity_classification"' in line)
    labels = {"NEG": 0, "POS": 1}
    found = [
        {"sentence": one["input"], "label": labels[one["output"][0]]}
        for one in json.loads(line)["Instances"]
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    examples, told, stage = generated("promptsource", tmp_path)
    templates = told["promptsource"]["templates"]
    assert told["promptsource"]["templates_refused"] == {}
    assert len(templates) == text.count("!Template\n")
    for one in templates.values():
        assert one["rows"] == len(found) == one["examples"] + sum(one["refused"].values())
        assert one["refused"] == {}
    assert len(examples) == stage["kept"] == len(found) * len(templates)
    assert all(example.output in example.meta["options"] for example in examples)


def test_superni(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    count = instances = 0
    with gzip.open(data / "superni/train_tasks.jsonl.gz") as file:
        for line, _ in zip(file, range(25), strict=False):
            task = json.loads(line)
            text = json.dumps(task, indent=4)
            (tmp_path / f"tasks/{task['Task']}.json").write_text(text)
            count += 1
            instances += len(task["Instances"])
    split = data / "superni/splits/default_train_tasks.txt"
    shutil.copy(split, tmp_path / "train_tasks.txt")
    examples, _, stage = generated("superni", tmp_path)
    assert len({example.meta["task"] for example in examples}) == count == 25
    dropped = sum(stage["dropped"].values())
    assert instances - dropped == len(examples)
    assert set(stage["dropped"]) <= {"exact duplicate"}
