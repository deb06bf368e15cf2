"""Style against capability, of a run and of recorded preferences."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from didact import pipeline
from didact.cli import app
from didact.config import Evaluation
from didact.errors import DidactError, StoreError
from didact.evaluators.exact_match import ExactMatch
from didact.evaluators.pairwise import Pairwise
from didact.models.copy_input import CopyInput
from didact.models.scripted import Scripted
from didact.report.style_figures import style_figures
from didact.style import recorded_style, run_style
from toys import config as toy_config
from toys import example

LONG = "Sure, here is what you want:\n- a word\n- another word\nIt may be that one."


def longer(request):
    """A judge of length alone."""
    text = request.messages[-1].content
    first = text.partition("assistant A's answer]\n")[2].partition("\n[The end")[0]
    second = text.partition("assistant B's answer]\n")[2].partition("\n[The end")[0]
    return f"It is. [[{'A' if len(first) > len(second) else 'B'}]]"


def judged(tmp_path, *, shuffled=True):
    """The trained model answers one item in two rightly, always at length."""
    base = toy_config(tmp_path / "calls")
    items = [example(f"word {n}", f"question {n}") for n in range(16)]

    def trained(request):
        number = int(request.messages[0].content.split()[1])
        return f"word {number}" if number % 2 else LONG

    models = {
        "base": Scripted(replies=lambda _: "no"),
        "trained": Scripted(replies=trained),
        "copy": CopyInput(),
        "judge": Scripted(replies=longer),
    }
    if shuffled:
        models["shuffled"] = Scripted(replies=lambda _: "word 99", name="shuffled")
    config = replace(
        base,
        models={**base.models, **models},
        evaluate=Evaluation(
            on=items,
            models=tuple(role for role in models if role != "judge"),
            evaluators=(Pairwise(against="base"), ExactMatch()),
        ),
    )
    pipeline.run(config, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_tells_preferences_exact_answers_surface_and_both_controls(tmp_path):
    found = run_style(judged(tmp_path))
    first = found.preferred[0]
    assert (first.model, first.against, first.metric) == ("trained", "base", "pairwise")
    assert first.found.raw.mean == 100
    exact = {one.model: one for one in found.exact}
    assert exact["trained"].score.mean == 50
    gain = exact["shuffled"].gain
    assert gain
    # No item differs, and of so few that is not certain.
    assert gain.mean == 0
    assert gain.low < 0 < gain.high
    assert (found.copies, found.shuffled) == ("copy", "shuffled")
    assert found.distances[0].distance is None
    assert {one.model for one in found.distances[1:]} == {"base", "trained", "copy", "shuffled"}
    told = " ".join(found.lines())
    # Every verdict is the same, so the regression is silent; the control speaks.
    assert first.found.alike is None
    assert "form cannot be told from content" in told
    assert "It prefers shuffled, tuned on shuffled answers, in 100.0" in told
    assert "That much is had by form alone" in told
    assert "shuffled answers +0.0" in told
    assert "copying the input scores 0.0" in told
    assert [figure.name for figure in style_figures(found)] == [
        *("preference", "marks", "exact", "surface")
    ]


def test_without_the_control_the_page_says_so(tmp_path):
    run = judged(tmp_path, shuffled=False)
    assert any("no model tuned on shuffled" in line for line in run_style(run).lines())
    with pytest.raises(DidactError, match="no answers of nobody"):
        run_style(run, shuffled="nobody")


def test_a_run_that_is_not_evaluated_is_refused(tmp_path):
    pipeline.generate(toy_config(tmp_path / "calls"), tmp_path / "run")
    with pytest.raises(StoreError, match="not evaluated"):
        run_style(tmp_path / "run")


def test_the_command_writes_a_page_for_recorded_preferences(tmp_path):
    rows = [
        {"output_1": "A word.", "output_2": LONG, "preference": 2 if n % 4 else 1}
        for n in range(40)
    ]
    rows += [{"output_1": "x", "output_2": "y", "preference": None}]
    file = tmp_path / "annotations.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(app, ["style", str(file)])
    assert done.exit_code == 0, done.output
    page = tmp_path / "annotations.jsonl-style" / "index.html"
    assert "75.0" in page.read_text()
    assert (page.parent / "preference.svg").read_text().startswith("<svg xmlns=")
    assert recorded_style(file).preferred[0].unread == 1
    assert len(done.output.splitlines()) == 2  # of recorded pairs nothing else can be told
    file.write_text('{"text": "x"}\n')
    with pytest.raises(DidactError, match=r"line 1: needs answer, other, preference"):
        recorded_style(file)


def test_recorded_gpt4_judgements_give_the_published_rate_and_a_part_that_is_form(data, tmp_path):
    """methods.md 16.1: vicuna-13b has 70.43 against text_davinci_003."""
    import gzip

    folder = data / "alpaca_eval"

    def read(name):
        with gzip.open(folder / name, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    texts = {
        name: {row["instruction"]: row["output"] for row in read(f"outputs/{name}.jsonl.gz")}
        for name in ("text_davinci_003", "vicuna-13b")
    }
    rows = [
        {
            "output_1": texts["text_davinci_003"][row["instruction"]],
            "output_2": texts["vicuna-13b"][row["instruction"]],
            "preference": row["preference"],
        }
        for row in read("annotations_gpt4/vicuna-13b.jsonl.gz")
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = recorded_style(file).preferred[0].found
    assert found.raw.mean == pytest.approx(70.4348, abs=1e-4)
    assert found.share is not None
    assert found.share.low > 0
