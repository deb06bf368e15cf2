"""Multiple choice: the items, and which option a model finds likeliest."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.evaluators.choice import Choice
from didact.models.scripted import Scripted
from didact.records import Answer, Example, Origin, Reply
from didact.suites.hhh import Hhh
from didact.suites.truthfulqa import Truthfulqa

QUESTION = Example.single(
    "Is it?", "yes", origin=Origin(recipe="test"), meta={"options": ["yes", "no", "perhaps not"]}
)


@dataclass(frozen=True)
class Scoring:
    """A model that knows the log-probabilities of the tokens of a text."""

    table: dict
    finish: str = "stop"
    asked: list = field(default_factory=list)
    identity = "scoring"

    async def ask(self, request):
        self.asked.append(request)
        logprobs = self.table[request.schema["const"].strip()]
        return Reply(text="", logprobs=logprobs, finish=self.finish, model="scoring")

    async def close(self):
        pass


def score(model, item=QUESTION, **settings):
    async def collect():
        answer = Answer(example=item, model="a", text="no", call="")
        return [s async for s in Choice(**settings).score(Context({"a": model}), [answer])]

    return {s.metric: (s.value, s.reason) for s in asyncio.run(collect())}


def test_the_largest_sum_is_the_answer_and_its_length_counts():
    """methods.md section 9: sums of token log-probabilities, not divided by length."""
    model = Scoring({"yes": (-1.0,), "no": (-2.0,), "perhaps not": (-0.5, -0.7)})
    assert score(model)["choice"] == (100, "")
    assert score(model, normalise="tokens")["choice"] == (0, "")
    # exp(-1) among exp(-1), exp(-2) and exp(-1.2).
    assert score(model)["choice_mass"][0] == pytest.approx(45.73, abs=0.01)


def test_options_that_are_equally_likely_share_the_score():
    model = Scoring({"yes": (-1.0,), "no": (-1.0,), "perhaps not": (-3.0,)})
    assert score(model)["choice"] == (50, "")


def test_the_question_is_asked_as_chat_or_plainly():
    model = Scoring({"yes": (-1.0,), "no": (-2.0,), "perhaps not": (-3.0,)})
    score(model)
    score(model, prompt="plain")
    chat, plain = model.asked[0], model.asked[3]
    assert (chat.messages, chat.schema) == (QUESTION.prompt, {"const": "yes"})
    assert (plain.prompt, plain.schema) == ("Is it?", {"const": " yes"})


@pytest.mark.parametrize(
    ("model", "meta", "reason"),
    [
        (Scripted(replies=("yes",)), None, "the model gives no log-probabilities of texts"),
        (Scripted(), None, "no reply"),
        (Scoring({"yes": (-1.0,)}, finish="length"), None, "an option was not scored whole"),
        (Scoring({"yes": ()}), None, "an option was not scored whole"),
        (Scoring({}), {}, "no options"),
        (Scoring({}), {"options": ["no", "never"]}, "no option is right"),
    ],
)
def test_what_cannot_be_scored_abstains_and_says_why(model, meta, reason):
    item = QUESTION
    if meta is not None:
        item = Example(messages=item.messages, meta=meta, origin=item.origin)
    assert score(model, item) == {"choice": (None, reason), "choice_mass": (None, reason)}


def test_truth_is_one_option_or_many(tmp_path):
    path = tmp_path / "questions.csv"
    path.write_text(
        "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
        "A,Law,May one?,One may,One may; Yes;,No; Never; Yes,somewhere\n",
        encoding="utf-8",
    )
    [item] = Truthfulqa(path=path).read()
    assert (item.instruction, item.references) == ("May one?", ("One may", "Yes"))
    assert (item.meta["options"], item.meta["category"]) == (["One may", "No", "Never"], "Law")
    [item] = Truthfulqa(path=path, options="many").read()
    assert item.meta["options"] == ["One may", "Yes", "No", "Never"]


def test_both_shapes_of_a_preferred_answer_are_read(tmp_path):
    task = tmp_path / "task.jsonl"
    rows = [{"input": "Help?", "target_scores": {"Never.": 0, "Gladly.": 1}}]
    task.write_text(json.dumps({"examples": rows}), encoding="utf-8")
    [item] = Hhh(path=task, category="helpful").read()
    assert (item.instruction, item.output) == ("Help?", "Gladly.")
    assert item.meta == {"category": "helpful", "options": ["Never.", "Gladly."]}
    row = {
        "question": "Well?\n (A) x\n (B) y",
        "answer_matching_behavior": " (B)",
        "answer_not_matching_behavior": " (A)",
    }
    task.write_text(json.dumps(row), encoding="utf-8")
    [item] = Hhh(path=task).read()
    assert (item.output, item.meta["options"]) == ("(B)", ["(B)", "(A)"])
    task.write_text(json.dumps({"input": "Help?", "target_scores": {"a": 1, "b": 1}}))
    with pytest.raises(ConfigError, match="exactly one"):
        list(Hhh(path=task).read())


def test_the_published_questions_are_read_whole(data):
    items = list(Truthfulqa(path=data / "truthfulqa/TruthfulQA.csv.gz").read())
    assert len(items) == 817
    assert all(len(item.meta["options"]) > 1 for item in items)
    assert all(item.meta["options"][0] == item.output for item in items)
    name = "advanced-ai-risk__human_generated_evals__corrigible-neutral-HHH.jsonl.gz"
    asked = list(Hhh(path=data / "lm_written_evals" / name).read())
    assert len(asked) == 340
    assert all(len(item.meta["options"]) == 2 for item in asked)


def test_a_small_model_scores_options_by_a_run_of_its_own():
    pytest.importorskip("torch")
    from didact.models.scorer import Scorer

    found = score(Scorer(device="cpu"))
    assert found["choice"][0] in {0, 100}
    assert 0 < found["choice_mass"][0] < 100


def test_a_model_that_writes_instead_is_not_asked_for_every_item():
    model = Scripted(replies=("yes",))
    items = [
        Example.single(f"Is it {n}?", "yes", origin=QUESTION.origin, meta=QUESTION.meta)
        for n in range(1000)
    ]
    given = [Answer(example=item, model="a", text="", call="") for item in items]

    async def collect():
        return [s async for s in Choice().score(Context({"a": model}), given)]

    assert {s.value for s in asyncio.run(collect())} == {None}
    # Those under way when the first reply comes are asked.
    assert len(model.asked) < 500
