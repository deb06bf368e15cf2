"""Models that are scored, rewarded and tested with through workers: what one process finds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from didact import pipeline
from didact.models.embedded import Embedded
from didact.models.reward_model import RewardModel
from didact.models.scorer import Scorer
from didact.models.scripted import Scripted
from didact.runfile import load
from didact.scale.asking import Spread, spread
from didact.scale.local import LocalPool
from didact.scale.shards import Shards
from didact.store import Run

HERE = Path(__file__).parent
ROWS = [
    {"instruction": f"Say {word} {count} times.", "output": " ".join([word] * count)}
    for count, word in enumerate(("apple", "pear", "plum", "fig", "date") * 3, 1)
]


def finished(folder: Path, text: str, scale: str, stages: Sequence[Any]) -> tuple[Run, list[int]]:
    """The run, and how many shards workers did in each stage."""
    folder.mkdir()
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (folder / "run.yml").write_text(f"name: scaled\n{scale}\n{text}")
    shards: list[int] = []
    for stage in stages:
        told: list[Any] = []
        stage(
            load(folder / "run.yml"),
            folder / "run",
            on_event=lambda *event, to=told: to.append(event),
        )
        shards.append(sum(event == "shards" for event, _ in told))
    return Run.open(folder / "run"), shards


def both(tmp_path: Path, text: str, *stages: Any) -> tuple[Run, Run, list[int]]:
    here, none = finished(tmp_path / "here", text, "", stages)
    there, shards = finished(
        tmp_path / "there", text, "scale: {use: local, workers: 1, rows: 4}", stages
    )
    assert not any(none)
    return here, there, shards


SCORED = f"""
generate: [{{use: jsonl, path: rows.jsonl}}]
models:
  scorer: {{use: {HERE / "hashing_scorer.py"}, notes: NOTES}}
filter: [{{use: perplexity, at_most: 1.0e+6}}, {{use: ifd, share: 0.5}}]
"""


def test_examples_are_scored_by_workers_to_the_byte(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    here, there, shards = both(
        tmp_path, SCORED.replace("NOTES", str(notes)), pipeline.generate, pipeline.filter
    )
    assert shards[1] >= 2 * len(ROWS) / 4
    for name in ("verdicts", "kept"):
        one, other = (run.path / "filter" / f"{name}.parquet" for run in (here, there))
        assert one.read_bytes() == other.read_bytes()
    kept = len(here.kept())
    assert 0 < kept < len(ROWS)
    # Not by the driver, which alone writes the call log.
    assert len(list(notes.glob("scored-*"))) == 2
    assert sorted(call.key for call in here.calls) == sorted(call.key for call in there.calls)
    here.close()
    there.close()


def test_models_that_run_here_may_run_anywhere_and_look_the_same_to_the_call_log() -> None:
    shards = Shards(LocalPool(1), rows=4, tell=lambda event, fields: None)
    for model in (Scorer(), Embedded()):
        apart = spread(model, shards)
        assert isinstance(apart, Spread)
        assert apart.identity == model.identity
        assert apart.capabilities == model.capabilities
    assert isinstance(spread(RewardModel(path="somewhere"), shards), Spread)
    # It has nothing to compute, and a worker would not have its function.
    scripted = Scripted(replies=lambda request: request.prompt)
    assert spread(scripted, shards) is scripted


TESTED = f"""
models:
  teacher: {{use: {HERE / "counting_model.py"}, notes: NOTES}}
evaluate: {{on: rows.jsonl, models: [teacher], with: [rouge], sampling: {{max_tokens: 12}}}}
"""


def test_test_items_are_answered_by_workers_to_the_byte(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    here, there, [shards] = both(tmp_path, TESTED.replace("NOTES", str(notes)), pipeline.evaluate)
    assert shards >= len(ROWS) / 4
    for name in ("items", "answers", "scores"):
        one, other = (run.path / "evaluate" / f"{name}.parquet" for run in (here, there))
        assert one.read_bytes() == other.read_bytes()
    assert len(list(notes.glob("asked-*"))) == 2
    here.close()
    there.close()


class Noting:
    """Workers that answer nothing but how many were asked together."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.sizes: list[int] = []

    async def run(self, kind: str, shard: str) -> str:
        rows = json.loads(shard)["rows"]
        self.sizes.append(len(rows))
        await asyncio.sleep(0.01)
        return json.dumps({"rows": [{"score": [float(len(rows))]} for _ in rows]})

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("workers", "asked", "sizes"), [(2, 32, [16, 16]), (1, 32, [32]), (4, 20, [8, 8, 4])]
)
def test_what_is_asked_together_is_shared_out_among_workers_at_rest(
    workers: int, asked: int, sizes: list[int]
) -> None:
    pool = Noting(workers)
    shards = Shards(pool, rows=64, tell=lambda event, fields: None)

    async def every() -> None:
        model = Spread(Embedded(), {}, shards)
        await asyncio.gather(*(model.score("a", str(number)) for number in range(asked)))

    asyncio.run(every())
    assert pool.sizes == sizes
