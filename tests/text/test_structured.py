"""Reading JSON out of replies."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didact.errors import ConfigError, ParseError
from didact.records import Reply
from didact.text.structured import read_json, read_reply

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
CONTAINERS = VALUES.filter(lambda value: isinstance(value, list | dict))
PROSE = st.text(st.characters(exclude_characters="[{`"), max_size=60)


@settings(max_examples=60, deadline=None)
@given(CONTAINERS, PROSE, PROSE, st.booleans(), st.sampled_from([None, 2]))
def test_any_array_or_object_comes_out_of_the_prose_around_it(
    value: Any, before: str, after: str, ascii: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii, indent=indent)
    assert read_json(f"{before}{text}{after}") == value


@settings(max_examples=40, deadline=None)
@given(VALUES, st.sampled_from(["{}", " {}\n", "```json\n{}\n```", "```\n{}\n```\n"]))
def test_any_value_comes_out_alone_or_in_a_fence(value: Any, around: str) -> None:
    assert read_json(around.replace("{}", json.dumps(value))) == value


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_what_python_prints_is_read_too(value: Any) -> None:
    assert read_json(f"Answer: {[value]!r}") == [value]


SCRAPS = st.sampled_from([*"[]{}\"',:\\/#*\n -+.1eE`", "true", "None", "```json\n", "\\u12"])


@settings(max_examples=150, deadline=None)
@given(st.lists(SCRAPS | st.text(max_size=3), max_size=40).map("".join))
def test_nothing_but_a_parse_error_with_the_reply_is_ever_raised(text: str) -> None:
    try:
        value = read_json(text, schema={"type": ["object", "array"]})
    except ParseError as error:
        value, text = [], [error.reply, text]
        assert text[0] == text[1]
    assert json.loads(json.dumps(value, allow_nan=False)) == value


@settings(max_examples=60, deadline=None)
@given(CONTAINERS.filter(bool), PROSE, st.data())
def test_a_text_cut_anywhere_inside_its_value_is_refused(
    value: Any, before: str, data: st.DataObject
) -> None:
    text = json.dumps(value)
    kept = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(ParseError, match=r"cut off|no JSON"):
        read_json(before + text[:kept])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": [1, 2,],}', {"a": 1, "b": [1, 2]}),
        ("{'a': 'it\\'s', 'b': None, 'c': True}", {"a": "it's", "b": None, "c": True}),
        ('{a: 1, some-key: "x"} // done', {"a": 1, "some-key": "x"}),
        ('{"a": 1, # one\n /* two */ "b": 2 // three\n}', {"a": 1, "b": 2}),
        ('{"url": "http://x/#y"}', {"url": "http://x/#y"}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"a": """say "hi" now"""}', {"a": 'say "hi" now'}),
        ('{"path": "C:\\dir", "tex": "\\alpha"}', {"path": "C:\\dir", "tex": "\\alpha"}),
        ('{"a": +1, "b": .5, "c": 1_000, "d": 2.}', {"a": 1, "b": 0.5, "c": 1000, "d": 2.0}),
        ('{"a": "\\ud83d\\ude00", "b": "\\x41"}', {"a": "\U0001f600", "b": "A"}),
        ('Use {braces} and [links], then {"a": 1}.', {"a": 1}),
        ("First {} came.\n```json\n[1]\n```", [1]),
        ('{"code": "```python\\nx = {}\\n```"}', {"code": "```python\nx = {}\n```"}),
        ("True", True),
        ("'yes'", "yes"),
        ("\ufeff [1]", [1]),
    ],
)
def test_the_usual_habits_of_models_are_read(text: str, value: Any) -> None:
    assert read_json(text) == value


def test_the_first_value_that_fits_the_schema_is_taken() -> None:
    schema: dict[str, Any] = {"type": "object", "required": ["score"]}
    text = 'As asked [1]: {"note": "draft"} and {"score": 3} and {"score": 4}'
    assert read_json(text, schema=schema) == {"score": 3}
    assert read_json(text) == [1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("I would rather not.", "no JSON"),
        ('{"items": [{"a": 1}, {"a": 2}', "cut off"),
        ('```json\n{"a": "never ends', "cut off"),
        ('{"a": {"b": 1} oops, "c": {"d": 2}}', "comma or } is missing at character 15"),
        ('{"a": 1 "b": 2}', "comma"),
        ('{"a": NaN}', "no value"),
        ('{"a": 1e999}', "out of range"),
        (f'{{"a": {"9" * 5000}}}', "out of range"),
        ('{"a":' * 200 + "1" + "}" * 200 + " x", "nests deeper"),
    ],
)
def test_what_is_cut_broken_or_missing_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason) as caught:
        read_json(text)
    assert caught.value.reply == text


def test_a_reply_cut_in_its_second_value_is_refused_where_the_first_does_not_fit() -> None:
    schema: dict[str, Any] = {"required": ["b"]}
    with pytest.raises(ParseError, match="cut off"):
        read_json('{"a": 1} then {"b": [1', schema=schema)


def test_a_hostile_reply_takes_no_longer_than_its_length_asks() -> None:
    start = time.perf_counter()
    for scrap in ("[", '{"a":', '["', "[1,", "{'", "/*", '{"a": "x', "```"):
        with pytest.raises(ParseError):
            read_json(scrap * 2_000)
    assert time.perf_counter() - start < 5


def fits(value: Any, schema: dict[str, Any]) -> bool:
    try:
        return read_json(json.dumps([value]), schema={"items": schema}) == [value]
    except ParseError:
        return False


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "integer"}, [1, -3, 2.0], [1.5, True, "1", None]),
        ({"type": "number"}, [1, 1.5], [False, "1"]),
        ({"type": ["string", "null"]}, ["x", None], [1, []]),
        ({"enum": [1, "a", [True]]}, [1, "a", [True], 1.0], [True, "b", [1]]),
        ({"const": {"a": 1}}, [{"a": 1}], [{"a": 2}, {}]),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, [{"a": "x", "b": 1}], [{}]),
        ({"properties": {"a": {}}, "additionalProperties": False}, [{"a": 1}], [{"b": 1}]),
        ({"additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": "x"}]),
        ({"items": {"minimum": 2, "maximum": 3}}, [[2, 3], []], [[1], [4]]),
        ({"prefixItems": [{"type": "string"}], "items": False}, [["a"], []], [[1], ["a", 1]]),
        ({"minItems": 1, "maxItems": 2, "uniqueItems": True}, [[1], [1, 2]], [[], [1, 1]]),
        ({"minLength": 2, "maxLength": 3, "pattern": "^a"}, ["ab", "abc"], ["a", "abcd", "ba"]),
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 9, "multipleOf": 3}, [3, 6], [0, 9, 4]),
        ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, ["x", 5], [4]),
        ({"oneOf": [{"type": "integer"}, {"minimum": 5}]}, [4, 5.5], [5, 1.5]),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1, 2], [0, 3]),
        ({"not": {"type": "null"}}, [1], [None]),
        ({"minProperties": 1, "maxProperties": 1}, [{"a": 1}], [{}, {"a": 1, "b": 2}]),
    ],
)
def test_a_schema_lets_the_right_values_through(
    schema: dict[str, Any], right: list[Any], wrong: list[Any]
) -> None:
    assert [value for value in right if not fits(value, schema)] == []
    assert [value for value in wrong if fits(value, schema)] == []


def test_references_reach_into_the_schema_also_to_itself() -> None:
    tree: dict[str, Any] = {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/node"}},
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/node",
    }
    assert read_json('{"next": {"next": {}}}', schema=tree) == {"next": {"next": {}}}
    with pytest.raises(ParseError, match=r"\['next'\]\['next'\]"):
        read_json('{"next": {"next": 3}}', schema=tree)


@pytest.mark.parametrize(
    "schema",
    [
        {"if": {}},
        {"type": "text"},
        {"$ref": "#/nowhere"},
        {"$ref": "http://elsewhere"},
        {"$ref": "#"},
        {"pattern": "["},
        {"anyOf": {}},
    ],
)
def test_a_schema_that_cannot_be_checked_is_a_mistake_in_the_configuration(
    schema: dict[str, Any],
) -> None:
    with pytest.raises(ConfigError, match="schema"):
        read_json('"text"', schema=schema)


def test_a_reply_that_is_not_complete_is_refused_even_where_it_reads_well() -> None:
    assert read_reply(Reply(text='{"a": 1}')) == {"a": 1}
    for finish in ("length", "refused"):
        with pytest.raises(ParseError, match=r"cut off|refused"):
            read_reply(Reply(text='{"a": 1}', finish=finish))


def test_the_error_names_the_call_under_which_the_reply_is_logged() -> None:
    with pytest.raises(ParseError, match="call abc123: there is no JSON") as caught:
        read_reply(Reply(text="no", key="abc123"))
    assert caught.value.reply == "no"
