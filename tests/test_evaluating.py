"""The evaluate stage: several suites in one run, and items of several turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from didact import pipeline
from didact.calls import CallLog
from didact.config import Evaluation, RunConfig, Suite
from didact.errors import ConfigError
from didact.evaluators.choice import Choice
from didact.evaluators.exact_match import ExactMatch
from didact.evaluators.graded import Graded
from didact.evaluators.pairwise import Pairwise
from didact.evaluators.rouge import Rouge
from didact.forecast import forecast
from didact.models.scripted import Scripted
from didact.records import Example, Message, Origin, Reply, Request, Sampling
from didact.runfile import load
from didact.store import Run

ORIGIN = Origin(recipe="test")


def item(*turns, answer="", **meta):
    messages = [Message("user", turn) for turn in turns]
    if answer:
        messages.append(Message("assistant", answer))
    return Example(messages=tuple(messages), origin=ORIGIN, meta=meta)


def last_word(request: Request) -> str:
    return f"re: {request.messages[-1].content}"


def judge_seven(request: Request) -> Reply:
    return Reply(text="Rating: [[7]]")


def run(config, where):
    pipeline.evaluate(config, where)
    return Run.open(where)


def config(on, *evaluators, **models):
    roles = tuple(role for role in models if role != "judge")
    sampling = Sampling(max_tokens=9)
    evaluation = Evaluation(on=on, models=roles, evaluators=evaluators, sampling=sampling)
    return RunConfig(name="t", models=models, evaluate=evaluation)


def test_the_next_turn_is_asked_with_the_models_own_answer_before_it(tmp_path: Path) -> None:
    two = item("Name a colour.", "And its opposite?", "Why?", answer="because")
    model = Scripted(replies=last_word)
    made = run(config([two], ExactMatch(), a=model), tmp_path / "run")
    [answer] = made.answers()
    assert answer.text == "re: Why?"
    asked = [[turn.content for turn in request.messages] for request in model.asked]
    assert asked == [
        ["Name a colour."],
        ["Name a colour.", "re: Name a colour.", "And its opposite?"],
        [
            "Name a colour.",
            "re: Name a colour.",
            "And its opposite?",
            "re: And its opposite?",
            "Why?",
        ],
    ]
    # Every turn is a call of its own, and a second evaluation finds all of them.
    assert CallLog.open(tmp_path / "run" / "calls.db").totals().made == 3
    again = Scripted(replies=last_word)
    changed = config([two], ExactMatch(), Rouge(), a=again)
    assert pipeline.evaluate(changed, tmp_path / "run").calls.replayed == 3
    assert again.asked == ()


def test_a_given_answer_between_two_turns_is_kept(tmp_path: Path) -> None:
    talk = Example(
        messages=(Message("user", "Hi"), Message("assistant", "Yes?"), Message("user", "Go.")),
        origin=ORIGIN,
    )
    model = Scripted(replies=last_word)
    run(config([talk], a=model), tmp_path / "run")
    assert [len(request.messages) for request in model.asked] == [3]


def test_judges_see_the_whole_conversation_of_each_model(tmp_path: Path) -> None:
    two = item("Add.", "Double it.", answer="8", category="math", earlier_references=["4"])
    judge = Scripted(replies=judge_seven)
    models = {"a": Scripted(replies=last_word), "b": Scripted(replies=("five",))}
    made = run(config([two], Graded(), **models, judge=judge), tmp_path / "run")
    assert {score.value for score in made.scores()} == {7.0}
    prompts = [request.messages[0].content for request in judge.asked]
    [of_a] = [prompt for prompt in prompts if "re: Add." in prompt]
    assert "User: Add.\n\nAssistant: re: Add.\n\nUser: Double it.\n\nAssistant: re: Double" in of_a
    assert "Assistant: 4\n\nUser: Double it.\n\nAssistant: 8" in of_a
    assert "a whole conversation" in of_a
    [of_b] = [prompt for prompt in prompts if prompt != of_a]
    assert "re: Add." not in of_b


def test_two_conversations_are_compared_and_the_same_ones_tie(tmp_path: Path) -> None:
    items = [item("Add.", "Double it.")]
    judge = Scripted(replies=("[[A]]",))
    same = {"a": Scripted(replies=("x",), name="a"), "b": Scripted(replies=("x",), name="b")}
    made = run(config(items, Pairwise(), **same, judge=judge), tmp_path / "same")
    assert [score.value for score in made.scores()] == [0.5, 0.5]
    assert judge.asked == ()
    other = {"a": Scripted(replies=last_word), "b": Scripted(replies=("x",))}
    run(config(items, Pairwise(), **other, judge=judge), tmp_path / "other")
    assert len(judge.asked) == 2


def test_an_item_may_say_how_it_is_asked(tmp_path: Path) -> None:
    model = Scripted(replies=last_word)
    run(config([item("Rhyme.", ask_with={"temperature": 0.7})], a=model), tmp_path / "run")
    [request] = model.asked
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.7, 9)


def suites():
    shared = item("One?", answer="re: One?")
    return (
        Suite(on=[shared, item("Two?", answer="no")], name="first", evaluators=(ExactMatch(),)),
        Suite(on=[shared], name="second", sampling=Sampling(max_tokens=3)),
    )


def test_several_suites_are_scored_each_by_its_own_evaluators(tmp_path: Path) -> None:
    model = Scripted(replies=last_word)
    made = run(config(suites(), Rouge(), a=model), tmp_path / "run")
    found = [(score.metric, score.value) for score in made.scores()]
    assert found == [
        ("first/exact_match", 100.0),
        ("first/exact_match", 0.0),
        ("second/rougeL", 100.0),
        ("second/rouge1", 100.0),
    ]
    assert [len(one.meta["suites"]) for one in made.items()] == [2, 1]
    assert len(made.answers()) == 2
    assert [request.sampling.max_tokens for request in model.asked] == [9, 9, 3]
    assert pipeline.evaluate(config(suites(), Rouge(), a=model), tmp_path / "run").skipped
    other = config(suites()[:1], Rouge(), a=model)
    assert not pipeline.evaluate(other, tmp_path / "run").skipped


def test_a_suite_of_probabilities_alone_asks_for_no_answers(tmp_path: Path) -> None:
    model = Scripted(replies=("yes",))
    choice = item("Is it?", answer="yes", options=["yes", "no"])
    made = run(config([choice], Choice(), a=model), tmp_path / "run")
    # Asked once for an option, which it cannot score; never for an answer.
    assert [request.schema for request in model.asked] == [{"const": "yes"}]
    assert [score.value for score in made.scores()] == [None, None]
    assert [answer.text for answer in made.answers()] == [""]
    assert forecast(config([choice], Choice(), a=model)).parts[0].estimate.steps == ()


def test_the_forecast_counts_every_turn_of_every_suite() -> None:
    found = config(
        (
            Suite(on=[item("a", "b"), item("c")], name="x", sampling=Sampling(max_tokens=5)),
            Suite(on=[item("d")], name="y"),
        ),
        a=Scripted(replies=("x",)),
    )
    steps = forecast(found).parts[0].estimate.steps
    assert [(step.calls.low, step.reply.high) for step in steps] == [(3, 5), (1, 9)]


FILE = """
name: several
models: {a: {use: scripted, replies: [x]}, judge: {use: scripted, replies: ["[[5]]"]}}
evaluate:
  models: [a]
  on:
    - {use: mt-bench, path: turns.jsonl, with: [graded], sampling: {max_tokens: 7}}
    - {use: ./data/mine.jsonl, name: mine}
    - data/mine.jsonl
  with: [rouge]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    row = {"question_id": 1, "category": "math", "turns": ["a", "b"]}
    (tmp_path / "turns.jsonl").write_text(json.dumps(row))
    row = {"instruction": "Say x.", "output": "x"}
    (tmp_path / "data" / "mine.jsonl").write_text(json.dumps(row))
    (tmp_path / "run.yml").write_text(FILE)
    return tmp_path


def test_a_run_file_names_several_suites_and_runs_again_from_its_own_folder(folder: Path) -> None:
    loaded = load(folder / "run.yml")
    assert loaded.evaluate
    told = [(suite.name, len(suite.evaluators)) for suite in loaded.evaluate.suites]
    assert told == [("mt-bench", 1), ("mine", 1), ("mine-2", 1)]
    assert loaded.evaluate.suites[0].sampling == Sampling(max_tokens=7)
    made = run(loaded, folder / "out")
    metrics = {score.metric for score in made.scores()}
    assert metrics == {
        "mt-bench/graded", "mine/rougeL", "mine/rouge1", "mine-2/rougeL", "mine-2/rouge1",
    }  # fmt: skip
    again = load(folder / "out" / "run.yaml")
    assert pipeline.evaluate(again, folder / "out").skipped


def test_a_config_of_suites_in_python_writes_a_run_file(folder: Path) -> None:
    from didact.suites.mt_bench import MtBench

    bench = Suite(on=MtBench(path=folder / "turns.jsonl"), name="bench", evaluators=(Graded(),))
    mine = Suite(on=folder / "data" / "mine.jsonl", name="own")
    models = {"a": Scripted(replies=("x",)), "judge": Scripted(replies=("[[5]]",))}
    run(config((bench, mine), Rouge(), **models), folder / "out")
    again = load(folder / "out" / "run.yaml")
    assert again.evaluate
    assert [suite.name for suite in again.evaluate.suites] == ["bench", "own"]
    assert pipeline.evaluate(again, folder / "out").skipped


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("path: turns.jsonl", "path: turn.jsonl"),
            r"run\.yml:7: evaluate\.on\.0\.path: no such",
        ),
        (("with: [graded]", "with: [grade]"), r"evaluate\.on\.0\.with\.0.*did you mean graded"),
        (("with: [graded]", "with: graded"), r"evaluate\.on\.0\.with: a list of evaluators"),
        (("name: mine", "name: 3"), r"evaluate\.on\.1\.name: a word, not 3"),
        (("./data/mine", "./data/yours"), r"evaluate\.on\.1\.use: no such file"),
        (("    - data/mine", "    - data/yours"), r"evaluate\.on\.2: no such file"),
        (("max_tokens: 7", "max_token: 7"), r"evaluate\.on\.0\.sampling.*did you mean max_tokens"),
        (("judge: {use", "juge: {use"), r"evaluate\.on\.0\.with\.0\.judge: no role 'judge'"),
    ],
)
def test_what_is_wrong_with_a_suite_is_told_with_its_place(folder, change, told) -> None:
    file = folder / "run.yml"
    file.write_text(FILE.replace(*change))
    with pytest.raises(ConfigError, match=told):
        load(file)
