"""What docs/evaluation.md says is so: its run file, its suites, its commands.

Several turns, several suites and log-likelihood: test_evaluating, suites/test_any_file,
suites/test_choices. What it can see: test_sensitivity. The report: report/test_comparison,
report/test_across, report/test_judges_section. The harness: test_harness.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from didact.components import find, names
from didact.models.embedded import Embedded
from didact.models.scorer import Scorer
from didact.records import Message
from didact.runfile import load
from didact.text.forced import completion

PAGE = (Path(__file__).parents[1] / "docs/evaluation.md").read_text(encoding="utf-8")


def test_the_run_file_of_the_page_reads(tmp_path: Path) -> None:
    text = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)[0]
    rows = {
        "question.jsonl": {"question_id": 1, "text": "Why?", "category": "generic"},
        "mt_bench.jsonl": {"question_id": 1, "turns": ["a", "b"], "category": "math"},
        "quiz.jsonl": {"question": "Q?", "choices": ["a", "b"], "answer": 0},
        "items.jsonl": {"instruction": "Say x.", "output": "x"},
    }
    for name, row in rows.items():
        (tmp_path / name).write_text(json.dumps(row))
    more = "name: page\ntrain: sft\nmodels: {judge: {use: scripted}}\n"
    (tmp_path / "run.yml").write_text(more + text)
    config = load(tmp_path / "run.yml")
    assert config.evaluate
    assert [suite.name for suite in config.evaluate.suites] == [
        "vicuna-80", "mt-bench", "quiz", "items",
    ]  # fmt: skip
    assert [len(suite.evaluators) for suite in config.evaluate.suites] == [1, 1, 1, 2]


def test_every_suite_is_on_the_page_and_what_scores_it_is_there() -> None:
    table = PAGE.split("## Suites")[1].split("\n\n")[1]
    told: set[str] = set()
    for line in table.splitlines()[2:]:
        cells = line.split("|")
        told |= set(re.findall(r"`([\w-]+)`", cells[1]))
        for evaluator in re.findall(r"`([\w-]+)`", cells[3]):
            assert find("evaluators", evaluator)
    assert told == set(names("suites"))


def test_every_command_of_the_page_is_one() -> None:
    from typer.main import get_command

    from didact.cli import app

    known = set(get_command(app).list_commands(None))  # type: ignore[union-attr,arg-type]
    named = set(re.findall(r"didact ([a-z]+)", PAGE))
    assert {"check", "report", "rate", "harness", "list", "serve"} <= named <= known


def test_models_in_this_process_give_the_log_probabilities_of_a_given_text() -> None:
    pytest.importorskip("torch")
    import asyncio

    embedded, scorer = Embedded(), Scorer(device="cpu")
    turns = (Message("user", "What is the opposite of hot?"),)

    async def both(request):
        return await embedded.ask(request), await scorer.ask(request)

    for asked in ("The opposite of hot is", turns):
        for text in ("cold", " warm and dry"):
            a, b = asyncio.run(both(completion(asked, text)))
            assert (a.text, a.finish) == ("", "stop")
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-3)
            assert len(a.logprobs) == a.usage.completion
    cut, _ = asyncio.run(both(completion("The opposite", " of hot is cold", tokens=1)))
    assert (cut.finish, len(cut.logprobs)) == ("length", 1)
