"""How far a stage is, for whoever looks on from outside."""

from __future__ import annotations

import json
from dataclasses import dataclass

from didact import live, pipeline
from didact.config import Generation, RunConfig
from didact.live import Live, State, read
from didact.records import Example, Origin


def watching(path, dropped=None, failed=0):
    return Live(path, "generate", lambda: dropped or {}, lambda: failed)


def test_calls_money_tokens_and_reasons_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "_EVERY", 0.0)
    watch = watching(tmp_path, {"length: too long": 3}, failed=2)
    told = {"stage": "generate/alpaca"}
    watch("call", {**told, "made": True, "tokens": 40, "usd": 0.5})
    watch("call", {**told, "made": False})
    watch("dropped", {**told, "reason": "too similar"})
    watch("pool", {**told, "kept": 5, "target": 20})
    watch("progress", {"stage": "generate", "done": 9, "total": None, "kept": 9})
    state = read(tmp_path)
    assert (state.made, state.replayed, state.failed, state.tokens) == (1, 1, 2, 40)
    assert (state.done, state.total, state.kept, state.part) == (5, 20, 5, "alpaca")
    assert state.dropped == {"alpaca: too similar": 1, "length: too long": 3}
    assert state.usd == 0.5
    watch("stage", {"stage": "generate", "state": "done"})
    assert read(tmp_path) is None


def test_the_time_left_is_told_once_something_is_done():
    state = State(stage="filter", started=100.0, now=110.0, done=25, total=100, tokens=500)
    assert state.left == 30
    assert state.rate == 50
    assert State(stage="filter").left is None
    assert State(stage="train", done=5, total=None, started=1, now=2).left is None


def test_a_file_that_is_none_is_nothing(tmp_path):
    for text in ("", "{", "[]", json.dumps({"stage": "x", "dropped": 3}), '{"what": 1}'):
        (tmp_path / "live.json").write_text(text)
        assert read(tmp_path) is None


def test_a_run_tells_while_it_goes_on_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "_EVERY", 0.0)
    seen = []

    @dataclass(frozen=True)
    class Endless:
        def read(self):
            for number in range(5):
                yield Example.single(f"Do {number}.", "x", origin=Origin(recipe="test"))
                seen.append(read(tmp_path / "run"))

    config = RunConfig(name="x", generate=(Generation(use=Endless()),))
    pipeline.generate(config, tmp_path / "run")
    assert [state.stage for state in seen if state] == ["generate"] * 5
    assert not (tmp_path / "run" / "live.json").exists()


def test_a_disk_that_refuses_ends_no_run(tmp_path):
    watch = watching(tmp_path / "gone")
    watch("progress", {"stage": "generate", "done": 1})
    watch.end()
