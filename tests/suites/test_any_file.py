"""Suites that read any file: questions, options, turns; and files of the hub."""

import json
from collections import Counter

import pytest

from didact.errors import ConfigError
from didact.suites.hub import Hub
from didact.suites.jsonl import Jsonl
from didact.suites.mt_bench import MtBench
from didact.suites.multiple_choice import MultipleChoice


def written(tmp_path, *rows, name="rows.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


SHAPES = [
    ({"question": "Q?", "choices": ["a", "b"], "answer": 1}, {}),
    ({"question": "Q?", "choices": ["a", "b"], "answer": "1"}, {}),
    ({"question": "Q?", "choices": ["a", "b"], "answer": 2}, {"first": 1}),
    ({"question": "Q?", "choices": ["a", "b"], "answer": "B"}, {}),
    ({"question": "Q?", "choices": ["a", "b"], "answer": "b"}, {}),
    (
        {"question": "Q?", "choices": {"label": ["1", "2"], "text": ["a", "b"]}, "answerKey": "2"},
        {"answer": "answerKey"},
    ),
    (
        {
            "answerKey": "Y",
            "question": {
                "stem": "Q?",
                "choices": [{"label": "X", "text": "a"}, {"label": "Y", "text": "b"}],
            },
        },
        {"question": "question.stem", "options": "question.choices", "answer": "answerKey"},
    ),
    (
        {"q": "Q", "end": "?", "one": "a", "two": "b", "gold": "b"},
        {"question": "{q}{end}", "options": "one, two", "answer": "gold"},
    ),
]


@pytest.mark.parametrize(("row", "settings"), SHAPES)
def test_every_shape_of_options_gives_the_same_item(tmp_path, row, settings):
    [item] = MultipleChoice(path=written(tmp_path, row), **settings).read()
    assert (item.instruction, item.output, item.meta["options"]) == ("Q?", "b", ["a", "b"])


def test_options_that_are_numbers_are_told_by_their_text(tmp_path):
    row = {"question": "1 + 1?", "choices": ["1", "2", "0"], "answer": "2"}
    [item] = MultipleChoice(path=written(tmp_path, row)).read()
    assert item.output == "2"
    [item] = MultipleChoice(path=written(tmp_path, {**row, "answer": 2})).read()
    assert item.output == "0"


def test_options_can_be_shown_with_letters(tmp_path):
    row = {"question": "Q?", "choices": ["a", "b"], "answer": 1, "subject": "law"}
    suite = MultipleChoice(path=written(tmp_path, row), show="letters", category="subject")
    [item] = suite.read()
    assert item.instruction == "Q?\nA. a\nB. b"
    assert (item.output, item.meta) == ("B", {"options": ["A", "B"], "category": "law"})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"answer": 2}, "'answer' is '2', which is no option"),
        ({"answer": None}, "which is no option"),
        ({"choices": ["a"]}, "must hold two texts or more"),
        ({"choices": "a"}, "must hold two texts or more"),
        ({"question": ""}, "'question' must be a text"),
    ],
)
def test_a_row_without_a_right_option_is_named(tmp_path, change, told):
    row = {"question": "Q?", "choices": ["a", "b"], "answer": 1}
    with pytest.raises(ConfigError, match=f"line 2.*{told}"):
        list(MultipleChoice(path=written(tmp_path, row, {**row, **change})).read())


def test_a_question_of_two_turns_is_two_items(tmp_path):
    """methods.md section 12.8: temperature by category, references for both turns."""
    row = {"question_id": 111, "category": "math", "turns": ["Area?", "And the circle?"]}
    reference = {"question_id": 111, "choices": [{"index": 0, "turns": ["3", "5 pi"]}]}
    path = written(tmp_path, row)
    given = written(tmp_path, reference, name="given.jsonl")
    first, second = MtBench(path=path, references=given).read()
    assert [turn.content for turn in first.prompt] == ["Area?"]
    assert [turn.content for turn in second.prompt] == ["Area?", "And the circle?"]
    assert (first.answers_asked, second.answers_asked) == (1, 2)
    assert (first.output, second.output) == ("3", "5 pi")
    assert second.meta["earlier_references"] == ["3"]
    assert (second.meta["turn"], second.meta["question"]) == (2, "111")
    assert second.meta["ask_with"] == {"temperature": 0.0}
    assert "ask_with" not in next(MtBench(path=path, temperature="run").read()).meta
    [last] = MtBench(path=path, turns="last").read()
    assert (last.meta["turn"], last.output) == (2, "")


def test_the_shape_of_the_hub_is_read_too(tmp_path):
    row = {"prompt_id": 5, "category": "writing", "prompt": ["a", "b"], "reference": []}
    first, _ = MtBench(path=written(tmp_path, row)).read()
    assert (first.output, first.meta["ask_with"]) == ("", {"temperature": 0.7})
    with pytest.raises(ConfigError, match="1 references for 2 turns"):
        list(MtBench(path=written(tmp_path, {**row, "reference": ["x"]})).read())
    with pytest.raises(ConfigError, match="'turns' must be a list of texts"):
        list(MtBench(path=written(tmp_path, {"turns": "a"})).read())


def test_the_published_questions_and_references_are_read_whole(data):
    folder = data / "mt_bench"
    references = folder / "mt_bench__reference_answer__gpt-4.jsonl"
    items = list(MtBench(path=folder / "mt_bench__question.jsonl", references=references).read())
    assert len({item.id for item in items}) == 160
    assert sum(bool(item.output) for item in items) >= 60
    assert len({item.meta["category"] for item in items}) == 8


def test_public_multiple_choice_is_read_whole(data):
    folder = data / "reasoning_small"
    common = MultipleChoice(
        path=folder / "CommonsenseQA.jsonl.gz",
        question="question.stem",
        options="question.choices",
        answer="answerKey",
    )
    numbers = Counter(len(item.meta["options"]) for item in common.read())
    assert set(numbers) == {4, 5}
    assert numbers[4] < numbers.total() / 20
    aqua = MultipleChoice(path=folder / "AQuA.json.gz", options="options", answer="correct")
    assert all(item.output in item.meta["options"] for item in aqua.read())


def test_a_file_of_questions_needs_no_right_answers(tmp_path):
    path = written(
        tmp_path,
        {"question": "Why?", "topic": "life"},
        {"question": "How?", "topic": "life", "reply": ["so", "thus"]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
    )
    suite = Jsonl(path=path, instruction="question", output="reply", category="topic")
    plain, known, talk = suite.read()
    assert (plain.output, plain.prompt[0].content) == ("", "Why?")
    assert plain.meta["category"] == "life"
    assert known.references == ("so", "thus")
    assert talk.answers_asked == 2


def test_a_column_of_turns_is_asked_turn_by_turn(tmp_path):
    rows = {"asked": ["a", "b", "c"], "output": "d", "id": 4}
    [item] = Jsonl(path=written(tmp_path, rows), turns="asked").read()
    assert (item.answers_asked, item.output, item.meta) == (3, "d", {"id": 4})
    with pytest.raises(ConfigError, match="setting `turns`"):
        list(Jsonl(path=written(tmp_path, {"asked": "a"}), turns="asked").read())


COMMIT = "c" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the hub in which data sets can be put."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))

    def put(dataset, name, *rows):
        folder = tmp_path / f"datasets--{dataset.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs/main").write_text(COMMIT)
        file = folder / "snapshots" / COMMIT / name
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    return put


def test_test_items_come_from_the_hub_by_the_id_of_the_data_set(cache):
    cache("openai/gsm8k", "main/test-0.jsonl", {"question": "2?", "answer": "#### 2"})
    [item] = Hub(dataset="openai/gsm8k").read()
    assert (item.instruction, item.output) == ("2?", "#### 2")
    row = {"question": "Q?", "choices": ["a", "b"], "answer": 1, "subject": "law"}
    cache("cais/mmlu", "all/test-0.jsonl", row)
    [item] = Hub(dataset="cais/mmlu").read()
    assert (item.output, item.meta["category"]) == ("b", "law")
    cache("someone/mine", "data/x.jsonl", {"stem": "Q?", "picks": ["a", "b"], "gold": "a"})
    mapping = {"question": "stem", "options": "picks", "answer": "gold"}
    hub = Hub(dataset="someone/mine", files=("data/*",), suite="multiple-choice", settings=mapping)
    assert [item.output for item in hub.read()] == ["a"]
    with pytest.raises(ConfigError, match=r"x\.jsonl, line 1: 'question' must be a text"):
        list(Hub(dataset="someone/mine", files=("*",), suite="multiple-choice").read())


def test_a_data_set_that_is_not_there_is_told(cache):
    with pytest.raises(ConfigError, match="'some/thing' is not known: name `suite` and `files`"):
        Hub(dataset="some/thing")
    with pytest.raises(ConfigError, match="google/IFEval"):
        list(Hub(dataset="google/IFEval").read())
