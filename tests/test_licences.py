"""May a model trained on this be released? The terms, line by line."""

import pytest

from didact.licences import OWN, provider_terms, terms, terms_lines
from didact.records import Example, Origin


def made(count, *, recipe="jsonl", calls=(), **meta):
    origin = Origin(recipe=recipe, calls=calls)
    return [Example.single(f"{n}", "x", origin=origin, meta=meta) for n in range(count)]


@pytest.mark.parametrize(
    ("licence", "generator", "use"),
    [
        ("Apache-2.0", "human", "open"),
        ("CC0", "", "open"),
        ("CC BY 4.0", "human", "attribution"),
        ("CC BY-SA 3.0", "human", "share-alike"),
        ("CC BY-NC 4.0", "text-davinci-003", "non-commercial"),
        ("CC BY-NC-SA 4.0", "human", "non-commercial"),
        ("MIT", "gpt-4 or gpt-3.5-turbo", "unclear"),
        ("Apache-2.0; the data sets underneath keep their own terms", "human", "unclear"),
        ("A licence of my own", "human", "unclear"),
        ("", "human", "unclear"),
        ("", "my-model-7b", "unclear"),
    ],
)
def test_what_a_licence_and_a_provider_allow(licence, generator, use):
    """methods.md section 18.2: licences of the data, and terms of who wrote it."""
    [found] = terms(made(1, licence=licence, generator=generator))
    assert found.use == use
    assert found.meaning


@pytest.mark.parametrize(
    ("name", "provider"),
    [("gpt-4o", "OpenAI"), ("text-davinci-003", "OpenAI"), ("claude-x", "Anthropic"),
     ("Llama-3.3-70B", "Meta"), ("Qwen/Qwen2.5-7B", ""), ("human", ""), ("ChatGPT", "OpenAI")],
)  # fmt: skip
def test_providers_are_told_by_the_names_of_their_models(name, provider):
    assert provider_terms(name).startswith(f"{provider}'s terms" if provider else "")
    assert bool(provider_terms(name)) == bool(provider)


def test_the_strictest_terms_come_first_and_answer():
    examples = [*made(3, licence="MIT", generator="human"), *made(2, licence="CC BY-NC 4.0")]
    lines = terms_lines(terms(examples))
    assert lines[0] == "terms     may a model trained on this be released? not for commercial use"
    assert "2  jsonl: CC BY-NC 4.0: not for commercial use" in lines[1]
    assert "3  jsonl: MIT, written by human: keep the notice" in lines[2]
    assert terms_lines(()) == []
    assert terms_lines(terms(examples[:3]))[0].endswith("yes, with the notices kept")


def test_examples_of_recipes_are_under_the_terms_of_the_models_asked_and_of_their_seeds():
    generated = made(4, recipe="self-instruct", calls=("k",))
    seeds = made(1, recipe="dolly", licence="CC BY-SA 3.0", generator="human")
    found = terms(generated, seeds=seeds, models=["gpt-4o-mini"])
    assert [(t.source, t.generator, t.use) for t in found] == [
        ("self-instruct", "gpt-4o-mini", "unclear"),
        ("dolly (seed)", "human", "share-alike"),
    ]
    [line] = [line for line in terms_lines(found) if "self-instruct" in line]
    assert "licence not stated, written by gpt-4o-mini" in line
    assert "OpenAI's terms: not to build models that compete" in line


def test_what_the_embedded_model_writes_may_be_used_like_the_rest_of_didact():
    written = Example.single("a", "b", origin=Origin(recipe="self-instruct", calls=("k",)))
    [found] = terms([written], models=[OWN])
    assert (found.use, found.licence, found.generator) == ("open", "Apache-2.0", OWN)
    [other] = terms([written], models=["some-model"])
    assert other.use == "unclear"
