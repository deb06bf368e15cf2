from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from didact import pipeline
from didact.calls import CallLog
from didact.config import Generation, RunConfig, Training
from didact.context import Budget
from didact.errors import BudgetError, ConfigError, DidactError, ModelError, StoreError
from didact.models.scripted import Scripted
from didact.records import Example, Request, Verdict
from didact.store import Run
from toys import Copyist, Feedback, Some, Unseen, config, example, work


def began(calls: Path) -> list[str]:
    lines = calls.read_text().splitlines() if calls.exists() else []
    return [line.removeprefix("begin ") for line in lines if line.startswith("begin ")]


def parquet(run: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(run)): file.read_bytes() for file in sorted(run.rglob("*.parquet"))
    }


def test_a_run_goes_from_seeds_to_scores_and_every_row_can_be_traced(tmp_path: Path) -> None:
    summaries = pipeline.run(config(tmp_path / "calls", train=True), tmp_path / "run")
    assert [summary.stage for summary in summaries] == ["generate", "filter", "train", "evaluate"]
    generated, filtered, trained, evaluated = summaries

    run = Run.open(tmp_path / "run")
    examples = run.examples()
    assert [seed.output for seed in run.seeds()] == ["ab", "cd"]
    assert len({example.id for example in examples}) == len(examples) == generated.kept
    assert generated.read == 30
    assert generated.dropped == {"exact duplicate": 30 - generated.kept}
    assert generated.failures == 1
    assert 31 <= generated.calls.made <= 31 + 3  # those under way when the target was met
    assert generated.calls.failed == 1
    for made in examples:
        (key,) = made.origin.calls
        call = run.calls.get(key)
        assert call is not None
        assert call.outcome().text == made.output

    kept = run.kept()
    verdicts = run.verdicts()
    assert 0 < len(kept) < len(examples)
    assert [i for i, name, _ in verdicts if name == "Some"] == [e.id for e in examples]
    survivors = [i for i, name, verdict in verdicts if name == "Some" and verdict.keep]
    assert [i for i, name, _ in verdicts if name == "Unseen"] == survivors
    assert [e.id for e in kept] == [i for i, name, v in verdicts if name == "Unseen" and v.keep]
    assert filtered.kept == len(kept)
    assert sum(filtered.dropped.values()) == len(examples) - len(kept)
    assert verdicts[0][2].evidence == {"n": [1, "é"]}

    model = run.trained()
    assert model is not None
    assert sorted(f.read_text() for f in model.iterdir()) == sorted(e.output for e in kept)
    assert trained.read == len(kept)

    answers = run.answers()
    assert [answer.model for answer in answers] == ["base"] * 20 + ["trained"] * 20
    assert [answer.example.id for answer in answers[:20]] == [item.id for item in run.items()]
    scores = run.scores()
    assert len(scores) == 40
    assert {score.value for score in scores if score.model == "trained"} == {None, 2.0}
    assert evaluated.kept == 40
    stage = run.stage("evaluate")
    assert stage is not None
    assert set(stage["models"]) == {"base", "trained"}


def test_a_second_run_makes_no_call_and_skips_every_stage(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    pipeline.run(config(calls, train=True), tmp_path / "run")
    made = began(calls)
    before = parquet(tmp_path / "run")
    events: list[tuple[str, Any]] = []
    again = pipeline.run(
        config(calls, train=True),
        tmp_path / "run",
        on_event=lambda event, fields: events.append((event, fields["state"])),
    )
    assert all(summary.skipped and summary.calls.made == 0 for summary in again)
    assert again[0].kept == len(Run.open(tmp_path / "run").examples())
    assert began(calls) == made
    assert parquet(tmp_path / "run") == before
    assert events == [("stage", "skipped")] * 4


def test_a_run_made_again_in_another_place_has_the_same_bytes(tmp_path: Path) -> None:
    for place in ("one", "two"):
        pipeline.run(config(tmp_path / f"{place}.txt"), tmp_path / place / "run")
    assert parquet(tmp_path / "one/run") == parquet(tmp_path / "two/run")


def test_a_changed_filter_makes_no_call_and_leaves_generation_alone(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    first = config(calls)
    pipeline.run(first, tmp_path / "run")
    made = began(calls)
    changed = replace(first, filter=(Some(last="e"), Unseen()))
    generated, filtered, evaluated = pipeline.run(changed, tmp_path / "run")
    assert generated.skipped
    assert not filtered.skipped
    assert evaluated.skipped
    assert began(calls) == made


def test_a_longer_target_makes_only_the_calls_that_are_new(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    pipeline.generate(config(calls, target=30), tmp_path / "run")
    made = len(began(calls))
    longer = pipeline.generate(config(calls, target=40), tmp_path / "run")
    assert longer.calls.replayed == made
    assert longer.calls.made == len(began(calls)) - made
    assert max(Counter(began(calls)).values()) == 1


def test_a_changed_model_is_asked_again(tmp_path: Path) -> None:
    first = config(tmp_path / "calls")
    pipeline.generate(first, tmp_path / "run")
    other = replace(first, models={"teacher": Scripted(replies=tuple("xyz"))})
    assert pipeline.generate(other, tmp_path / "run").calls.made > 0


def test_failed_calls_stay_failed_until_retry_asks_them_again(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    first = config(calls)
    pipeline.run(first, tmp_path / "run")
    seven = [text for text in began(calls) if text.startswith("7:")]
    assert len(seven) == 1
    pipeline.run(first, tmp_path / "run")
    assert len([text for text in began(calls) if text.startswith("7:")]) == 1
    again = pipeline.run(first, tmp_path / "run", retry=True)
    assert not again[0].skipped
    assert again[0].calls.made == 1
    assert len([text for text in began(calls) if text.startswith("7:")]) == 2


def test_a_budget_stops_the_run_and_a_larger_one_continues_it(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    whole = config(calls)
    with pytest.raises(BudgetError, match=r"budget\.calls"):
        pipeline.run(replace(whole, budget=Budget(calls=12)), tmp_path / "run")
    assert len(began(calls)) == 12
    pipeline.run(whole, tmp_path / "run")
    assert max(Counter(began(calls)).values()) == 1


def test_the_cap_of_an_entry_ends_it_and_two_entries_differ(tmp_path: Path) -> None:
    first = config(tmp_path / "calls")
    entries = (Generation(use=Feedback(), cap=5), Generation(use=Feedback(), cap=6))
    pipeline.generate(replace(first, generate=entries), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    stage = run.stage("generate")
    assert stage is not None
    told = cast("list[dict[str, object]]", stage["entries"])
    assert [(e["use"], e["examples"], e["cap"]) for e in told] == [
        ("Feedback", 5, 5),
        ("Feedback-2", 6, 6),
    ]
    assert len(run.examples()) == 11


def test_an_interrupted_training_continues_where_it_was(tmp_path: Path) -> None:
    first = config(tmp_path / "calls", train=True)
    cut = replace(first, train=Training(use=Copyist(die_at=3)))
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(cut, tmp_path / "run")
    assert Run.open(tmp_path / "run").trained() is None
    pipeline.run(first, tmp_path / "run")
    metrics = (tmp_path / "run/train/metrics.jsonl").read_text().split()
    assert metrics == [str(n) for n in range(len(Run.open(tmp_path / "run").kept()))]


def test_a_training_interrupted_on_other_examples_starts_anew(tmp_path: Path) -> None:
    first = config(tmp_path / "calls", train=True)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(replace(first, train=Training(use=Copyist(die_at=3))), tmp_path / "run")
    changed = replace(first, filter=())
    pipeline.run(changed, tmp_path / "run")
    metrics = (tmp_path / "run/train/metrics.jsonl").read_text().split()
    assert metrics == [str(n) for n in range(len(Run.open(tmp_path / "run").examples()))]


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    none = replace(config(tmp_path / "calls", train=True), filter=(Some(last=""),))
    with pytest.raises(DidactError, match="nothing to train on"):
        pipeline.run(none, tmp_path / "run")


def test_a_stage_without_the_one_before_it_says_which(tmp_path: Path) -> None:
    with pytest.raises(DidactError, match="run the generate stage first"):
        pipeline.filter(config(tmp_path / "calls"), tmp_path / "run")


@pytest.mark.parametrize(("text", "message"), [("", "empty"), ("{oops\n", r"seeds\.jsonl, line 1")])
def test_bad_seeds_are_told_before_any_call(tmp_path: Path, text: str, message: str) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(text)
    bad = replace(config(tmp_path / "calls"), generate=(Generation(use=Feedback(), seeds=seeds),))
    with pytest.raises(ConfigError, match=message):
        pipeline.run(bad, tmp_path / "run")
    assert began(tmp_path / "calls") == []


def test_seeds_come_from_a_file_of_tasks_of_rows_or_from_another_run(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(
        '{"id": "1", "name": "n", "instruction": "say", "is_classification": false,'
        ' "instances": [{"input": "", "output": "one"}]}\n'
    )
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "say", "input": "", "output": "two"}\n')
    first = config(tmp_path / "calls")
    for seeds, outputs in ((tasks, ["one"]), (rows, ["two"])):
        entry = Generation(use=Feedback(target=3), seeds=seeds)
        pipeline.run(replace(first, generate=(entry,), evaluate=None), tmp_path / seeds.stem)
        assert [seed.output for seed in Run.open(tmp_path / seeds.stem).seeds()] == outputs
    entry = Generation(use=Feedback(target=3), seeds=tmp_path / "rows")
    pipeline.generate(replace(first, generate=(entry,)), tmp_path / "next")
    kept = [e.output for e in Run.open(tmp_path / "rows").kept()]
    assert [seed.output for seed in Run.open(tmp_path / "next").seeds()] == kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A filter that breaks the rules."""

    how: str

    def sift(self, examples: Iterator[Example]) -> Iterator[Verdict]:
        found = list(examples)
        if self.how == "no reason":
            yield from (Verdict(keep=False) for _ in found)
        elif self.how == "few":
            yield from (Verdict(keep=True) for _ in found[1:])
        else:
            yield from (Verdict(keep=True) for _ in [*found, None])


@pytest.mark.parametrize(
    ("how", "message"),
    [("no reason", "without a reason"), ("few", "one verdict"), ("many", "one verdict")],
)
def test_a_filter_that_breaks_the_rules_is_named(tmp_path: Path, how: str, message: str) -> None:
    wrong = replace(config(tmp_path / "calls"), filter=(Wrong(how=how),))
    with pytest.raises(DidactError, match=f"filter Wrong.*{message}"):
        pipeline.run(wrong, tmp_path / "run")


def test_a_failed_stage_leaves_the_old_one_in_place(tmp_path: Path) -> None:
    first = config(tmp_path / "calls")
    pipeline.run(first, tmp_path / "run")
    before = parquet(tmp_path / "run")

    def down(request: Request) -> str:
        raise ModelError("down")

    broken = replace(first, models={"teacher": Scripted(replies=down)}, max_failures=3)
    with pytest.raises(DidactError, match="more than 3 items failed"):
        pipeline.generate(broken, tmp_path / "run")
    assert {k: v for k, v in parquet(tmp_path / "run").items() if ".new" not in k} == before


def test_statistics_that_a_recipe_notes_are_kept(tmp_path: Path) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Noting:
        async def run(self, ctx: Any, seeds: Any) -> Any:
            yield example("a\ud800")
            ctx.note("statistics", verbs=3)

    noting = RunConfig(name="n", generate=(Generation(use=Noting()),))
    pipeline.generate(noting, tmp_path / "run")
    assert '"verbs": 3' in (tmp_path / "run/generate/statistics.json").read_text()
    # A lone surrogate can be in no file: it is replaced before the id is taken.
    assert [made.output for made in Run.open(tmp_path / "run").examples()] == ["a\ufffd"]


def test_the_verbs_work_where_a_loop_is_running_already(tmp_path: Path) -> None:
    async def notebook() -> int:
        return len(pipeline.run(config(tmp_path / "calls"), tmp_path / "run"))

    assert asyncio.run(notebook()) == 3


def test_two_processes_cannot_work_on_one_run(tmp_path: Path) -> None:
    with (
        Run.create(tmp_path / "run"),
        pytest.raises(StoreError, match="another process is working"),
    ):
        pipeline.generate(config(tmp_path / "calls"), tmp_path / "run")


def test_a_run_killed_at_random_moments_and_run_again_ends_in_the_same_bytes(
    tmp_path: Path,
) -> None:
    """DIDACT_KILLS sets how many kills."""
    kills = int(os.environ.get("DIDACT_KILLS", "8"))
    pipeline.run(config(tmp_path / "whole.txt", target=120), tmp_path / "whole")
    expected = parquet(tmp_path / "whole")
    # Importing takes longer than the run: each process is forked from one that has imported.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["pytest", "pandas", "didact.pipeline", "didact.runfile"])
    rng = random.Random(kills)
    done = 0
    while done < kills:
        place = tmp_path / f"{done}"
        place.mkdir()
        calls, run = place / "calls.txt", place / "run"
        logged: set[str] = set()
        for attempt in range(5):
            before = len(began(calls))
            process = processes.Process(target=work, args=(calls, run))
            process.start()
            _wait_for_work(process, calls)
            process.join(timeout=rng.uniform(0, 0.3) if attempt < 4 else None)
            if process.exitcode is None:
                process.kill()
                process.join()
                done += 1
            # Nothing that was in the log when a process died is ever asked again.
            assert not logged & set(began(calls)[before:])
            logged = _logged(run)
            if process.exitcode == 0:
                break
            assert process.exitcode == -9
        assert parquet(run) == expected


def _wait_for_work(process: Any, calls: Path) -> None:
    before = calls.stat().st_size if calls.exists() else 0
    deadline = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < deadline:
        if calls.exists() and calls.stat().st_size > before:
            return
        time.sleep(0.001)


def _logged(run: Path) -> set[str]:
    """What a killed process left in the log."""
    if not (run / "calls.db").exists():
        return set()
    log = CallLog.open(run / "calls.db")
    asked = {call.request.prompt or call.request.messages[0].content for call in log}
    log.close()
    return asked
