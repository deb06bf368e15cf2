"""Entries of `generate` mixed by cap, weight and share; the report says what came from where."""

import json
from functools import partial
from pathlib import Path

import pytest

from didact import pipeline
from didact.config import Generation, RunConfig
from didact.errors import ConfigError
from didact.runfile import load
from didact.sources.jsonl import Jsonl
from didact.spool import Spool
from didact.stats.mixing import Sample
from didact.store import Run


def write(folder, name, count):
    path = folder / f"{name}.jsonl"
    rows = ({"instruction": f"Do {name} {n}.", "output": f"{name} {n}"} for n in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def mixed(folder, *entries, where="run"):
    config = RunConfig(name="mix", seed=5, generate=entries)
    summary = pipeline.generate(config, folder / where)
    run = Run.open(folder / where)
    return [example.output for example in run.examples()], run.stage("generate"), summary


def outputs_of(name, outputs):
    return [output for output in outputs if output.startswith(name)]


def test_what_came_from_where_is_told_and_adds_up(tmp_path: Path) -> None:
    human = Jsonl(path=write(tmp_path, "human", 60))
    cot = Jsonl(path=write(tmp_path, "cot", 50))
    outputs, stage, summary = mixed(
        tmp_path, Generation(use=human), Generation(use=cot, share=0.25)
    )
    assert len(outputs_of("human", outputs)) == 60
    assert len(outputs_of("cot", outputs)) == 20
    assert stage["limited_by"] is None or stage["limited_by"] == "jsonl"
    rows = [(e["use"], e["made"], e["examples"], e["fraction"]) for e in stage["entries"]]
    assert rows == [("jsonl", 60, 60, 0.75), ("jsonl-2", 50, 20, 0.25)]
    assert summary.read == 110
    assert summary.kept == 80
    assert summary.dropped == {"over its part of the mixture": 30}
    assert summary.read == summary.kept + sum(summary.dropped.values())


def test_the_weights_of_the_2022_collection_hold(tmp_path: Path) -> None:
    """methods.md 8.1."""
    weights = {"flan": 0.40, "t0": 0.32, "niv": 0.20, "cot": 0.05, "dialog": 0.03}
    entries = [
        Generation(use=Jsonl(path=write(tmp_path, name, 1000)), weight=weight)
        for name, weight in weights.items()
    ]
    outputs, stage, _ = mixed(tmp_path, *entries)
    assert len(outputs) == 2500
    for name, weight in weights.items():
        assert len(outputs_of(name, outputs)) == 2500 * weight
    assert stage["limited_by"] == "jsonl"


def test_a_capped_source_is_sampled_by_content_and_its_neighbours_do_not_matter(
    tmp_path: Path,
) -> None:
    one = Generation(use=Jsonl(path=write(tmp_path, "one", 100)), cap=10)
    alone, _, summary = mixed(tmp_path, one)
    assert len(alone) == 10
    assert alone != [f"one {n}" for n in range(10)]
    assert alone == sorted(alone, key=lambda text: int(text.split()[1]))
    assert summary.dropped == {"over the cap": 90}
    two = Generation(use=Jsonl(path=write(tmp_path, "two", 30)))
    beside, stage, _ = mixed(tmp_path, two, one, where="beside")
    assert outputs_of("one", beside) == alone
    assert [entry["cap"] for entry in stage["entries"]] == [None, 10]


@pytest.mark.parametrize("cap", [1, 7, 60, 100, 300])
def test_a_sample_is_the_same_however_few_are_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cap: int
) -> None:
    one = Jsonl(path=write(tmp_path, "one", 200))
    held: Sample[str] = Sample(cap, seed=5)
    for example in one.read():
        held.offer(example.output, example.id)
    monkeypatch.setattr("didact.mixture._FEW", 3)
    monkeypatch.setattr("didact.mixture.Spool", partial(Spool, most=4))
    outputs, stage, summary = mixed(tmp_path, Generation(use=one, cap=cap))
    assert outputs == held.items()
    assert summary.kept == stage["entries"][0]["examples"] == min(cap, 200)
    weighed = [Generation(use=one, weight=1.0, cap=cap),
               Generation(use=Jsonl(path=write(tmp_path, "two", 50)), weight=1.0)]  # fmt: skip
    beside, *_ = mixed(tmp_path, *weighed, where="beside")
    fewer: Sample[str] = Sample(min(cap, 50), seed=5)
    for example in one.read():
        fewer.offer(example.output, example.id)
    assert outputs_of("one", beside) == fewer.items()
    assert sorted(p.name for p in (tmp_path / "beside" / "generate").iterdir()) == [
        "examples.parquet", "seeds.parquet", "stage.json",
    ]  # fmt: skip


def test_more_of_a_part_keeps_what_was_taken_before(tmp_path: Path) -> None:
    part = Jsonl(path=write(tmp_path, "part", 50))
    rest = Jsonl(path=write(tmp_path, "rest", 90))
    entry = Generation(use=rest)
    small, _, _ = mixed(tmp_path, entry, Generation(use=part, share=0.1), where="a")
    large, _, _ = mixed(tmp_path, entry, Generation(use=part, share=0.25), where="b")
    assert len(outputs_of("part", small)) == 10
    assert len(outputs_of("part", large)) == 30
    assert set(outputs_of("part", small)) < set(outputs_of("part", large))


def test_a_content_in_two_entries_is_the_first_ones(tmp_path: Path) -> None:
    same = Jsonl(path=write(tmp_path, "same", 9))
    outputs, stage, summary = mixed(tmp_path, Generation(use=same), Generation(use=same))
    assert len(outputs) == 9
    assert summary.dropped == {"exact duplicate": 9}
    assert [entry["examples"] for entry in stage["entries"]] == [9, 0]


def test_changing_a_share_makes_the_stage_anew(tmp_path: Path) -> None:
    part = Jsonl(path=write(tmp_path, "part", 50))
    rest = Generation(use=Jsonl(path=write(tmp_path, "rest", 90)))
    mixed(tmp_path, rest, Generation(use=part, share=0.1))
    assert mixed(tmp_path, rest, Generation(use=part, share=0.1))[2].skipped
    assert not mixed(tmp_path, rest, Generation(use=part, share=0.2))[2].skipped


def loaded(folder, text):
    (folder / "run.yaml").write_text(text)
    return load(folder / "run.yaml")


def test_a_run_file_names_weight_and_share_and_reopens_with_them(tmp_path: Path) -> None:
    write(tmp_path, "a", 3)
    text = (
        "generate:\n  - {use: jsonl, path: a.jsonl, weight: 2}\n"
        "  - {use: jsonl, path: a.jsonl, share: 0.1, cap: 4}\n"
    )
    config = loaded(tmp_path, text)
    parts = [(entry.weight, entry.share, entry.cap) for entry in config.generate]
    assert parts == [(2.0, None, None), (None, 0.1, 4)]
    again = loaded(tmp_path, config.to_yaml(tmp_path))
    assert again.generate == config.generate
    built = RunConfig(name="x", generate=config.generate)
    assert loaded(tmp_path, built.to_yaml(tmp_path)).generate == config.generate


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["weight: 0"], "generate.0.weight: a number above 0, not 0"),
        (["weight: .inf"], "generate.0.weight: a number above 0, not inf"),
        (["weight: many"], "generate.0.weight: a number above 0, not 'many'"),
        (["share: 1.5"], "generate.0.share: a number above 0 and at most 1, not 1.5"),
        (["share: true"], "generate.0.share: a number above 0 and at most 1, not True"),
        (["share: 0.5, weight: 1"], "generate.0: has a weight and a share; one of them at most"),
        (["share: 0.5", "share: 0.4"], "shares add up to 0.9, and no entry makes up the rest"),
        (["share: 0.5", "share: 0.7"], "shares add up to 1.2, which is more than 1"),
        (["share: 1", "cap: 1"], "shares add up to 1 and leave nothing for the other entries"),
    ],
)
def test_a_mixture_that_cannot_be_is_told_before_anything_runs(
    tmp_path: Path, entries: list[str], message: str
) -> None:
    write(tmp_path, "a", 3)
    lines = "".join(f"  - {{use: jsonl, path: a.jsonl, {entry}}}\n" for entry in entries)
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"generate:\n{lines}")
    assert message in str(caught.value)
