"""Whether a JSON value fits a JSON schema, in the part of the standard that replies are asked in.

Types, enumerations, objects, arrays, bounds, patterns, ``anyOf``/``oneOf``/``allOf``/``not`` and
``$ref`` within the schema. A keyword that constrains and is not known is a ConfigError: to pass it
over would call a reply right that nobody checked. Lighter than the ``jsonschema`` package, which
the core does not depend on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from didact.errors import ConfigError
from didact.records import JSON

__all__ = ["misfit"]

_TYPES: dict[str, Callable[[JSON], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        isinstance(value, int) and not isinstance(value, bool)
    ) or (isinstance(value, float) and value.is_integer()),
}  # fmt: skip

_CHECKED = frozenset({
    "type", "enum", "const", "properties", "required", "additionalProperties", "items",
    "prefixItems", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf", "not", "$ref",
})  # fmt: skip
_SILENT = frozenset({
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs",
    "definitions", "$anchor", "format", "deprecated", "readOnly", "writeOnly", "contentEncoding",
    "contentMediaType",
})  # fmt: skip
"""Keywords that describe and do not constrain."""


def misfit(value: JSON, schema: Mapping[str, JSON]) -> str | None:
    """The first thing about the value that does not fit, with its place; None where all fits."""
    try:
        return next(_Check(schema).misfits(value, dict(schema), "the value"), None)
    except RecursionError as error:
        raise ConfigError("the schema refers to itself without end") from error


class _Check:
    """The checks against one schema, which its references point into."""

    def __init__(self, root: Mapping[str, JSON]) -> None:
        self._root = root

    def misfits(self, value: JSON, schema: JSON, at: str) -> Iterator[str]:
        """What does not fit, in the order of the schema's importance."""
        if isinstance(schema, bool):
            if not schema:
                yield f"{at} may not be there"
            return
        if not isinstance(schema, dict):
            raise ConfigError(f"a schema is an object, not {schema!r}")
        unknown = schema.keys() - _CHECKED - _SILENT
        if unknown:
            raise ConfigError(f"the schema's keyword {sorted(unknown)[0]!r} is not understood")
        yield from _plain(value, schema, at)
        yield from self._combined(value, schema, at)
        if isinstance(value, dict):
            yield from self._object(value, schema, at)
        elif isinstance(value, list):
            yield from self._array(value, schema, at)
        elif isinstance(value, str):
            yield from _string(value, schema, at)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield from _number(value, schema, at)

    def _combined(self, value: JSON, schema: dict[str, JSON], at: str) -> Iterator[str]:
        if "$ref" in schema:
            yield from self.misfits(value, self._referred(schema["$ref"]), at)
        for part in _list(schema, "allOf"):
            yield from self.misfits(value, part, at)
        if "anyOf" in schema and not any(self._fits(value, s) for s in _list(schema, "anyOf")):
            yield f"{at} fits none of the alternatives"
        if "oneOf" in schema:
            fitting = sum(self._fits(value, part) for part in _list(schema, "oneOf"))
            if fitting != 1:
                yield f"{at} fits {fitting or 'none'} of the alternatives, not one"
        if "not" in schema and self._fits(value, schema["not"]):
            yield f"{at} is what it may not be"

    def _fits(self, value: JSON, schema: JSON) -> bool:
        return next(self.misfits(value, schema, ""), None) is None

    def _referred(self, reference: JSON) -> JSON:
        """What a reference within the schema points to."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ConfigError(f"the schema's $ref {reference!r} does not point into the schema")
        found: JSON = dict(self._root)
        for step in filter(None, reference[1:].split("/")):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise ConfigError(f"the schema's $ref {reference!r} points nowhere")
            found = found[name]
        return found

    def _object(self, value: dict[str, JSON], schema: dict[str, JSON], at: str) -> Iterator[str]:
        for name in _list(schema, "required"):
            if name not in value:
                yield f"{at} lacks {name!r}"
        yield from _bounds(len(value), schema, at, names=("minProperties", "maxProperties"))
        properties = cast("dict[str, JSON]", schema.get("properties", {}))
        further = schema.get("additionalProperties", True)
        for name, item in value.items():
            if name in properties:
                yield from self.misfits(item, properties[name], f"{at}[{name!r}]")
            elif further is False:
                yield f"{at} has {name!r}, which is not asked for"
            else:
                yield from self.misfits(item, further, f"{at}[{name!r}]")

    def _array(self, value: list[JSON], schema: dict[str, JSON], at: str) -> Iterator[str]:
        yield from _bounds(len(value), schema, at, names=("minItems", "maxItems"))
        first = _list(schema, "prefixItems")
        rest = schema.get("items", True)
        for place, item in enumerate(value):
            expected = first[place] if place < len(first) else rest
            yield from self.misfits(item, expected, f"{at}[{place}]")
        if schema.get("uniqueItems") and any(
            _same(one, other) for n, one in enumerate(value) for other in value[:n]
        ):
            yield f"{at} holds an item twice"


def _plain(value: JSON, schema: dict[str, JSON], at: str) -> Iterator[str]:
    """Type, enumeration, constant."""
    if "type" in schema:
        stated = schema["type"]
        types = stated if isinstance(stated, list) else [stated]
        unknown = [name for name in types if name not in _TYPES]
        if unknown:
            raise ConfigError(f"the schema's type {unknown[0]!r} is not understood")
        if not any(_TYPES[cast("str", name)](value) for name in types):
            yield f"{at} should be of type {' or '.join(map(str, types))}, not {_shown(value)}"
    if "enum" in schema and not any(_same(value, one) for one in _list(schema, "enum")):
        yield f"{at} should be one of {_shown(schema['enum'])}, not {_shown(value)}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{at} should be {_shown(schema['const'])}, not {_shown(value)}"


def _string(value: str, schema: dict[str, JSON], at: str) -> Iterator[str]:
    yield from _bounds(len(value), schema, at, names=("minLength", "maxLength"))
    if "pattern" in schema:
        pattern = str(schema["pattern"])
        try:
            found = re.search(pattern, value)
        except re.error as error:
            raise ConfigError(f"the schema's pattern {pattern!r} is none: {error}") from error
        if not found:
            yield f"{at} does not match {pattern!r}"


def _number(value: float, schema: dict[str, JSON], at: str) -> Iterator[str]:
    yield from _bounds(value, schema, at, names=("minimum", "maximum"))
    least, most = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if isinstance(least, int | float) and value <= least:
        yield f"{at} should be above {least}, not {value}"
    if isinstance(most, int | float) and value >= most:
        yield f"{at} should be below {most}, not {value}"
    step = schema.get("multipleOf")
    if isinstance(step, int | float) and step and value % step:
        yield f"{at} should be a multiple of {step}, not {value}"


def _bounds(
    size: float, schema: dict[str, JSON], at: str, *, names: tuple[str, str]
) -> Iterator[str]:
    """The least and the most of a number, a length or a count."""
    least, most = (schema.get(name) for name in names)
    if isinstance(least, int | float) and size < least:
        yield f"{at}: {names[0]} is {least}, not {size}"
    if isinstance(most, int | float) and size > most:
        yield f"{at}: {names[1]} is {most}, not {size}"


def _list(schema: dict[str, JSON], name: str) -> Sequence[JSON]:
    found = schema.get(name, [])
    if not isinstance(found, list):
        raise ConfigError(f"the schema's {name} is a list, not {found!r}")
    return found


def _same(one: JSON, other: JSON) -> bool:
    """Equality of JSON: true is not 1, at any depth; 1 and 1.0 are the same number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return one == other


def _shown(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
