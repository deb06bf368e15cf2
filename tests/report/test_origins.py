"""The report says what came from where."""

from __future__ import annotations

import json
from pathlib import Path

from didact import pipeline
from didact.config import Generation, RunConfig
from didact.filters.parsable import Parsable
from didact.report.build import build
from didact.report.origins import mixture
from didact.report.reading import read
from didact.sources.jsonl import Jsonl


def source(folder: Path, name: str, count: int) -> Jsonl:
    path = folder / f"{name}.jsonl"
    rows = ({"instruction": f"Do {name} {n}.", "output": f"It is {n}."} for n in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Jsonl(path=path)


def made(folder: Path, *entries: Generation) -> Path:
    config = RunConfig(name="mix", generate=entries, filter=(Parsable(),))
    pipeline.run(config, folder / "run")
    return folder / "run"


def test_every_entry_has_a_line_with_what_it_made_and_what_was_taken(tmp_path: Path) -> None:
    human = Generation(use=source(tmp_path, "human", 90))
    rare = Generation(use=source(tmp_path, "rare", 5), share=0.1)
    run = made(tmp_path, human, rare)
    found = mixture(read(run))
    assert found is not None
    assert found.limited_by == "jsonl-2"
    assert [tuple(part) for part in found.parts] == [
        ("jsonl", 90, 45, 0.9, ""),
        ("jsonl-2", 5, 5, 0.1, "share 0.1"),
    ]
    html = build([run], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What came from where" in html
    assert "jsonl-2 ran out first" in html


def test_one_entry_taken_whole_needs_no_table(tmp_path: Path) -> None:
    run = made(tmp_path, Generation(use=source(tmp_path, "all", 9)))
    assert mixture(read(run)) is None
    assert "What came from where" not in build([run], tmp_path / "report.html").read_text()
