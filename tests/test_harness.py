"""Results of lm-evaluation-harness, as version 0.4.13 writes them, brought into a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from didact.cli import main
from didact.errors import ConfigError
from didact.harness import import_samples
from didact.report.comparison import compare
from didact.report.reading import read
from didact.store import Run


def sample(number: int, right: bool, *, prompt: str = "", **more: Any) -> dict[str, Any]:
    """A line of a task that the model writes answers to."""
    asked = prompt or json.dumps([{"role": "user", "content": f"Question {number}?"}])
    return {
        "doc_id": number,
        "doc": {"question": f"Question {number}?", "subject": "even" if number % 2 == 0 else "odd"},
        "target": "yes",
        "arguments": {"gen_args_0": {"arg_0": [asked], "arg_1": {"until": ["\n"]}}},
        "resps": [["yes" if right else "no"]],
        "filtered_resps": ["yes" if right else "no"],
        "filter": "none",
        "metrics": ["exact_match"],
        "doc_hash": f"hash-{number}",
        "exact_match": float(right),
        **more,
    }


def choice(number: int, right: bool) -> dict[str, Any]:
    """A line of a task of log-likelihoods."""
    return {
        **sample(number, right),
        "target": 1,
        "arguments": {
            f"gen_args_{n}": {"arg_0": f"Q{number}\nAnswer:", "arg_1": f" {option}"}
            for n, option in enumerate(("no", "yes"))
        },
        "resps": [[["-1.5", "False"]], [["-0.5", "True"]]],
        "filtered_resps": [["-1.5", "False"], ["-0.5", "True"]],
        "metrics": ["acc", "perplexity"],
        "acc": float(right),
        "perplexity": [-1.5, 3],
    }


def write(folder: Path, task: str, rows: list[dict[str, Any]], when: str = "2026-01-01") -> Path:
    path = folder / "model__name" / f"samples_{task}_{when}T00-00-00.1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_two_models_are_paired_item_by_item_and_compared_as_ours_are(tmp_path: Path) -> None:
    base = write(tmp_path / "base", "quiz", [sample(n, n % 4 == 0) for n in range(40)])
    # Asked through another template, and one item fewer: still the same items.
    told = [sample(n, n % 4 != 1, prompt=f"<user>Question {n}?") for n in range(39)]
    tuned = write(tmp_path / "tuned", "quiz", told)
    found = import_samples({"base": base, "trained": tuned}, tmp_path / "run")
    assert (found.items, found.models) == (40, {"base": 40, "trained": 39})
    assert found.metrics == ["quiz/exact_match"]
    facts = read(tmp_path / "run")
    assert facts.items[0].prompt[0].content == "Question 0?"
    assert facts.items[0].output == "yes"
    [metric] = compare(facts.scores, families=facts.families, clusters=facts.clusters)
    trained = metric.of("trained")
    assert trained
    assert trained.gain
    assert metric.name == "quiz: Exact match"
    assert trained.gain.mean == pytest.approx(100 * 19 / 39, abs=0.1)
    assert trained.gain.low > 0
    assert trained.p is not None
    assert trained.p < 0.01
    assert [part.name for part in metric.families] == ["even", "odd"]
    assert Run.open(tmp_path / "run").answers()[0].text == "yes"


def test_log_likelihoods_and_filters_have_their_metrics(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "mc", [choice(n, n % 2 == 0) for n in range(6)])
    strict = [sample(n, True, filter="strict") for n in range(3)]
    loose = [sample(n, False, filter="loose") for n in range(3)]
    write(folder, "gsm", strict + loose)
    found = import_samples({"a": folder}, tmp_path / "run")
    assert set(found.metrics) == {
        "mc/acc", "mc/perplexity", "gsm/exact_match (strict)", "gsm/exact_match (loose)",
    }  # fmt: skip
    assert found.no_number == 6
    run = Run.open(tmp_path / "run")
    scores = {(s.metric, s.value, s.reason) for s in run.scores() if "perplexity" in s.metric}
    assert scores == {("mc/perplexity", None, "no number of an item")}
    [item] = [item for item in run.items() if item.prompt[0].content == "Q0\nAnswer:"]
    assert item.meta["options"] == [" no", " yes"]
    assert len(run.answers()) == 9


def test_the_newest_results_count_and_an_item_asked_twice_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", "quiz", [sample(0, False)], when="2026-01-01")
    write(folder, "quiz", [sample(0, True), {**sample(0, True), "doc_id": 7}], when="2026-02-01")
    found = import_samples({"a": folder}, tmp_path / "run")
    assert (found.items, found.repeated) == (1, 1)
    assert [score.value for score in Run.open(tmp_path / "run").scores()] == [100.0]


def test_what_is_no_result_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="--log_samples"):
        import_samples({"a": tmp_path / "empty"}, tmp_path / "run")
    folder = write(tmp_path / "a", "quiz", [sample(0, True), {"doc_id": 1}])
    with pytest.raises(ConfigError, match="line 2: no sample of the harness"):
        import_samples({"a": folder}, tmp_path / "run")


def test_the_command_makes_a_run_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = write(tmp_path / "base", "quiz", [sample(n, False) for n in range(8)])
    tuned = write(tmp_path / "tuned", "quiz", [sample(n, True) for n in range(8)])
    arguments = ["harness", f"base={base}", f"trained={tuned}", "-o", str(tmp_path / "run")]
    monkeypatch.setattr("sys.argv", ["didact", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert "items     8 (answered: base 8, trained 8)" in capsys.readouterr().out
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "quiz: Exact match" in page
    for run in (["show", str(tmp_path / "run")], ["show", str(tmp_path / "run"), "--json"]):
        monkeypatch.setattr("sys.argv", ["didact", *run])
        with pytest.raises(SystemExit):
            main()
    assert "quiz/exact_match trained: 100.0 [67.6, 100.0] (n=8)" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["didact", "harness", "base"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "name the model" in capsys.readouterr().err
