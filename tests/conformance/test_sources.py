"""What every source keeps to, over all files of the folder."""

import json
import pkgutil
from importlib import import_module

import pytest

import didact.sources
import samples
from didact.components import describe
from didact.errors import ConfigError
from didact.formats.refusals import Refusals
from didact.records import Example

NAMES = sorted(module.name for module in pkgutil.iter_modules(didact.sources.__path__))

GOOD = {
    "alpaca": samples.ALPACA,
    "documents": samples.DOCUMENTS,
    "dolly": samples.DOLLY,
    "evol": samples.EVOL,
    "flan": samples.FLAN,
    "hh": samples.HH,
    "lima": samples.LIMA,
    "oasst": samples.OASST,
    "openorca": samples.OPENORCA,
    "parquet": samples.ALPACA,
    "sharegpt": samples.SHAREGPT,
    "jsonl": [
        {"instruction": f"Do {n}.", "input": "it" * (n % 2), "output": f"done {n}", "n": n}
        for n in range(20)
    ],
    "self_instruct_seeds": [
        {
            "id": f"seed_task_{n}",
            "name": f"task {n}",
            "instruction": f"Do {n}.",
            "instances": [{"input": "", "output": f"done {n}"}],
            "is_classification": n % 3 == 0,
        }
        for n in range(20)
    ],
    "superni": [
        {
            "Task": f"task{n}_toy",
            "Definition": [f"Do {n}."],
            "Positive Examples": [{"input": "a", "output": "b", "explanation": "It is so."}],
            "Negative Examples": [],
            "Instances": [{"id": f"task{n}-0", "input": "it", "output": [f"done {n}"]}],
        }
        for n in range(20)
    ],
}
"""A good file for each source that reads one."""
SETTINGS = {"microworld": {"count": 12}, "microworld_pages": {"count": 12}}
"""Settings of the sources that read no file of the user's."""
ELSEWHERE = {"hub"}
"""Sources that read no file given, with tests of their own."""


def component(name):
    module = import_module(f"didact.sources.{name}")
    [class_name] = module.__all__
    return getattr(module, class_name)


@pytest.fixture(params=[name for name in NAMES if name not in {*SETTINGS, *ELSEWHERE}])
def source(request):
    assert request.param in GOOD, f"give the source {request.param} a public sample here"
    return component(request.param), GOOD[request.param]


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_source_without_a_file_gives_the_same_examples_every_time(name, tmp_path):
    made = component(name)(**SETTINGS[name])
    examples = list(made.read())
    assert examples
    assert examples == list(made.read())
    assert len({example.id for example in examples}) == len(examples)
    stored = write(tmp_path, (json.dumps(example.to_json()) for example in examples))
    assert list(component("jsonl")(path=stored).read()) == examples


def write(tmp_path, lines):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_file_that_is_not_there_is_named(source, tmp_path):
    kind, _ = source
    for path in (tmp_path / "missing.jsonl", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            list(kind(path=path).read())


def test_an_empty_file_is_an_error(source, tmp_path):
    kind, _ = source
    path = tmp_path / "empty.jsonl"
    for content in (b"", b"\n \n"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"empty\.jsonl: the file is empty"):
            list(kind(path=path).read())


def test_no_row_is_lost_and_order_is_kept(source, tmp_path):
    kind, rows = source
    path = write(tmp_path, map(json.dumps, rows))
    examples = list(kind(path=path).read())
    assert [example.output for example in examples] == [f"done {n}" for n in range(len(rows))]
    assert examples == list(kind(path=path).read())


def test_what_is_read_survives_being_written_as_our_own(source, tmp_path):
    kind, rows = source
    examples = list(kind(path=write(tmp_path, map(json.dumps, rows))).read())
    stored = write(tmp_path, (json.dumps(example.to_json()) for example in examples))
    assert list(component("jsonl")(path=stored).read()) == examples
    assert all(isinstance(example, Example) and example.origin.recipe for example in examples)


@pytest.mark.parametrize("bad", ["{", "[]", "7", "{}", '{"instruction": 3}', "\ufeff"])
def test_the_first_bad_row_is_named_with_file_and_line(source, tmp_path, bad):
    kind, rows = source
    lines = [json.dumps(row) for row in rows]
    path = write(tmp_path, [*lines[:7], bad, *lines[7:], "{"])
    reader = kind(path=path).read()
    for _ in range(7):
        next(reader)
    with pytest.raises(ConfigError, match=r"data\.jsonl, line 8"):
        next(reader)


def test_bad_rows_that_are_skipped_are_counted_with_their_lines(source, tmp_path):
    kind, rows = source
    if "on_error" not in {field.name for field in describe(kind)}:
        pytest.skip("this source stops at the first bad row in any case")
    lines = [json.dumps(row) for row in rows]
    good = list(kind(path=write(tmp_path, lines)).read())
    path = write(tmp_path, [*lines[:7], "{", *lines[7:], "{}", "7"])
    refusals = Refusals()
    assert list(kind(path=path, on_error="skip").read(refusals)) == good
    assert refusals.total == 3
    assert refusals.read == len(rows) + 3
    messages = [message for found in refusals.first.values() for message in found]
    for line in (8, len(rows) + 2, len(rows) + 3):
        assert any(f"data.jsonl, line {line}: " in message for message in messages)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_is_frozen_and_every_field_says_what_it_is(name):
    kind = component(name)
    assert kind.__doc__
    assert kind.__dataclass_params__.frozen
    assert all(field.doc for field in describe(kind))
