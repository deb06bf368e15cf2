"""FLAN over rows of one's own: arms, mixing, few-shot, options, what is refused."""

import asyncio
import json
from collections import Counter

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.labelled.data_set import LabelledSet
from didact.recipes.flan import Flan
from didact.records import Example, Origin
from didact.runfile import load

YESNO = ("yes", "no")


def write(folder, name, rows):
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def reviews(folder, count, name="reviews"):
    rows = [{"text": f"Film {n} of {name}.", "label": n % 2} for n in range(count)]
    columns = {"answer": "label"}
    return LabelledSet(
        name=name,
        data=write(folder, name, rows),
        shape="sentiment",
        cluster="sentiment",
        columns=columns,
        labels=("bad", "good"),
    )


def run(recipe, seeds=(), seed=3):
    events = []

    async def collect():
        ctx = Context({}, seed=seed, on_event=lambda e, fields: events.append((e, fields)))
        return [example async for example in recipe.run(ctx, seeds)]

    examples = asyncio.run(collect())
    [told] = [fields for event, fields in events if event == "statistics"]
    return examples, told["sets"]


def prompt(example):
    return example.messages[0].content


def checked(told):
    for one in told.values():
        assert one["rows"] == one["examples"] + sum(one["refused"].values())


def test_every_template_gets_exactly_a_tenth_in_order_and_the_rest_is_counted(tmp_path):
    """methods.md 7.1: batches of ten, row i gets template i, the remainder is dropped."""
    examples, told = run(Flan(sets=(reviews(tmp_path, 47),), mode="faithful"))
    assert [example.meta["template"] for example in examples] == list(range(10)) * 4
    refused = told["reviews"]["refused"]
    assert refused == {"last rows short of a template each": 7}
    checked(told)


def test_rows_are_capped_first_and_then_count_at_most_the_rate(tmp_path):
    """methods.md 7.2: 30,000 rows, rate 3,000; here a tenth of a hundredth of that."""
    sets = tuple(reviews(tmp_path, n, f"set{n}") for n in (400, 30, 5))
    examples, told = run(Flan(sets=sets, most_rows=300, rate=30))
    assert Counter(example.meta["dataset"] for example in examples) == {
        "set400": 30,
        "set30": 30,
        "set5": 5,
    }
    assert told["set400"]["refused"] == {"over the cap": 100, "over the rate": 270}
    checked(told)


def test_a_target_keeps_the_proportion_of_the_rates(tmp_path):
    """methods.md 7.2: rates 30, 30, 5 are .4615, .4615, .0769."""
    sets = tuple(reviews(tmp_path, n, f"set{n}") for n in (300, 30, 5))
    examples, told = run(Flan(sets=sets, rate=30, target=26))
    assert [one["examples"] for one in told.values()] == [12, 12, 2]
    assert len(examples) == 26


def test_another_set_or_row_changes_nothing_of_a_row(tmp_path):
    alone, _ = run(Flan(sets=(reviews(tmp_path, 60),), rate=20, few_shot=0.0))
    other = reviews(tmp_path, 30, "other")
    beside, _ = run(Flan(sets=(other, reviews(tmp_path, 60)), rate=20))
    assert [e for e in beside if e.meta["dataset"] == "reviews"] == alone


def test_the_three_arms_say_what_to_do_the_name_or_nothing_of_the_same_rows(tmp_path):
    """methods.md 7.6."""
    rows = [{"en": f"Dog {n} runs", "fr": f"Le chien {n} court"} for n in range(40)]
    one = LabelledSet(
        name="WMT 14 to French",
        data=write(tmp_path, "wmt", [{**r, "a": "English", "b": "French"} for r in rows]),
        shape="translation",
        cluster="translation",
        columns={"source": "en", "target": "fr", "source_language": "a", "target_language": "b"},
        inputs=("source",),
    )
    names = ("instruction", "name", "none")
    arms = {arm: run(Flan(sets=(one,), arm=arm, rate=9))[0] for arm in names}
    for plain, named, told in zip(arms["none"], arms["name"], arms["instruction"], strict=True):
        number = prompt(plain).split()[1]
        assert prompt(plain) == f"Dog {number} runs"
        assert plain.output == named.output == f"Le chien {number} court"
        assert prompt(named) == f"[Translation: WMT 14 to French] Dog {number} runs"
        assert number in prompt(told) + told.output
        assert prompt(told) not in (prompt(plain), prompt(named))


def test_classification_lists_its_options_and_without_them_leaves_no_gap(tmp_path):
    """methods.md 7.1, 7.8, 8.2: the suffix; NoOpt removes it with the line breaks before."""
    sets = (reviews(tmp_path, 200),)
    listed, _ = run(Flan(sets=sets))
    bare, _ = run(Flan(sets=sets, options=0))
    asking = [(a, b) for a, b in zip(listed, bare, strict=True) if a.meta["options"]]
    assert 100 < len(asking) < 180
    for with_list, without in asking:
        assert prompt(with_list).endswith("OPTIONS:\n- bad\n- good")
        head = prompt(with_list).removesuffix("OPTIONS:\n- bad\n- good")
        assert prompt(without) == head.rstrip("\n")
        assert with_list.output == without.output
    assert "OPTIONS" not in "".join(map(prompt, bare))


def test_templates_that_turn_the_task_around_make_the_model_write_the_input(tmp_path):
    """methods.md 7.1: sentiment has three of ten."""
    examples, _ = run(Flan(sets=(reviews(tmp_path, 400),), mode="faithful"))
    turned = [e for e in examples if e.output.startswith("Film")]
    assert len(turned) == 120
    assert all(e.meta["options"] == [] for e in turned)


def test_letters_make_the_name_of_the_item_the_answer_and_dashes_its_text(tmp_path):
    """methods.md 8.2, 8.5."""
    examples, _ = run(Flan(sets=(reviews(tmp_path, 600),), option_style="varied"))
    names = texts = 0
    for example in examples:
        if example.meta["options"]:
            if example.output in ("bad", "good"):
                texts += 1
            else:
                names += 1
                assert example.output in prompt(example)
    assert names > 2 * texts > 40


def test_the_2022_collection_mixes_four_forms_a_quarter_each(tmp_path):
    """methods.md 8.1: zsopt, fsopt, zsnoopt, fsnoopt at 25 %."""
    one = reviews(tmp_path, 2000)
    examples, _ = run(Flan(sets=(one,), few_shot=0.5, options=0.5, shots=2))
    asked = [e for e in examples if e.output in ("bad", "good")]
    forms = Counter((bool(e.meta["shots"]), bool(e.meta["options"])) for e in asked)
    assert len(forms) == 4
    assert all(abs(count / len(asked) - 0.25) < 0.04 for count in forms.values())


def test_exemplars_share_the_template_and_are_never_the_row_itself(tmp_path):
    """methods.md 8.2: blank line and two blank lines between; the same template index."""
    examples, _ = run(Flan(sets=(reviews(tmp_path, 100),), few_shot=1, shots=3, max_templates=1))
    for example in examples:
        parts = prompt(example).split("\n\n\n")
        assert len(parts) == 4 == example.meta["shots"] + 1
        films = [part.split(".")[0] for part in parts]
        assert len(set(films)) == 4
        assert all(part.endswith(("\n\nbad", "\n\ngood")) for part in parts[:3])
        assert parts[3].endswith("OPTIONS:\n- bad\n- good")


def test_exemplars_without_room_go_and_the_prompt_becomes_zero_shot_or_is_refused(tmp_path):
    sets = (reviews(tmp_path, 100),)
    few, told = run(Flan(sets=sets, few_shot=1, shots=5, max_input=60, max_templates=1))
    assert {e.meta["shots"] for e in few} <= {0, 1, 2}
    none, told = run(Flan(sets=sets, few_shot=1, max_input=20, max_templates=1))
    assert {e.meta["shots"] for e in none} == {0}
    assert told["reviews"]["without room for exemplars"] == 100
    _, told = run(Flan(sets=sets, few_shot=1, max_input=20, max_templates=1, mode="faithful"))
    assert told["reviews"]["refused"] == {"no exemplar fits": 100}


def test_the_dialogue_form_has_the_published_turn_marks(tmp_path):
    """methods.md 7.5."""
    examples, _ = run(Flan(sets=(reviews(tmp_path, 30),), form="dialogue", max_templates=1))
    assert all(prompt(e).startswith("0 Film") for e in examples)
    assert all(prompt(e).endswith(" X 1 FLAN") for e in examples)


def test_holding_out_a_cluster_leaves_out_those_near_to_it(tmp_path):
    """methods.md 7.4."""
    sets = tuple(
        LabelledSet(name=kind, data=write(tmp_path, kind, [{"question": "q", "answer": kind}]),
                    shape="question", cluster=kind)
        for kind in ("paraphrase", "entailment", "sentiment")
    )  # fmt: skip
    _, told = run(Flan(sets=sets, held_out="entailment"))
    assert list(told) == ["sentiment"]
    with pytest.raises(ConfigError, match="every set is held out"):
        run(Flan(sets=sets[:2], held_out="paraphrase"))


def test_what_a_row_lacks_is_a_reason_and_counted(tmp_path):
    rows = [{"text": "Good.", "answer": "good"}, {"text": None, "answer": "bad"}]
    rows += [{"text": "Bad.", "answer": ""}, {"text": "Bad.", "answer": "bad"}]
    path = write(tmp_path, "holes", rows)
    own = tmp_path / "own.yaml"
    own.write_text('- ["{text} Your view?", "{answer}"]\n')
    _, told = run(Flan(sets=(LabelledSet(name="holes", data=path, templates=own),)))
    assert told["holes"]["refused"] == {"no text": 1, "empty target": 1}
    checked(told)
    rows = [{"text": f"T {n}", "answer": n - 1} for n in range(3)]
    path = write(tmp_path, "w", rows)
    one = LabelledSet(name="w", data=path, shape="sentiment", labels=("a", "b"))
    _, told = run(Flan(sets=(one,)))
    assert told["w"]["refused"] == {"no label": 1}
    checked(told)


def test_a_column_that_no_row_has_is_a_mistake_of_the_run_file(tmp_path):
    path = write(tmp_path, "x", [{"sentence": "a", "answer": "b"}])
    with pytest.raises(ConfigError, match="need a column 'text'; it has sentence, answer"):
        run(Flan(sets=(LabelledSet(name="x", data=path, shape="sentiment"),)))
    columns = {"text": "sentense"}
    with pytest.raises(ConfigError, match="no column 'sentense'; did you mean sentence"):
        run(Flan(sets=(LabelledSet(name="x", data=path, shape="sentiment", columns=columns),)))
    with pytest.raises(ConfigError, match="no shape 'sentimant'; did you mean sentiment"):
        run(Flan(sets=(LabelledSet(name="x", data=path, shape="sentimant"),)))
    path.write_text('{"text": "a", "answer": "b"}\n{\n')
    with pytest.raises(ConfigError, match=r"x\.jsonl, line 2: not a JSON object"):
        run(Flan(sets=(LabelledSet(name="x", data=path, shape="sentiment"),)))


def test_seeds_are_a_set_of_their_own(tmp_path):
    origin = Origin(recipe="t")
    seeds = [
        Example.single("Add.", f"{n + 1}", input=f"{n} and 1", origin=origin) for n in range(30)
    ]
    examples, told = run(Flan(few_shot=0.5, shots=1), seeds)
    assert (told["seeds"]["rows"], told["seeds"]["examples"], len(examples)) == (30, 30, 30)
    assert {p for e in examples for p in e.origin.parents} <= {seed.id for seed in seeds}


def test_a_run_file_lists_sets_with_paths_of_its_own_and_says_what_is_wrong_in_them(tmp_path):
    reviews(tmp_path, 10)
    text = (
        "generate:\n  - use: flan\n    sets:\n"
        "      - {name: r, data: reviews.jsonl, shape: sentiment, columns: {answer: label}}\n"
    )
    file = tmp_path / "run.yaml"
    file.write_text(text)
    config = load(file)
    assert config.generate[0].use.sets[0].data == tmp_path / "reviews.jsonl"
    inner = tmp_path / "runs/deep"
    inner.mkdir(parents=True)
    (inner / "run.yaml").write_text(config.to_yaml(inner))
    assert load(inner / "run.yaml").generate[0].use.sets[0].data.resolve() == (
        tmp_path / "reviews.jsonl"
    )
    file.write_text(text.replace("reviews.jsonl", "gone.jsonl").replace("shape", "shap"))
    with pytest.raises(ConfigError, match=r"sets\.0\.shap: unknown setting"):
        load(file)
    file.write_text(text.replace("reviews.jsonl", "gone.jsonl"))
    with pytest.raises(ConfigError, match=r"generate\.0\.sets\.0\.data: no such file"):
        load(file)
    file.write_text(text.replace("name: r", "name: 3"))
    with pytest.raises(ConfigError, match=r"sets\.0\.name: should be a valid string, not 3"):
        load(file)


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 0}, {"few_shot": 2}, {"options": -1}, {"shots": 17}, {"target": 0},
     {"sets": (LabelledSet(name="a"), LabelledSet(name="a"))}],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError):
        Flan(**wrong)
