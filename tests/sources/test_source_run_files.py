"""The ready run files of data that people or users made, over the real files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from didact.pipeline import filter, generate
from didact.runfile import load

RUNS = Path(__file__).parents[2] / "runs"


@pytest.mark.parametrize(
    ("name", "file", "kept", "dropped"),
    [
        (
            "alpaca-data",
            "alpaca/alpaca_random_9k.jsonl.gz",
            6_935,
            {"alpaca: 'output' is empty": 3},
        ),
        (
            "alpaca-data",
            "alpaca_libre/tasks_v2.jsonl.gz",
            2_226,
            {"alpaca: 'output' is empty": 51, "exact duplicate": 3},
        ),
        ("dolly", "dolly/dolly_15k.jsonl.gz", 11_222, {"exact duplicate": 11}),
        (
            "oasst",
            "oasst/en_100_tree.jsonl.gz",
            98,
            {"oasst: no thread fits": 1, "oasst: synthetic": 5},
        ),
        (
            "sharegpt",
            "sharegpt_style/dummy_conversation.json.gz",
            294,
            {"sharegpt: blocked words": 60, "sharegpt: seen before": 146},
        ),
    ],
)
def test_the_run_file_accounts_for_every_record_of_the_real_file(
    name: str, file: str, kept: int, dropped: dict[str, int], data: Path, tmp_path: Path
) -> None:
    config = load(RUNS / f"{name}.yaml", [f"generate.0.path={data / file}"])
    made = generate(config, tmp_path / "run")
    assert (made.kept, dict(made.dropped)) == (kept, dropped)
    assert made.read == kept + sum(dropped.values())
    judged = filter(config, tmp_path / "run")
    assert judged.read == kept == judged.kept + sum(judged.dropped.values())


def test_malformed_lines_amid_good_ones_are_refused_by_number(data: Path, tmp_path: Path) -> None:
    good = gzip.decompress((data / "alpaca_libre/tasks_v2.jsonl.gz").read_bytes()).splitlines()
    bad = (data / "alpaca_libre/tasks_v2_malformed_lines.txt").read_bytes().splitlines()
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b"\n".join([*good[:100], *bad, *good[100:200]]))
    config = load(RUNS / "alpaca-data.yaml", [f"generate.0.path={path}"])
    made = generate(config, tmp_path / "run")
    assert made.dropped["alpaca: not JSON"] == len(bad) == 14
    assert made.read == 214 == made.kept + sum(made.dropped.values())
    told = json.loads((tmp_path / "run/generate/statistics.json").read_text())["alpaca"]
    first = told["first"]["not JSON"]
    assert [f"line {number}: " in message for number, message in enumerate(first, 101)] == [
        True
    ] * len(first)
    assert first
