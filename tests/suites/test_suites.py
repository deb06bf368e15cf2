"""Items of the suites: from rows made here, and from the published files where they are."""

import asyncio
import json
from collections import Counter

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.evaluators.final_answer import FinalAnswer
from didact.records import Answer
from didact.suites.alpaca_eval import AlpacaEval
from didact.suites.gsm8k import Gsm8k
from didact.suites.superni import Superni
from didact.suites.unnatural import Unnatural
from didact.suites.user_252 import User252
from didact.suites.vicuna_80 import Vicuna80
from didact.text.final_answers import final_answer, marked_answer


def written(tmp_path, *rows, name="rows.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_user_oriented_task_keeps_its_application(tmp_path):
    row = {
        "id": "user_oriented_task_0",
        "motivation_app": "Mail",
        "instruction": "Answer it.",
        "instances": [{"input": "Will you come?", "output": "I will."}],
    }
    [item] = User252(path=written(tmp_path, row)).read()
    assert (item.instruction, item.input, item.output) == (
        "Answer it.",
        "Will you come?",
        "I will.",
    )
    assert item.meta == {"key": "user_oriented_task_0", "category": "Mail"}


def test_a_question_takes_the_recorded_answer_of_its_number(tmp_path):
    questions = written(
        tmp_path,
        {"question_id": 1, "text": "Why?", "category": "generic"},
        {"question_id": 2, "turns": ["How?"], "category": "math"},
    )
    assert [(i.instruction, i.output) for i in Vicuna80(path=questions).read()] == [
        ("Why?", ""),
        ("How?", ""),
    ]
    rows = [{"question_id": 2, "text": "So."}, {"question_id": 1, "text": "Because."}]
    answers = written(tmp_path, *rows, name="answers.jsonl")
    items = list(Vicuna80(path=questions, answers=answers).read())
    assert [item.output for item in items] == ["Because.", "So."]
    assert items[1].meta["category"] == "math"


def test_a_question_without_its_answer_or_of_two_turns_is_named(tmp_path):
    questions = written(tmp_path, {"question_id": 1, "text": "Why?"})
    answers = written(tmp_path, {"question_id": 2, "text": "So."}, name="answers.jsonl")
    with pytest.raises(ConfigError, match=r"line 1.*question 1: no answer"):
        list(Vicuna80(path=questions, answers=answers).read())
    twice = written(tmp_path, {"question_id": 1, "turns": ["Why?", "How?"]})
    with pytest.raises(ConfigError, match=r"line 1.*more than one turn"):
        list(Vicuna80(path=twice).read())


def test_outputs_of_a_reference_are_joined_by_instruction(tmp_path):
    path = written(tmp_path, {"instruction": "A?", "dataset": "koala", "output": "own"})
    [item] = AlpacaEval(path=path).read()
    assert (item.output, item.meta["category"]) == ("own", "koala")
    rows = [{"instruction": "B?", "output": "b"}, {"instruction": "A?", "output": "a"}]
    reference = written(tmp_path, *rows, name="outputs.jsonl")
    [item] = AlpacaEval(path=path, reference=reference).read()
    assert item.output == "a"
    path = written(tmp_path, {"instruction": "C?", "dataset": "koala"})
    [item] = AlpacaEval(path=path).read()
    assert item.output == ""
    with pytest.raises(ConfigError, match=r"line 1.*no output"):
        list(AlpacaEval(path=path, reference=reference).read())


@pytest.mark.parametrize(
    ("words", "bucket"), [(1, "0-2"), (3, "3-5"), (6, "6-10"), (10, "6-10"), (11, "over 10")]
)
def test_a_reference_is_in_the_bucket_of_its_length(tmp_path, words, bucket):
    """methods.md section 3.6 gives the buckets, section 4 the prompt."""
    part = {"input": "x", "instruction_with_input": "Do it: x", "output": "word " * words}
    row = {"instruction": "Do it", "instances": [part]}
    items = list(Unnatural(path=written(tmp_path, row, row), most=1).read())
    assert [(item.instruction, item.meta["category"]) for item in items] == [("Do it: x", bucket)]


def final(item, text, **settings):
    async def collect():
        answer = Answer(example=item, model="a", text=text, call="")
        return [s async for s in FinalAnswer(**settings).score(Context({}), [answer])]

    [score] = asyncio.run(collect())
    return score.value


@pytest.mark.parametrize(
    ("text", "lenient", "marked"),
    [
        ("So 1000+2 = 1002\n#### 1,002", 100, 100),
        ("#### $1002.00", 100, 100),
        ("The answer is 1000 + 2 = 1002 apples, not 7.", 100, 0),
        ("It is 1,002.", 100, 0),
        ("\\boxed{1002} of 5", 100, 0),
        ("**Answer:** 1002 (of 5)", 100, 0),
        ("1002 or 1003", 0, 0),
        ("-1002", 0, 0),
        ("no idea", 0, 0),
        ("", 0, 0),
    ],
)
def test_the_final_number_counts_however_it_is_said(tmp_path, text, lenient, marked):
    row = {"question": "How many?", "answer": "It is 1000+2=<<1000+2=1002>>1002.\n#### 1,002"}
    [item] = Gsm8k(path=written(tmp_path, row), instruction="Work it out.").read()
    assert item.output == "It is 1000+2=1002.\n#### 1,002"
    assert (item.instruction, item.input) == ("Work it out.", "How many?")
    assert final(item, text) == lenient
    assert final(item, text, reading="marked") == marked


def test_a_solution_without_its_result_is_named(tmp_path):
    path = written(tmp_path, {"question": "How many?", "answer": "Five."})
    with pytest.raises(ConfigError, match=r"line 1.*####"):
        list(Gsm8k(path=path).read())


def test_unseen_tasks_are_shown_with_definition_and_examples(tmp_path):
    """methods.md section 10.3, golden with two positive examples."""
    task = {
        "Task": "task1_money",
        "Categories": ["Question Rewriting", "Other"],
        "Definition": ["Return the currency of the given country"],
        "Positive Examples": [
            {"input": "Japan", "output": "Yen", "explanation": ""},
            {"input": "France?", "output": "Euro", "explanation": ""},
        ],
        "Negative Examples": [],
        "Instances": [
            {"id": f"task1-{n}", "input": "India", "output": [f"Rupee {n}", "INR"]}
            for n in range(3)
        ],
    }
    path = written(tmp_path, task)
    items = list(Superni(path=path, instances=2).read())
    assert [item.references for item in items] == [("Rupee 0", "INR"), ("Rupee 1", "INR")]
    assert items[0].instruction == (
        "Definition: Return the currency of the given country.\n\n"
        " Positive Example 1 -\nInput: Japan.\n Output: Yen.\n\n"
        " Positive Example 2 -\nInput: France?\n Output: Euro.\n\n"
        "Now complete the following example -\nInput: India.\nOutput: "
    )
    assert (items[0].meta["category"], items[0].meta["task"]) == (
        "Question Rewriting",
        "task1_money",
    )
    [bare, *_] = Superni(path=path, positive=0).read()
    assert "Example 1" not in bare.instruction


def test_the_published_files_are_read_whole(data):
    apps = list(User252(path=data / "self_instruct/user_oriented_instructions.jsonl").read())
    assert len(apps) == 252
    folder = data / "vicuna_eval"
    answers = folder / "answer/answer_gpt35.jsonl.gz"
    questions = list(Vicuna80(path=folder / "question.jsonl", answers=answers).read())
    assert len(questions) == 80
    assert len({item.meta["category"] for item in questions}) == 9
    folder = data / "alpaca_eval"
    outputs = folder / "outputs/text_davinci_003.jsonl.gz"
    items = list(AlpacaEval(path=folder / "instructions.jsonl", reference=outputs).read())
    assert Counter(item.meta["category"] for item in items) == {
        "selfinstruct": 252, "oasst": 188, "koala": 156, "helpful_base": 129, "vicuna": 80,
    }  # fmt: skip
    assert sum(not item.output.strip() for item in items) == 2


def test_every_published_solution_is_right_by_its_own_result(data):
    problems = list(Gsm8k(path=data / "gsm8k/test.jsonl.gz").read())
    assert len(problems) == 988
    assert all("<<" not in item.output for item in problems)
    results = [marked_answer(item.output) for item in problems]
    assert all(results)
    assert results == [final_answer(item.output) for item in problems]
    worked = [final_answer(item.output.partition("####")[0]) for item in problems]
    # A solution may name another number behind its result.
    assert sum(a == b for a, b in zip(worked, results, strict=True)) > 0.9 * len(problems)


def test_the_unseen_tasks_are_read_in_hundreds(data):
    folder = data / "superni"
    names = folder / "splits/default_test_tasks.txt"
    items = list(Superni(path=folder / "test_tasks.jsonl.gz", tasks=names).read())
    counts = Counter(item.meta["task"] for item in items)
    assert len(counts) == 59
    assert max(counts.values()) == 100
    assert len({item.meta["category"] for item in items}) == 10
    assert len(items) == 5826  # one task has 26
