"""Templates of labelled data: an input and a target with the names of columns in braces.

The form of FLAN's public tables (Wei et al. 2021, arXiv 2109.01652): a data set has a list of pairs
``[input, target]``, ten as a rule. Read from YAML or JSON, plain or gzipped: one list, or a mapping
of names to lists, also under ``PATTERNS`` as FLAN publishes them. A few shapes of tasks have ten
templates in our own words.

No calls.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, cast

import yaml

from didact.components import nearest
from didact.errors import ConfigError
from didact.formats.containers import open_bytes
from didact.labelled.options import PLACES
from didact.records import JSON

__all__ = ["MissingColumn", "Pattern", "fill", "read_patterns", "shapes"]

_PLACE = re.compile(r"\{(\w+)\}")


class MissingColumn(Exception):
    """A row has no value for a column that the template names."""


class Pattern(NamedTuple):
    """One template."""

    number: int
    """Its place in the data set's list, from 0."""
    input: str
    target: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it needs, in the order in which it names them."""
        return tuple(name for name in _places(self.input + self.target) if name not in PLACES)

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The columns of its input."""
        return tuple(name for name in _places(self.input) if name not in PLACES)

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The columns of its target."""
        return _places(self.target)

    @property
    def with_options(self) -> bool:
        """Whether it lists the possible answers."""
        return any(name in PLACES for name in _places(self.input))


def fill(text: str, values: Mapping[str, JSON]) -> str:
    """The text with the values of the columns; braces within a value stay as they are."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match.group(1))
        if found is None:
            raise MissingColumn(match.group(1))
        return found if isinstance(found, str) else _plain(found)

    return _PLACE.sub(value, text)


def read_patterns(path: Path, *names: str) -> tuple[Pattern, ...]:
    """The templates in a file, under the first of the names that it has; ConfigError else."""
    with open_bytes(path) as file:
        try:
            text = file.read()
            # JSON is read as JSON: YAML takes no tabs between its values.
            json_here = ".json" in path.suffixes
            data: object = json.loads(text) if json_here else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError, OSError, EOFError) as error:
            raise ConfigError(f"{path}: templates cannot be read ({error})") from error
    if isinstance(data, Mapping):
        tables = cast("Mapping[str, object]", data)
        inner = tables.get("PATTERNS")
        if isinstance(inner, Mapping):
            tables = cast("Mapping[str, object]", inner)
        data = next((tables[name] for name in names if name in tables), None)
        if data is None:
            known = nearest(names[0], list(map(str, tables)))
            raise ConfigError(f"{path}: no templates called {' or '.join(names)}{known}")
    return _patterns(data, str(path))


@lru_cache
def shapes(name: str = "shapes") -> Mapping[str, tuple[Pattern, ...]]:
    """The shapes of tasks that didact has templates for; ``reasoning`` has those with reasons."""
    text = (files("didact") / "labelled" / f"{name}.yaml").read_text(encoding="utf-8")
    tables = cast("dict[str, object]", yaml.safe_load(text))
    return {name: _patterns(table, name) for name, table in tables.items()}


def _patterns(data: object, name: str) -> tuple[Pattern, ...]:
    if not isinstance(data, Sequence) or isinstance(data, str) or not data:
        raise ConfigError(f"{name}: templates are a list of [input, target], not {data!r:.60}")
    found: list[Pattern] = []
    for number, entry in enumerate(cast("Sequence[object]", data)):
        pair: list[object] = []
        if isinstance(entry, Mapping):
            keyed = cast("Mapping[str, object]", entry)
            pair = [keyed.get("input"), keyed.get("target")]
        elif isinstance(entry, Sequence) and not isinstance(entry, str):
            pair = list(cast("Sequence[object]", entry))
        if len(pair) != 2 or not all(isinstance(part, str) and part for part in pair):
            raise ConfigError(f"{name}: template {number} is no [input, target]: {entry!r:.60}")
        found.append(Pattern(number, cast("str", pair[0]), cast("str", pair[1])))
    return tuple(found)


def _places(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_PLACE.findall(text)))


def _plain(value: JSON) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return str(value)
