"""Prompts of IFEval, and the scores of answers to them."""

import asyncio
import gzip
import json

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.evaluators.verifiable import Verifiable
from didact.records import Answer
from didact.suites.ifeval import Ifeval

ROW = {
    "key": 7,
    "prompt": "Write a line without commas and at least two words.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{"num_words": None}, {"relation": "at least", "num_words": 2}],
}


def suite(tmp_path, *rows):
    path = tmp_path / "input_data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Ifeval(path=path)


def score(answers):
    notes = []

    async def collect():
        ctx = Context({}, on_event=lambda event, fields: notes.append(fields))
        return [s async for s in Verifiable().score(ctx, answers)]

    return asyncio.run(collect()), notes[-1]["instructions"]


def test_an_answer_is_scored_strictly_loosely_and_by_instruction(tmp_path):
    [item] = suite(tmp_path, ROW).read()
    assert item.instruction == ROW["prompt"]
    texts = {"good": "two words", "half": "one, two", "loose": "Yes, sure:\ntwo words"}
    answers = [Answer(example=item, model=m, text=text, call="") for m, text in texts.items()]
    scores, told = score(answers)
    values = {(s.model, s.metric): s.value for s in scores}
    assert [values["good", m] for m in ("strict", "loose", "followed")] == [100, 100, 100]
    assert [values["half", m] for m in ("strict", "loose", "followed")] == [0, 0, 50]
    assert [values["loose", m] for m in ("strict", "loose", "followed")] == [0, 100, 50]
    assert told["half"]["all"] == {"checked": 2, "strict": 1, "loose": 1}
    assert told["loose"]["punctuation:no_comma"] == {"checked": 1, "strict": 0, "loose": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instruction_id_list": ["punctuation:none"], "kwargs": [{}]}, "no check for"),
        ({"kwargs": [{}]}, "one for each instruction"),
        ({"kwargs": [{}, 3]}, "one for each instruction"),
        ({"instruction_id_list": []}, "not empty"),
        ({"prompt": " "}, "'prompt'"),
    ],
)
def test_a_row_that_cannot_be_checked_is_named(tmp_path, change, message):
    with pytest.raises(ConfigError, match=rf"line 2.*{message}"):
        list(suite(tmp_path, ROW, {**ROW, **change}).read())


def test_an_instruction_without_its_argument_is_an_error(tmp_path):
    [item] = suite(tmp_path, {**ROW, "kwargs": [{}, {"relation": "at least"}]}).read()
    with pytest.raises(ConfigError, match=r"number_words: 'num_words'"):
        score([Answer(example=item, model="a", text="so it is", call="")])


def test_the_recorded_replies_have_their_recorded_accuracies(data):
    """The two prompts of difference are told apart in the tests of the checks."""
    pytest.importorskip("py3langid")
    items = {
        item.instruction: item for item in Ifeval(path=data / "ifeval/input_data.jsonl").read()
    }
    assert len(items) == 541
    with gzip.open(data / "ifeval/eval_results_strict.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    scores, told = score(
        [
            Answer(example=items[row["prompt"]], model="gpt-4", text=row["response"], call="")
            for row in rows
        ]
    )
    strict = [s.value for s in scores if s.metric == "strict"]
    recorded = [100.0 * row["follow_all_instructions"] for row in rows]
    assert sum(a != b for a, b in zip(strict, recorded, strict=True)) == 3
    assert sum(strict) / len(strict) == pytest.approx(77.22, abs=0.2)
    assert told["gpt-4"]["all"]["checked"] == 832
