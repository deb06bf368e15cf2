"""PromptSource over rows of one's own: what is made, what is refused and why."""

import asyncio
import json

import pytest

from didact.context import Context
from didact.errors import ConfigError
from didact.recipes.promptsource import Promptsource

FILE = """dataset: toy
templates:
  u-1: !Template
    answer_choices: no ||| yes
    jinja: "{{ text }} Good? ||| {% if label != -1 %}{{ answer_choices[label] }}{% endif %}"
    metadata: !TemplateMetadata {original_task: true}
    name: good
  u-2: !Template
    answer_choices: null
    jinja: "{% if label == 1 %}Praise it. ||| {{ text }}{% endif %}"
    metadata: !TemplateMetadata {original_task: false}
    name: praise
  u-3: !Template
    answer_choices: null
    jinja: "{{ text.__class__ }} ||| {{ source }}"
    metadata: !TemplateMetadata {original_task: false}
    name: reaching
"""


@pytest.fixture
def files(tmp_path):
    templates = tmp_path / "templates.yaml"
    templates.write_text(FILE)
    rows = [{"text": f"Film {n}.", "label": n % 3 - 1} for n in range(12)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"templates": templates, "data": tmp_path / "rows.jsonl"}


def run(recipe, seed=3):
    events = []

    async def collect():
        ctx = Context({}, seed=seed, on_event=lambda e, fields: events.append((e, fields)))
        return [example async for example in recipe.run(ctx, ())]

    examples = asyncio.run(collect())
    [told] = [fields for event, fields in events if event == "statistics"]
    for one in told["templates"].values():
        assert one["rows"] == one["examples"] + sum(one["refused"].values())
    return examples, told["templates"]


def test_every_row_goes_through_every_template_and_what_fails_is_counted(files):
    """methods.md 9: one part is dropped; here also a row that keeps its label back."""
    examples, told = run(Promptsource(**files))
    assert told["good"]["refused"] == {"no label": 4}
    assert told["praise"]["refused"] == {"1 parts, not 2": 8}
    assert told["reaching"]["refused"] == {"template refused": 12}
    assert {e.output for e in examples if e.meta["template"] == "good"} == {"yes", "no"}
    first = examples[0]
    assert first.messages[0].content == "Film 1. Good?"
    assert first.meta["options"] == ["no", "yes"]
    assert first.meta["is_classification"] is True
    assert first.meta["dataset"] == "toy"


def test_faithful_keeps_rows_without_a_label_as_the_words_no_label(files):
    """methods.md 9: an empty target becomes the text <NO LABEL>, kept."""
    examples, told = run(Promptsource(**files, mode="faithful", names=("good",)))
    assert [e.output for e in examples].count("<NO LABEL>") == 4
    assert told["good"]["refused"] == {}


def test_of_many_rows_each_template_gets_its_part(files):
    """methods.md 9: more than 500,000 rows: 500,000 // number of templates each."""
    settings = {"names": ("good", "praise"), "mode": "faithful"}
    _, told = run(Promptsource(**files, **settings, most_rows=11))
    assert told["good"]["refused"] == {"over the cap": 7}
    assert told["good"]["examples"] == 5
    _, told = run(Promptsource(**files, **settings, most_rows=12))
    assert told["good"]["examples"] == 12


def test_one_prompt_a_row_is_drawn_by_content(files):
    _, told = run(Promptsource(**files, prompts="one", names=("good", "praise")))
    given = [12 - one["refused"]["given to another template"] for one in told.values()]
    assert sum(given) == 12
    assert 0 < given[0] < 12


def test_only_templates_of_the_original_task(files):
    _, told = run(Promptsource(**files, original_task=True))
    assert list(told) == ["good"]


def test_a_value_that_is_missing_refuses_the_row_and_is_nothing_if_faithful(files):
    files["data"].write_text('{"label": 1}\n{"text": "A", "label": 0}\n')
    examples, told = run(Promptsource(**files, names=("good",)))
    assert told["good"]["refused"] == {"value missing": 1}
    examples, _ = run(Promptsource(**files, names=("good",), mode="faithful"))
    assert examples[0].messages[0].content == "Good?"


def test_mistakes_of_the_run_file_are_told(files):
    with pytest.raises(ConfigError, match="no template 'god'; did you mean good"):
        run(Promptsource(**files, names=("god",)))
    with pytest.raises(ConfigError, match="there are no rows"):
        run(Promptsource(templates=files["templates"]))
    files["templates"].write_text("templates: {u: {jinja: '{% include x %}'}}")
    with pytest.raises(ConfigError, match=r"no template to use; refused: .*Include is not allowed"):
        run(Promptsource(**files))
    files["data"].write_text("{\n")
    files["templates"].write_text(FILE)
    with pytest.raises(ConfigError, match=r"rows\.jsonl, line 1: not a JSON object"):
        run(Promptsource(**files))
