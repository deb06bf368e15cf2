"""Filters that ask models, in the filter stage of a run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from didact import pipeline
from didact.config import RunConfig
from didact.context import Budget, Context
from didact.errors import BudgetError, DidactError, ModelError, ParseError
from didact.judging import UNSCORED, asks
from didact.models.scripted import Scripted
from didact.records import Example, Request, Verdict
from didact.store import Run
from toys import Some, config


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Asks for a grade."""

    model: str = "judge"
    least: int = 3

    async def check(self, ctx: Context, example: Example) -> Verdict:
        return await graded(ctx, example, model=self.model, least=self.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Asks for a grade and keeps what is better than all before it, whatever fails."""

    async def sift(self, ctx: Context, examples: Sequence[Example]) -> AsyncIterator[Verdict]:
        async def grade(example: Example) -> Verdict:
            try:
                return await graded(ctx, example, model="judge", least=0)
            except (ModelError, ParseError):
                return Verdict(keep=False, reason="no grade")

        best = -1.0
        async with aclosing(ctx.map(grade, examples, width=3)) as verdicts:
            async for verdict in verdicts:
                if verdict.score is None:
                    yield verdict
                    continue
                yield Verdict(keep=verdict.score > best, reason="no better", score=verdict.score)
                best = max(best, verdict.score)


async def graded(ctx: Context, example: Example, *, model: str, least: int) -> Verdict:
    reply = await ctx.ask(Request(prompt=f"grade {example.output}"), model=model)
    if not reply.text.isdigit():
        raise ParseError("no grade", reply=reply.text)
    grade = int(reply.text)
    return Verdict(keep=grade >= least, reason="grade too low", score=float(grade))


class Judge:
    """Grades by the length of a word; notes whom it was asked about, and may be told to break."""

    def __init__(self, break_at: int | None = None) -> None:
        self.asked: list[str] = []
        self.break_at = break_at
        self.under_way = self.most = 0

    async def __call__(self, request: Request) -> str:
        if len(self.asked) == self.break_at:
            raise ZeroDivisionError
        word = (request.prompt or "").removeprefix("grade ")
        self.asked.append(word)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        # The later ones answer first.
        await asyncio.sleep(0.02 / len(self.asked))
        self.under_way -= 1
        if word.startswith("a"):
            raise ModelError("down", retryable=True)
        return "well" if word.startswith("b") else str(len(word))

    # What names a function in the identity of a scripted model.
    __qualname__ = "Judge"


def judged(folder: Path, judge: Judge, *filters: Any, **fields: Any) -> RunConfig:
    first = config(folder / "calls", target=40)
    models = {**first.models, "judge": Scripted(replies=judge, name="judge")}
    return replace(first, models=models, filter=filters, evaluate=None, **fields)


def test_what_takes_the_context_is_told_from_what_does_not() -> None:
    assert asks(Judged())
    assert asks(Ranked())
    assert not asks(Some())


def test_verdicts_come_in_order_many_are_asked_at_once_and_a_failure_is_unscored(
    tmp_path: Path,
) -> None:
    judge = Judge()
    summaries = pipeline.run(judged(tmp_path, judge, Some(last="e"), Judged()), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    seen = [e for e in run.examples() if e.output[0] <= "e"]
    verdicts = [(i, v) for i, name, v in run.verdicts() if name == "Judged"]
    assert [i for i, _ in verdicts] == [example.id for example in seen]
    assert judge.most > 3
    for example, (_, verdict) in zip(seen, verdicts, strict=True):
        if example.output[0] in "ab":
            assert (verdict.keep, verdict.reason, verdict.score) == (False, UNSCORED, None)
            assert verdict.evidence["error"] in ("down", "no grade")
        else:
            assert verdict.score == len(example.output)
            assert verdict.keep == (len(example.output) >= 3)
    unscored = sum(example.output[0] in "ab" for example in seen)
    assert unscored > 0
    assert summaries[1].dropped[f"Judged: {UNSCORED}"] == unscored
    assert summaries[1].failures == unscored
    assert summaries[1].calls.made == len(seen)


def test_a_filter_that_sifts_with_models_sees_its_verdicts_in_order(tmp_path: Path) -> None:
    pipeline.run(judged(tmp_path, Judge(), Ranked()), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    best = -1
    for example, (_, _, verdict) in zip(run.examples(), run.verdicts(), strict=True):
        if example.output[0] in "ab":
            assert verdict.reason == "no grade"
        else:
            assert verdict.keep == (len(example.output) > best)
            best = max(best, len(example.output))


def parquet(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((run / "filter").glob("*.parquet"))}


@pytest.mark.parametrize("component", [Judged(), Ranked()], ids=["check", "sift"])
def test_a_judging_cut_off_at_any_call_goes_on_to_the_same_bytes_and_repeats_no_reply(
    tmp_path: Path, component: Any
) -> None:
    pipeline.run(judged(tmp_path, Judge(), component), tmp_path / "whole")
    expected = parquet(tmp_path / "whole")
    for cut in (0, 1, 5, 9):
        place = tmp_path / f"{cut}"
        broken, whole = Judge(cut), Judge()
        with pytest.raises(ZeroDivisionError):
            pipeline.run(judged(place, broken, component), place / "run")
        with Run.open(place / "run") as run:
            logged = {call.request.prompt for call in run.calls if call.role == "judge"}
        pipeline.run(judged(place, whole, component), place / "run")
        assert parquet(place / "run") == expected
        assert not {f"grade {word}" for word in whole.asked} & logged


def test_a_second_run_asks_nobody_and_a_changed_judge_is_asked(tmp_path: Path) -> None:
    judge = Judge()
    pipeline.run(judged(tmp_path, judge, Judged()), tmp_path / "run")
    asked = len(judge.asked)
    again = pipeline.run(judged(tmp_path, judge, Judged()), tmp_path / "run")
    assert again[1].skipped
    assert len(judge.asked) == asked
    changed = judged(tmp_path, judge, Judged(least=1))
    assert pipeline.run(changed, tmp_path / "run")[1].calls.made == 0
    other = judged(tmp_path, judge, Judged())
    models = {**other.models, "judge": Scripted(replies=("5",), name="other")}
    assert pipeline.run(replace(other, models=models), tmp_path / "run")[1].calls.made > 0


def test_retry_asks_again_about_what_was_unscored(tmp_path: Path) -> None:
    judge = Judge()
    first = pipeline.run(judged(tmp_path, judge, Judged()), tmp_path / "run")[1]
    asked = len(judge.asked)
    pipeline.filter(judged(tmp_path, judge, Judged()), tmp_path / "run", retry=True)
    again = judge.asked[asked:]
    assert again
    assert all(word.startswith("a") for word in again)
    assert len(again) <= first.failures


def test_too_many_failures_end_the_stage(tmp_path: Path) -> None:
    few = judged(tmp_path, Judge(), Judged(), max_failures=2)
    with pytest.raises(DidactError, match="filter/Judged: more than 2 items failed"):
        pipeline.run(few, tmp_path / "run")


def test_the_budget_ends_the_judging_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    judge = Judge()
    whole = judged(tmp_path, judge, Judged())
    made = pipeline.generate(whole, tmp_path / "run").calls.made
    with pytest.raises(BudgetError, match=r"budget\.calls"):
        pipeline.filter(replace(whole, budget=Budget(calls=made + 5)), tmp_path / "run")
    assert len(judge.asked) == 5
    pipeline.filter(whole, tmp_path / "run")
    assert max(Counter(judge.asked).values()) == 1
