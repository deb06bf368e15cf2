"""Chain of thought: given and elicited reasons, inversion, exemplars, the accounts."""

import asyncio
import json

import pytest

from didact.context import Context
from didact.errors import ConfigError, ModelError
from didact.models.scripted import Scripted
from didact.recipes.chain_of_thought import ChainOfThought
from didact.records import Example, Origin, Reply


def write(folder, rows, name="rows.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows(count, **more):
    return [
        {"question": f"What is {n} and 1?", "answer": str(n + 1), "rationale": f"{n} + 1.", **more}
        for n in range(count)
    ]


def run(recipe, reply="", seeds=(), seed=3):
    events = []
    model = Scripted(replies=reply if callable(reply) else lambda _: reply)

    async def collect():
        listen = lambda e, fields: events.append((e, fields))  # noqa: E731
        ctx = Context({"teacher": model}, seed=seed, on_event=listen)
        return [example async for example in recipe.run(ctx, seeds)]

    examples = asyncio.run(collect())
    [told] = [fields for event, fields in events if event == "statistics"]
    assert told["rows"] == told["examples"] + sum(told["refused"].values())
    assert len(examples) == told["examples"] + told["turned"]
    return examples, told, model


def test_the_target_is_the_rationale_an_answer_phrase_and_the_answer(tmp_path):
    """methods.md 8.3."""
    examples, told, model = run(ChainOfThought(data=write(tmp_path, rows(50))))
    assert not model.asked
    assert told["examples"] == 50
    for n, example in enumerate(examples):
        assert f"What is {n} and 1?" in example.messages[0].content
        assert example.output.startswith(f"{n} + 1.")
        assert example.output.rstrip(".").endswith(str(n + 1))
        assert example.meta["elicited"] is False
    assert len({example.meta["template"] for example in examples}) == 10


def test_a_table_without_header_has_its_breaks_decoded(tmp_path):
    """methods.md 8.3: question, answer, chain of thought; a literal backslash-n is a break."""
    path = tmp_path / "t.tsv"
    path.write_text('A "b"\\nc?\tyes\tOne.\\nTwo.\nB?\tno\t\n')
    [example], told, _ = run(ChainOfThought(data=path, model=None))
    assert 'A "b"\nc?' in example.messages[0].content
    assert example.meta["rationale"] == "One.\nTwo."
    assert told["refused"] == {"no rationale": 1}


def test_worked_solutions_are_taken_apart(tmp_path):
    """methods.md 8.3."""
    path = write(tmp_path, [{"question": "2+2?", "answer": "It is <<2+2=4>>4.\n#### 4"}])
    [example], _, model = run(ChainOfThought(data=path))
    assert not model.asked
    assert (example.meta["rationale"], example.meta["answer"]) == ("It is 4.", "4")


def elicit(tmp_path, *replies, **settings):
    left = list(replies)
    path = write(tmp_path, [{"question": "2+2?", "answer": "4"}])
    return run(ChainOfThought(data=path, **settings), lambda _: left.pop(0))


def test_reasons_are_kept_only_where_the_final_answer_is_right(tmp_path):
    """methods.md 8.3 has the data; the brief is STaR's: right answers only."""
    replies = (
        "Hm.\nAnswer: 5",
        "No idea.",
        Reply(text="Two\nAnswer: 4", finish="length"),
        "Answer: 4",
        "Two and two.\nAnswer: 4",
    )
    [example], told, model = elicit(tmp_path, *replies, attempts=5)
    assert example.meta["rationale"] == "Two and two."
    assert example.meta["elicited"] is True
    assert len(example.origin.calls) == 1
    assert [request.draw for request in model.asked] == [0, 1, 2, 3, 4]
    assert told["replies"] == {
        "no final answer": 1,
        "no reasons": 1,
        "reply not complete (length)": 1,
        "right": 1,
        "wrong answer": 1,
    }


def test_a_question_never_answered_rightly_is_refused_and_counted(tmp_path):
    examples, told, model = elicit(tmp_path, *["x\nAnswer: 5"] * 3, attempts=3)
    assert (examples, len(model.asked)) == ([], 3)
    assert told["refused"] == {"no right answer": 1}


def test_a_failed_call_is_counted_as_such(tmp_path):
    def fail(_):
        raise ModelError("too long", status=400)

    path = write(tmp_path, [{"question": "2+2?", "answer": "4"}, *rows(2)])
    examples, told, _ = run(ChainOfThought(data=path), fail)
    assert len(examples) == 2
    assert told["refused"] == {"no reply": 1}


def test_without_a_model_rows_without_reasons_are_refused(tmp_path):
    path = write(tmp_path, [{"question": "2+2?", "answer": "4"}, *rows(2)])
    _, told, model = run(ChainOfThought(data=path, model=None))
    assert told["refused"] == {"no rationale": 1}
    assert not model.asked


def test_turned_examples_are_mixed_in_at_three_to_ten(tmp_path):
    """methods.md 8.1, 8.3: input inversion 0.3 to 1; 18 templates."""
    path = write(tmp_path, rows(1000))
    examples, told, _ = run(ChainOfThought(data=path, inversion=0.3))
    assert told["examples"] == 1000
    assert abs(told["turned"] - 300) < 50
    turned = [e for e in examples if e.meta["turned"]]
    assert {e.meta["template"] for e in turned} == set(range(18))
    plain, _, _ = run(ChainOfThought(data=path))
    assert [e for e in examples if not e.meta["turned"]] == plain


def test_exemplars_have_reasons_too(tmp_path):
    """methods.md 8.1: cot has zero-shot and few-shot at 50 % each."""
    recipe = ChainOfThought(data=write(tmp_path, rows(200)), few_shot=0.5, shots=2)
    examples, _, _ = run(recipe)
    few = [e for e in examples if e.meta["shots"]]
    assert 70 < len(few) < 130
    for example in few:
        parts = example.messages[0].content.split("\n\n\n")
        assert len(parts) == 3
        assert all("+ 1." in part for part in parts[:2])
        assert "+ 1." not in parts[2]


def test_seeds_have_their_reasons_in_meta_or_are_asked_about():
    origin = Origin(recipe="t")
    seeds = [
        Example.single("Add.", "3", input="1, 2", origin=origin, meta={"rationale": "1+2=3"}),
        Example.single("Add.", "5", input="2, 3", origin=origin),
    ]
    examples, _, model = run(ChainOfThought(), "2+3=5\nAnswer: 5", seeds)
    assert [e.meta["rationale"] for e in examples] == ["1+2=3", "2+3=5"]
    assert [e.origin.parents for e in examples] == [(seed.id,) for seed in seeds]
    assert model.asked[0].messages[0].content.startswith("Add.\n2, 3\n\n")


def test_templates_of_ones_own(tmp_path):
    (tmp_path / "t.yaml").write_text('- ["{question} Why?", "{chain_of_thought} => {answer}"]\n')
    path = write(tmp_path, rows(1))
    [example], _, _ = run(ChainOfThought(data=path, templates=tmp_path / "t.yaml"))
    assert example.messages[0].content == "What is 0 and 1? Why?"
    assert example.output == "0 + 1. => 1"


def test_rows_that_are_none_are_told(tmp_path):
    path = write(
        tmp_path, [{"question": "a", "answer": None}, {"question": "", "answer": "b"}, *rows(3)]
    )
    _, told, _ = run(ChainOfThought(data=path, most_rows=2))
    assert told["refused"] == {"no question or answer": 2, "over the cap": 1}
    with pytest.raises(ConfigError, match="no column 'query'; there are question, answer"):
        run(ChainOfThought(data=path, question="query"))
    path.write_text('{"question": "a", "answer": "b"}\n{')
    with pytest.raises(ConfigError, match=r"rows\.jsonl, line 2: not a JSON object"):
        run(ChainOfThought(data=path))
    with pytest.raises(ConfigError, match="there are no rows"):
        run(ChainOfThought())
    for wrong in ({"attempts": 0}, {"inversion": 2}, {"shots": 0}):
        with pytest.raises(ConfigError):
            ChainOfThought(**wrong)
