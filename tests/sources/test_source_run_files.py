"""The ready run files of data that people or users made, over the real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from didact.pipeline import filter, generate
from didact.runfile import load

RUNS = Path(__file__).parents[2] / "runs"


@pytest.mark.parametrize(
    ("name", "file", "kept", "dropped"),
    [
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
