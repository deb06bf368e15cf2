from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from didact import pipeline
from didact.config import RunConfig
from didact.context import Context
from didact.ledger import Ledger, read_ledger
from didact.models.scripted import Scripted
from didact.prices import Price, Prices, money
from didact.records import Reply, Request, Usage
from didact.shown import show_ledger
from didact.store import Run
from test_judging import Judge, Judged, judged
from toys import Some

TEACHER, JUDGE = Price(input=1000, output=3000), Price(input=500, output=500)
PRICES = Prices(own={"counted-*": TEACHER, "judge-*": JUDGE})


def ledger_of(config: RunConfig, run: Path) -> Ledger:
    pipeline.run(config, run)
    with Run.open(run) as opened:
        return read_ledger(opened)


@pytest.fixture
def priced(tmp_path: Path) -> RunConfig:
    return judged(tmp_path, Judge(), Some(last="e"), Judged(), prices=PRICES)


def test_every_part_and_role_has_its_line_and_the_lines_add_up_to_the_log(
    priced: RunConfig, tmp_path: Path
) -> None:
    ledger = ledger_of(priced, tmp_path / "run")
    assert [(line.stage, line.part, line.role) for line in ledger.lines] == [
        ("generate", "Feedback", "teacher"),
        ("filter", "Judged", "judge"),
    ]
    with Run.open(tmp_path / "run") as run:
        calls, kept = list(run.calls), len(run.kept())
    for line, price in zip(ledger.lines, (TEACHER, JUDGE), strict=True):
        mine = [call for call in calls if call.role == line.role]
        assert (line.made, line.replayed) == (len(mine), 0)
        assert line.failed == sum(call.reply is None for call in mine)
        usage = Usage(prompt=line.prompt_tokens, completion=line.completion_tokens)
        assert line.usd == pytest.approx(price.usd(usage))
    assert ledger.logged is not None
    assert ledger.data_usd == pytest.approx(ledger.logged.usd)
    assert ledger.kept == kept
    assert ledger.per_kept == pytest.approx(ledger.logged.usd / kept)


def test_the_money_of_dropped_examples_is_that_of_the_calls_they_came_of(
    priced: RunConfig, tmp_path: Path
) -> None:
    ledger = ledger_of(priced, tmp_path / "run")
    with Run.open(tmp_path / "run") as run:
        paid = {call.key: call.usd or 0.0 for call in run.calls}
        examples = {example.id: example for example in run.examples()}
        dropped: Counter[str] = Counter()
        for key, name, verdict in run.verdicts():
            if not verdict.keep:
                # The toy recipe reads one example from each call.
                dropped[name] += sum(paid[call] for call in examples[key].origin.calls)
        spent = sum(paid[call] for e in examples.values() for call in e.origin.calls)
    plain, asking = ledger.filters
    assert (plain.name, plain.calls, plain.usd) == ("Some", 0, 0)
    assert plain.wasted == pytest.approx(dropped["Some"])
    assert plain.wasted > 0
    assert asking.usd == ledger.lines[1].usd
    assert asking.wasted == pytest.approx(dropped["Judged"])
    # Words that came twice made no example of their own.
    assert ledger.lines[0].usd is not None
    assert ledger.barren == pytest.approx(ledger.lines[0].usd - spent)
    assert ledger.barren > 0


def test_what_was_paid_before_an_interruption_still_counts(
    priced: RunConfig, tmp_path: Path
) -> None:
    whole = ledger_of(priced, tmp_path / "whole")
    broken = judged(tmp_path, Judge(3), Some(last="e"), Judged(), prices=PRICES)
    with pytest.raises(ZeroDivisionError):
        pipeline.run(broken, tmp_path / "run")
    ledger = ledger_of(priced, tmp_path / "run")
    assert ledger.lines[1].replayed > 0
    assert ledger.lines[1].usd == pytest.approx(whole.lines[1].usd)
    assert ledger.per_kept == pytest.approx(whole.per_kept)


def test_calls_shared_from_another_run_cost_nothing_here(priced: RunConfig, tmp_path: Path) -> None:
    ledger_of(priced, tmp_path / "first")
    again = ledger_of(replace(priced, reuse=(tmp_path / "first",)), tmp_path / "second")
    # Failures are not shared, so they are asked again; they cost nothing.
    assert all(line.made == line.failed and line.usd == 0 for line in again.lines)
    assert again.per_kept == 0


def test_a_price_that_is_not_known_is_said_and_never_taken_for_nothing(tmp_path: Path) -> None:
    from didact.models.openai import OpenAI

    async def main() -> None:
        ctx = Context({"teacher": model}, log=run.calls, prices=Prices())
        await ctx.ask(Request(prompt="x"))
        (spent,) = ctx.spending.values()
        assert spent.unpriced == 1
        assert [call.usd for call in run.calls] == [None]

    class Unpriced(OpenAI):
        async def ask(self, request: Request) -> Reply:
            return Reply(text="a", usage=Usage(prompt=1, completion=1))

    model = Unpriced(model="mine")
    with Run.create(tmp_path / "run") as run:
        asyncio.run(main())
    assert money(None) == "unknown"


def test_a_server_that_changes_its_name_is_a_warning(tmp_path: Path) -> None:
    names = iter(["one", "two"] * 20)
    model = Scripted(replies=lambda _: Reply(text="a", model=next(names)))

    async def main() -> None:
        ctx = Context({"teacher": model}, log=run.calls)
        for number in range(2):
            await ctx.ask(Request(prompt=str(number)))

    with Run.create(tmp_path / "run") as run:
        asyncio.run(main())
        run.write_config("name: x\n")
        ledger = read_ledger(run)
    (warning,) = ledger.warnings
    assert "from one to two (at call 2)" in warning
    assert "warning" in show_ledger(ledger)[-1]


def test_the_ledger_is_shown_in_words_and_tables(priced: RunConfig, tmp_path: Path) -> None:
    text = "\n".join(show_ledger(ledger_of(priced, tmp_path / "run")))
    for words in ("generate/Feedback  teacher", "filter/Judged      judge", "it dropped cost $",
                  "no example came of", "examples kept"):  # fmt: skip
        assert words in text


def test_a_run_on_local_models_shows_calls_and_speaks_of_no_money(tmp_path: Path) -> None:
    text = "\n".join(show_ledger(ledger_of(judged(tmp_path, Judge(), Judged()), tmp_path / "run")))
    assert "$0.00" in text
    assert "dropped cost" not in text


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "$0.00"), (12345.678, "$12,345.68"), (0.05, "$0.05000"), (0.000123456, "$0.0001235")],
)
def test_money_is_written_with_the_digits_that_count(usd: float, text: str) -> None:
    assert money(usd) == text
