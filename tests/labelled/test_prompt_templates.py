"""PromptSource's templates: the worked cases of methods.md 9, and the public files."""

import gzip
import json
from random import Random

import pytest

from didact.errors import ConfigError
from didact.labelled.prompt_templates import (
    PromptTemplate,
    Rendering,
    parse_templates,
    read_templates,
)
from didact.text.sandbox import MissingValue, Sandbox

FOLLOWS = (
    "Does it follow? {{premise}} => {{hypothesis}} |||"
    " {% if label != -1 %}{{ answer_choices[label] }}{% endif %}"
)


def apply(jinja, row, choices="Yes ||| No", *, faithful=True, most=2048):
    template = PromptTemplate(
        id="1", name="t", jinja=jinja, answer_choices=choices, original_task=True,
        dataset="d", subset="",
    )  # fmt: skip
    sandbox = Sandbox(strict=not faithful)
    rendering = Rendering(template, sandbox, most=most, faithful=faithful)
    return rendering.apply(row, Random(0)).parts


@pytest.mark.parametrize("faithful", [True, False])
@pytest.mark.parametrize(
    ("premise", "label", "parts"),
    [
        ("A", 1, ("Does it follow? A => B", "No")),
        ("A", -1, ("Does it follow? A => B", "")),
        ("A ||| C", 0, ("Does it follow? A ||| C => B", "Yes")),
    ],
)
def test_branches_choices_and_a_separator_in_the_data(premise, label, parts, faithful):
    """methods.md 9."""
    row = {"premise": premise, "hypothesis": "B", "label": label}
    assert apply(FOLLOWS, row, faithful=faithful) == parts


def test_a_template_inside_a_false_condition_is_one_empty_part():
    """methods.md 9."""
    assert apply(f"{{% if false %}}{FOLLOWS}{{% endif %}}", {}) == ("",)


def test_a_separator_in_a_nested_value_makes_three_parts_unless_corrected():
    """methods.md 9."""
    row = {"a": {"b": "x ||| y"}, "l": ["p ||| q"]}
    assert apply("{{ a.b }} ||| z", row) == ("x", "y", "z")
    assert apply("{{ a.b }} ||| {{ l[0] }}", row, faithful=False) == ("x ||| y", "p ||| q")


@pytest.mark.parametrize(("length", "kept"), [(2053, 2053), (2054, 2048)])
def test_values_are_cut_to_2048_characters_with_a_leeway_of_five(length, kept):
    """methods.md 9."""
    [text, _] = apply("{{ x }} ||| y", {"x": "a" * length})
    assert len(text) == kept
    assert text.endswith("..." if kept < length else "aaa")
    assert len(apply("{{ x }} ||| y", {"x": "a" * length}, most=None)[0]) == length


def test_answer_choices_are_a_template_stripped_and_a_reserved_name():
    """methods.md 9."""
    jinja = "? ||| {{ answer_choices | join('/') }}"
    assert apply(jinja, {"n": 3}, " a{{ n }}  ||| b") == ("?", "a3/b")
    with pytest.raises(MissingValue, match="reserved"):
        apply(jinja, {"answer_choices": []})


def test_the_two_tags_are_read_and_no_other_makes_an_object(tmp_path):
    """methods.md 9: `!Template` and `!TemplateMetadata`."""
    text = (
        "dataset: d\nsubset: s\ntemplates:\n  u-1: !Template\n    answer_choices: a ||| b\n"
        "    id: u-1\n    jinja: '{{ x }} ||| {{ y }}'\n    name: n\n    reference: ''\n"
        "    metadata: !TemplateMetadata {original_task: true, metrics: [Accuracy]}\n"
    )
    [found] = parse_templates(text, "t")
    assert (found.id, found.name, found.dataset, found.subset) == ("u-1", "n", "d", "s")
    assert (found.answer_choices, found.original_task) == ("a ||| b", True)
    folder = tmp_path / "d" / "s"
    folder.mkdir(parents=True)
    (folder / "templates.yaml").write_text(text)
    assert read_templates(tmp_path, dataset="d", subset="s") == (found,)
    with pytest.raises(ConfigError, match="no such file; set `dataset`"):
        read_templates(tmp_path, dataset="e", subset="")
    for bad in (
        "a: !!python/object/apply:os.system [ls]",
        "templates: {u: !Other {jinja: a}}",
        "templates: {u: !Template [1]}",
        "templates: {u: !Template {jinja: 3}}",
        "templates: {u: {jinja: a, answer_choices: [b]}}",
        "templates: []",
        "dataset: d",
        "- 3",
        "a: [",
        "",
    ):
        with pytest.raises(ConfigError, match="t:"):
            parse_templates(bad, "t")


@pytest.mark.parametrize("part", ["an eighth", pytest.param("the rest", marks=pytest.mark.slow)])
def test_every_public_template_is_read_and_may_be_rendered(data, part):
    """methods.md 9: none lacks the separator; the sandbox refuses none of them."""
    count = 0
    sandbox = Sandbox()
    with gzip.open(data / "promptsource/templates.jsonl.gz") as file:
        lines = file.readlines()
        # One file of eight in every run of the tests; all others take half a minute.
        eighth = lines[::8]
        for line in eighth if part == "an eighth" else [x for x in lines if x not in eighth]:
            row = json.loads(line)
            for template in parse_templates(row["yaml"], row["path"]):
                assert "|||" in template.jinja
                Rendering(template, sandbox, most=2048, faithful=False)
                count += 1
    assert count > 100
