"""A YAML document that remembers the line of every key, so that a message can point at it.

YAML 1.2's plain rules for what is a number or a truth value: ``on`` is a word, ``1e-4`` a number.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml

from didact.errors import ConfigError
from didact.records import JSON

__all__ = ["At", "Document", "parse", "parse_value"]

At: TypeAlias = tuple[str | int, ...]

_MOST, _DEEPEST = 200_000, 100
"""Values of a run file and how deep they may lie: a few lines of aliases (`*a`) can stand for more
than a machine holds."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (how PyYAML declares it)


for _tag, _pattern in {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?(0|[1-9][0-9]*)",
    "float": r"[-+]?((\.\d+|\d+\.\d*)([eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.inf)|\.nan",
    "merge": r"<<",
}.items():
    _Loader.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType]
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A run file as written, with the overrides of the command line in it."""

    file: Path
    data: dict[str, JSON]
    lines: dict[At, int]
    """Line of every key and list entry of the file; overrides have none."""
    overridden: frozenset[At] = frozenset()
    """What the command line set."""

    def place(self, at: At) -> str:
        """Where the value at these keys was written: ``file:line`` or the command line."""
        for length in range(len(at), -1, -1):
            if at[:length] in self.overridden:
                return "command line"
            if at[:length] in self.lines:
                return f"{self.file}:{self.lines[at[:length]]}"
        return str(self.file)

    def override(self, assignments: Sequence[str]) -> Document:
        """The document with ``a.b=c`` applied; list entries go by number or by their ``use``."""
        data = copy.deepcopy(self.data)
        overridden = set(self.overridden)
        for assignment in assignments:
            path, equals, text = assignment.partition("=")
            if not equals or not all(path.split(".")):
                raise ConfigError(f"override {assignment!r}: write it as key.key=value")
            overridden.add(_assign(data, path.split("."), parse_value(text), assignment))
        return Document(
            file=self.file, data=data, lines=self.lines, overridden=frozenset(overridden)
        )


def parse(file: Path) -> Document:
    """Read a YAML file whose top is a mapping."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: no such file") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{file}: is a folder; name a run file (YAML)") from error
    except UnicodeDecodeError as error:
        told = f"byte {error.start} is no UTF-8; a run file is YAML, saved as UTF-8"
        raise ConfigError(f"{file}: cannot be read as text ({told})") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read as text ({error.strerror})") from error
    lines: dict[At, int] = {}
    try:
        # PyYAML's types are incomplete.
        _walk(cast("Any", yaml).compose(text, Loader=_Loader), (), lines, file)
        data: object = yaml.load(text, Loader=_Loader)
    except RecursionError as error:
        raise ConfigError(f"{file}: nested deeper than a run file can be") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{file}{line}: {_problem(error)}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        told = f"a character that no text file has (number {error.character})"
        raise ConfigError(f"{file}:{line}: {told}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: {error}") from error
    if data is None:
        raise ConfigError(f"{file}: is empty; `didact init` writes one to begin with")
    if not isinstance(data, dict):
        raise ConfigError(f"{file}:1: a run file is a mapping of keys to values")
    return Document(file=file, data=cast("dict[str, JSON]", data), lines=lines)


def parse_value(text: str) -> JSON:
    """A value as it would be read from a file."""
    try:
        return cast("JSON", yaml.load(text, Loader=_Loader))
    except yaml.YAMLError as error:
        told = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
        raise ConfigError(f"cannot read the value {text!r}: {told}") from error


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, and what is most often the reason."""
    told = str(error.problem)
    if "'\\t'" in told:
        return "a tab; YAML is indented with spaces"
    if "but found another document" in told:
        return "another document begins (`---`), and a run file is one"
    if "mapping values are not allowed" in told:
        return f"{told}; is it indented wrongly, or a text with a colon that needs quotes?"
    if "expected <block end>" in told:
        return f"{told}; is it indented like the lines above?"
    return told


def _walk(node: yaml.Node | None, at: At, lines: dict[At, int], file: Path) -> None:
    if node is not None and (len(lines) > _MOST or len(at) > _DEEPEST):
        line = node.start_mark.line + 1
        raise ConfigError(
            f"{file}:{line}: more values, or deeper ones, than a run file has; do aliases (`*name`)"
            " repeat too much?"
        )
    if isinstance(node, yaml.MappingNode):
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            name = str(cast("object", key.value))
            line = key.start_mark.line + 1
            if (*at, name) in lines:
                raise ConfigError(
                    f"{file}:{line}: {name} stands twice, first in line {lines[(*at, name)]}"
                )
            lines[(*at, name)] = line
            _walk(value, (*at, name), lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(cast("list[yaml.Node]", node.value)):
            lines[(*at, number)] = value.start_mark.line + 1
            _walk(value, (*at, number), lines, file)


def _assign(data: JSON, keys: list[str], value: JSON, assignment: str) -> At:
    """Set the value in place; the keys as they stand in the document."""
    at: list[str | int] = []
    for number, key in enumerate(keys):
        last = number == len(keys) - 1
        if isinstance(data, list):
            index = _entry(data, key, assignment)
            at.append(index)
            if last:
                data[index] = value
            elif isinstance(data[index], str):
                data[index] = {"use": data[index]}
            data = data[index]
        elif isinstance(data, dict):
            at.append(key)
            if last:
                data[key] = value
            elif data.get(key) is None:
                data[key] = {}
            elif isinstance(data[key], str):
                # `train: sft` is short for `train: {use: sft}`.
                data[key] = {"use": data[key]}
            data = data[key]
        else:
            raise ConfigError(
                f"override {assignment!r}: {'.'.join(keys[:number])} is {data!r}, which has no keys"
            )
    return tuple(at)


def _entry(entries: list[JSON], key: str, assignment: str) -> int:
    if key.isdecimal() and int(key) < len(entries):
        return int(key)
    uses = [entry.get("use") if isinstance(entry, dict) else entry for entry in entries]
    if key in uses:
        return uses.index(key)
    raise ConfigError(
        f"override {assignment!r}: no entry {key!r}; there are"
        f" {', '.join(f'{number} ({use})' for number, use in enumerate(uses))}"
    )
