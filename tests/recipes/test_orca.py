"""Orca: questions drawn, system messages, two teachers in their order, the accounts."""

import asyncio
import gzip
import json
from collections import Counter

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.scripted import Scripted
from didact.recipes.orca import Orca
from didact.records import Example, Message, Origin, Reply
from didact.sources.openorca import Openorca
from didact.text.explanations import MESSAGES


def seed(text, *, made_by="test", **meta):
    return Example.single(text, "gold", origin=Origin(recipe=made_by), meta=meta)


def seeds(count, **how):
    return [seed(f"What is {n} and {n}?", **how) for n in range(count)]


def run(recipe, given, weaker="Short.", stronger="Long, with reasons.", number=3):
    events = []
    models = {
        "weaker": Scripted(replies=weaker if callable(weaker) else lambda _: weaker, name="w"),
        "teacher": Scripted(replies=stronger if callable(stronger) else lambda _: stronger),
    }

    async def collect():
        listen = lambda e, fields: events.append((e, fields))  # noqa: E731
        ctx = Context(models, seed=number, on_event=listen)
        return [example async for example in recipe.run(ctx, given)]

    examples = asyncio.run(collect())
    [told] = [fields for event, fields in events if event == "statistics"]
    stages = told["stages"]
    assert told["seeds"] == sum(told["questions"].values()) + sum(told["refused"].values())
    for one in stages:
        assert one["questions"] == one["answers"] + sum(one["dropped"].values())
    assert len(examples) == sum(one["answers"] for one in stages) == told["funnel"]["accepted"]
    return examples, told, models


def test_the_weaker_teacher_answers_all_and_then_the_stronger_one_a_fifth_again():
    """methods.md 15.1: 5M answers of the first stage, then 1M of the second, in this order."""
    examples, told, models = run(Orca(), seeds(50))
    assert [example.meta["stage"] for example in examples] == [1] * 50 + [2] * 10
    first, second = examples[:50], examples[50:]
    assert {example.output for example in first} == {"Short."}
    assert {example.meta["answered_by"] for example in second} == {"teacher"}
    # Random questions of the first stage, asked in the same words.
    prompts = {example.prompt for example in first}
    assert {example.prompt for example in second} <= prompts
    order = [example.prompt for example in first]
    places = [order.index(example.prompt) for example in second]
    assert places == sorted(places) != list(range(10))
    assert told["stronger_answers_longer"] == 3.0
    assert told["paper"]["stronger_answers_longer"] == 1.5
    assert [len(model.asked) for model in models.values()] == [50, 10]


def test_an_example_is_system_message_question_and_answer():
    """methods.md 15.1: the triple; sampling 0.7 and 0.95."""
    examples, _, models = run(Orca(), seeds(30, made_by="flan", licence="CC0"))
    for example in examples:
        assert [turn.role for turn in example.messages] == ["system", "user", "assistant"]
        assert example.messages[0].content == MESSAGES[example.meta["system_message"]]
        assert example.meta["collection"] == "flan2021"
        assert example.meta["old_output"] == "gold"
        assert example.meta["licence"] == "CC0"
        assert len(example.origin.parents) == len(example.origin.calls) == 1
    sampling = models["teacher"].asked[0].sampling
    assert (sampling.temperature, sampling.top_p) == (0.7, 0.95)


def test_an_empty_system_message_is_none():
    """methods.md 15.1: one of the 16 is empty."""
    examples, told, _ = run(Orca(), seeds(40, made_by="promptsource"))
    bare = [example for example in examples if example.meta["system_message"] == 1]
    assert bare
    assert all(example.messages[0].role == "user" for example in bare)
    assert told["system_messages"].keys() == {"1", "2", "3", "5", "7"}


def test_numbers_8_and_10_are_for_questions_with_answers_to_choose_from():
    """methods.md 15.1."""
    plain = seeds(60, made_by="flan")
    offered = [seed(f"Is {n} odd?\nOPTIONS:\n- yes\n- no", made_by="flan") for n in range(60)]
    examples, told, _ = run(Orca(stages="weaker"), [*plain, *offered])
    numbers = [example.meta["system_message"] for example in examples]
    assert set(numbers[:60]) == {3, 4, 7}
    assert set(numbers[60:]) == {3, 4, 7, 8, 10}
    assert told["multiple_choice"] == 60


def test_the_part_of_flan_is_told_by_meta_or_by_the_maker():
    """methods.md 15.1 and 15.2: cot, niv2, flan2021, t0; no dialogues."""
    given = [
        seed("a", made_by="chain-of-thought"),
        seed("b", made_by="superni", task="task1"),
        seed("c", made_by="flan", dataset="rte"),
        seed("d", made_by="promptsource"),
        seed("e", made_by="flan", rationale="For this."),
        seed("f", made_by="openorca", collection="niv"),
        seed("g", made_by="openorca", collection="t0"),
        seed("h"),
        seed("i", collection="dialog"),
    ]
    examples, told, _ = run(Orca(stages="weaker"), given)
    assert [example.meta["collection"] for example in examples] == [
        "cot", "niv2", "flan2021", "t0", "cot", "niv2", "t0", "other",
    ]  # fmt: skip
    assert told["refused"] == {"dialogue": 1}
    # What the seeds say of their old answers is not said of the new ones.
    assert "rationale" not in examples[4].meta
    forced, _, _ = run(Orca(stages="weaker", collection="cot"), given[-1:])
    assert forced[0].meta["collection"] == "cot"


def test_no_more_than_so_many_of_a_task_of_niv2():
    """methods.md 15.1: at most 300 a task, so 440K of 5M."""
    big = [seed(f"big {n}", made_by="superni", task="big") for n in range(400)]
    small = [seed(f"small {n}", made_by="superni", task="small") for n in range(20)]
    _, told, _ = run(Orca(stages="weaker"), [*big, *small])
    assert told["questions"] == {"niv2": 320}
    assert told["refused"] == {"over the cap of a task": 100}
    assert told["tasks"] == 2
    # A part whose tasks are not told is not one task of 300.
    _, told, _ = run(Orca(stages="weaker", collection="niv2"), seeds(400))
    assert told["questions"] == {"niv2": 400}


def test_tasks_are_equally_likely_until_they_are_empty():
    """methods.md 15.1: pick a task uniformly, then a question without replacement."""
    given = [seed(f"big {n}", made_by="flan", dataset="big") for n in range(900)]
    given += [seed(f"mid {n}", made_by="flan", dataset="mid") for n in range(100)]
    given += [seed(f"small {n}", made_by="flan", dataset="small") for n in range(10)]
    examples, told, _ = run(Orca(stages="weaker", flan2021=150), given)
    counts = Counter(example.meta["dataset"] for example in examples)
    assert counts["small"] == 10
    assert abs(counts["big"] - 70) < 20
    assert abs(counts["mid"] - 70) < 20
    assert counts.total() == 150 == told["questions"]["flan2021"]
    order = [example.prompt[-1].content for example in examples]
    assert order == [s.instruction for s in given if s.instruction in set(order)]


def test_only_single_questions_without_exemplars_are_asked_and_each_once():
    """methods.md 15.1: zero-shot only."""
    talk = (Message("user", "Hi"), Message("assistant", "Hi"), Message("user", "Why?"))
    other = Example.single("Add.", "another", origin=Origin(recipe="test"))
    given = [
        seed("Add.", shots=0),
        seed("Shown.", shots=3),
        Example(messages=(*talk, Message("assistant", "So.")), origin=Origin(recipe="test")),
        other,
        seed(" "),
    ]
    examples, told, _ = run(Orca(stages="weaker"), given)
    assert [example.instruction for example in examples] == ["Add."]
    assert told["refused"] == {
        "shows exemplars": 1,
        "several turns": 1,
        "the same question": 1,
        "no question": 1,
    }


def test_each_stage_alone_asks_what_both_together_ask():
    both, _, _ = run(Orca(), seeds(25))
    first, _, models = run(Orca(stages="weaker"), seeds(25))
    assert not models["teacher"].asked
    second, _, models = run(Orca(stages="stronger"), seeds(25))
    assert not models["weaker"].asked
    assert [*first, *second] == both
    assert [*Orca(stages="weaker").needs] == ["weaker"]
    assert [*Orca().needs] == ["weaker", "model"]


def test_the_questions_do_not_depend_on_the_order_of_the_seeds():
    given = [seed(f"q {n}", made_by="promptsource", dataset=f"d{n % 3}") for n in range(60)]
    recipe = Orca(t0=20)
    one, _, _ = run(recipe, given)
    two, _, _ = run(recipe, given[::-1])
    assert {example.id for example in one} == {example.id for example in two}


def test_answers_that_are_none_are_counted_by_reason():
    """methods.md 18.7 (2)."""
    replies = iter(
        [Reply(text="x", finish="length"), Reply(text="", finish="refused"), " ", "Fine."]
    )

    def failing(_):
        raise ModelError("too long", status=400)

    examples, told, _ = run(Orca(part=1.0), seeds(4), lambda _: next(replies), failing)
    assert [example.output for example in examples] == ["Fine."]
    weaker, stronger = told["stages"]
    assert weaker["dropped"] == {"answer cut off": 1, "answer refused": 1, "answer empty": 1}
    assert stronger["dropped"] == {"no reply": 4}
    assert "stronger_answers_longer" not in told


def test_one_model_in_both_roles_answers_twice():
    words = iter(range(100))
    examples, _, models = run(
        Orca(weaker="teacher", part=1.0), seeds(5), stronger=lambda _: f"Answer {next(words)}."
    )
    assert len({example.id for example in examples}) == 10
    assert [request.draw for request in models["teacher"].asked] == [0] * 5 + [1] * 5


def test_the_estimate_is_what_is_asked():
    given = [seed(f"q {n}", made_by="superni", task="t") for n in range(12)]
    recipe = Orca(per_task=10, part=0.3)
    steps = recipe.estimate(given).steps
    _, _, models = run(recipe, given)
    assert [(step.role, step.calls.high) for step in steps] == [("weaker", 10), ("teacher", 3)]
    assert [len(model.asked) for model in models.values()] == [10, 3]


def test_wrong_settings_are_told():
    for wrong in ({"part": 0}, {"part": 1.5}, {"per_task": 0}, {"cot": -1}):
        with pytest.raises(ConfigError):
            Orca(**wrong)
    with pytest.raises(ConfigError, match="there are no questions"):
        run(Orca(), [])


def test_real_questions_of_openorca_find_their_messages(data, tmp_path):
    """methods.md 15.2."""
    rows = []
    with gzip.open(data / "orca_sample/orca_dpo_pairs.jsonl.gz", "rt", encoding="utf-8") as file:
        for number, line in enumerate(file):
            system, question = ("", *json.loads(line)["input"]["messages"])[-2:]
            rows.append(
                {
                    "id": f"{('niv', 't0', 'cot', 'flan')[number % 4]}.{number}",
                    "system_prompt": system["content"] if system else "",
                    "question": question["content"],
                    "response": "old",
                }
            )
    path = tmp_path / "1M-GPT4-Augmented.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = list(Openorca(path=path).read())
    examples, told, _ = run(Orca(), given)
    assert told["seeds"] == len(rows) == 222
    assert sum(told["questions"].values()) > 200
    assert told["refused"].keys() <= {"the same question"}
    assert 35 < told["multiple_choice"] < 70
    # The system message of the row has made room for one of ours.
    assert all(len(example.messages) <= 3 for example in examples)
